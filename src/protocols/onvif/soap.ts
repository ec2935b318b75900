import { createHash } from "node:crypto";
import { at, descendants, escapeXml, parseXml, textAt } from "../xml/xml.ts";
import type { XmlElement } from "../xml/xml.ts";
import type { Credentials } from "../rtsp/authentication.ts";

const SECURITY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss";

/** What proves who asks: WS-Security UsernameToken Profile 1.0 with a password digest. */
export interface TokenInput {
  readonly credentials: Credentials;
  /** Random bytes, new for each request. */
  readonly nonce: Uint8Array;
  /** The device's time, in ISO 8601: devices refuse what is older than some seconds. */
  readonly created: string;
}

/** Base64(SHA-1(nonce + created + password)). */
export function passwordDigest({ credentials, nonce, created }: TokenInput): string {
  return createHash("sha1").update(nonce).update(created).update(credentials.password).digest("base64");
}

/** A request: SOAP 1.2, with a UsernameToken when one is given. `body` is XML. */
export function soapEnvelope(body: string, token?: TokenInput): string {
  const header = token === undefined ? "" : `<s:Header>${usernameToken(token)}</s:Header>`;
  return `<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope">${header}<s:Body>${body}</s:Body></s:Envelope>`;
}

function usernameToken(token: TokenInput): string {
  return [
    `<wsse:Security s:mustUnderstand="1" xmlns:wsse="${SECURITY}-wssecurity-secext-1.0.xsd" xmlns:wsu="${SECURITY}-wssecurity-utility-1.0.xsd">`,
    `<wsse:UsernameToken><wsse:Username>${escapeXml(token.credentials.user)}</wsse:Username>`,
    `<wsse:Password Type="${SECURITY}-username-token-profile-1.0#PasswordDigest">${passwordDigest(token)}</wsse:Password>`,
    `<wsse:Nonce EncodingType="${SECURITY}-soap-message-security-1.0#Base64Binary">${Buffer.from(token.nonce).toString("base64")}</wsse:Nonce>`,
    `<wsu:Created>${escapeXml(token.created)}</wsu:Created></wsse:UsernameToken></wsse:Security>`,
  ].join("");
}

/** The device refused: the SOAP fault's own words. */
export class SoapFault extends Error {
  override readonly name = "SoapFault";
  /** Whether it is about who asks. */
  readonly isUnauthorized: boolean;

  constructor(reason: string, isUnauthorized: boolean) {
    super(reason);
    this.isUnauthorized = isUnauthorized;
  }
}

/** The body's only element. Throws {@link SoapFault} for a fault of SOAP 1.1 or 1.2, `XmlError` for anything that is no envelope. */
export function parseSoap(text: string): XmlElement | undefined {
  const envelope = parseXml(text);
  const body = at(envelope, "Body");
  const fault = at(body, "Fault");
  if (fault !== undefined) {
    const codes = [...descendants(fault, "Value"), ...descendants(fault, "faultcode")].map(({ text: value }) => value);
    const reason = textAt(fault, "Reason", "Text") ?? textAt(fault, "faultstring") ?? codes.at(-1) ?? "a fault without a reason";
    throw new SoapFault(reason, codes.some((code) => /NotAuthorized|FailedAuthentication|InvalidSecurity/i.test(code)) || /not\s*authori[sz]ed/i.test(reason));
  }
  return body?.children[0];
}
