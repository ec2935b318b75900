import { at, childrenOf, descendants, escapeXml, parseXml, textAt } from "../xml/xml.ts";

/**
 * WS-Discovery as ONVIF uses it: OASIS WS-Discovery 2005/04 over UDP multicast, ONVIF Core Specification §7.
 * https://www.onvif.org/specs/core/ONVIF-Core-Specification.pdf
 */

/** Where probes go: every device listens there. */
export const DISCOVERY_GROUP = { address: "239.255.255.250", port: 3702 } as const;

/** What devices may be asked to be: cameras and encoders, and anything that speaks ONVIF (recorders). */
export const DEVICE_TYPES = ["dn:NetworkVideoTransmitter", "tds:Device"] as const;

/** A device that answered. */
export interface DiscoveredDevice {
  /** Stays the same over restarts and changes of address. */
  readonly endpoint: string;
  /** Addresses of its device service, http:// or https://. */
  readonly addresses: readonly string[];
  readonly name: string | undefined;
  readonly hardware: string | undefined;
  readonly location: string | undefined;
}

/** A probe for one type. `messageId` is a UUID. */
export function probeMessage(messageId: string, type: (typeof DEVICE_TYPES)[number]): string {
  return [
    `<?xml version="1.0" encoding="UTF-8"?>`,
    `<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" xmlns:w="http://schemas.xmlsoap.org/ws/2004/08/addressing"`,
    ` xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" xmlns:dn="http://www.onvif.org/ver10/network/wsdl"`,
    ` xmlns:tds="http://www.onvif.org/ver10/device/wsdl">`,
    `<e:Header><w:MessageID>uuid:${escapeXml(messageId)}</w:MessageID>`,
    `<w:To e:mustUnderstand="true">urn:schemas-xmlsoap-org:ws:2005:04:discovery</w:To>`,
    `<w:Action e:mustUnderstand="true">http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</w:Action></e:Header>`,
    `<e:Body><d:Probe><d:Types>${type}</d:Types></d:Probe></e:Body></e:Envelope>`,
  ].join("");
}

/** The devices in an answer to one of these probes; none when it answers something else. Throws `XmlError`. */
export function parseProbeMatches(text: string, messageIds: ReadonlySet<string>): DiscoveredDevice[] {
  const envelope = parseXml(text);
  const relatesTo = textAt(envelope, "Header", "RelatesTo")?.replace(/^(?:urn:)?uuid:/i, "");
  if (relatesTo === undefined || !messageIds.has(relatesTo)) {
    return [];
  }
  return childrenOf(at(envelope, "Body", "ProbeMatches"), "ProbeMatch").flatMap((match) => {
    const words = (name: string): string[] => (textAt(match, name) ?? "").split(/\s+/).filter((word) => word !== "");
    const addresses = words("XAddrs").filter((address) => /^https?:\/\/[^\s<>"]+$/i.test(address) && URL.canParse(address));
    const endpoint = descendants(match, "Address")[0]?.text ?? addresses[0];
    if (endpoint === undefined || endpoint === "" || addresses.length === 0) {
      return [];
    }
    const scope = scopesOf(words("Scopes"));
    return [{ endpoint, addresses, name: scope("name"), hardware: scope("hardware"), location: scope("location") }];
  });
}

/** `onvif://www.onvif.org/name/Front%20door` (Core §7.3.2.2). Control characters are left out: names are shown on terminals. */
function scopesOf(scopes: readonly string[]): (kind: string) => string | undefined {
  return (kind) => {
    const found = scopes.map((scope) => new RegExp(`^onvif://www\\.onvif\\.org/${kind}/(.+)$`, "i").exec(scope)?.[1]).find((value) => value !== undefined);
    return found === undefined ? undefined : printable(decode(found));
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Not percent-encoded after all: shown as it came.
    return text;
  }
}

/** A text of a device as it may be shown on a terminal. */
export function printable(text: string): string {
  return text.replace(/\p{C}/gu, " ").trim().slice(0, 200);
}
