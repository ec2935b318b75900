// An ONVIF device: discovery over UDP, and the device and media services over HTTP. Checks what it is asked by itself:
// the UsernameToken is computed here, not by the code under test.
import { createHash } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";

/** How it behaves. */
export interface DeviceBehaviour {
  readonly user?: string;
  readonly password?: string;
  /** Its clock minus ours. */
  readonly clockOffsetMs?: number;
  /** `http`: asks for HTTP Digest besides. */
  readonly http?: "digest";
  readonly media?: readonly (1 | 2)[];
  /** Answers GetServices with a fault, as devices before 2010. */
  readonly isOld?: boolean;
  readonly streamUri?: string;
  /** Instead of any SOAP answer. */
  readonly rubbish?: { readonly status: number; readonly body: string };
  /** What it calls itself in its answers. */
  readonly ownHost?: string;
}

/** A running device. */
export interface FakeDevice {
  readonly port: number;
  readonly discoveryPort: number;
  /** Names of the questions, in order. */
  readonly asked: string[];
}

const JPEG = Buffer.from([0xff, 0xd8, 0xff, 0xd9]);

/** Starts one on 127.0.0.1; it stops when the test ends. */
export async function startOnvifDevice(t: TestContext, behaviour: DeviceBehaviour = {}): Promise<FakeDevice> {
  const asked: string[] = [];
  const server = createServer((request, response) => void answer(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
    socket.close();
  });
  socket.on("message", (message, from) => {
    const id = /<w:MessageID>(uuid:[^<]+)</.exec(message.toString())?.[1] ?? "";
    for (const text of ["rubbish", probeMatch("uuid:00000000-0000-0000-0000-000000000000", "urn:uuid:other", port), probeMatch(id, "urn:uuid:device-1", port)]) {
      socket.send(text, from.port, from.address);
    }
  });
  const self = `http://${behaviour.ownHost ?? `127.0.0.1:${String(port)}`}`;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request) {
      parts.push(part as Buffer);
    }
    const body = Buffer.concat(parts).toString();
    const { status, text, headers } = respond(request, body);
    response.writeHead(status, headers).end(text);
  }

  // eslint-disable-next-line complexity -- a flat list of what a device may answer
  function respond(request: IncomingMessage, body: string): { status: number; text: string | Buffer; headers: Record<string, string> } {
    const { rubbish, http, media = [1, 2] } = behaviour;
    const type = { "Content-Type": "application/soap+xml" };
    if (rubbish !== undefined) {
      return { status: rubbish.status, text: rubbish.body, headers: type };
    }
    if (http === "digest" && !isDigestRight(request)) {
      return { status: 401, text: "", headers: { "WWW-Authenticate": `Digest realm="cam", nonce="abc", qop="auth"` } };
    }
    if (request.method === "GET") {
      return { status: 200, text: JPEG, headers: { "Content-Type": "image/jpeg" } };
    }
    const name = /<s:Body><(\w+)/.exec(body)?.[1] ?? "";
    asked.push(`${name}${name.startsWith("Get") && request.url?.includes("media2") === true ? "@2" : ""}`);
    if (name !== "GetSystemDateAndTime" && !isTokenRight(body)) {
      return { status: 400, text: fault("ter:NotAuthorized", "Sender not authorized"), headers: type };
    }
    const mediaOf = (version: 1 | 2): string => `${self}/onvif/media${version === 2 ? "2" : ""}`;
    const version = request.url === "/onvif/media2" ? 2 : 1;
    const answers: Record<string, () => string> = {
      GetSystemDateAndTime: () => {
        const now = new Date(Date.now() + (behaviour.clockOffsetMs ?? 0));
        return `<r><SystemDateAndTime><UTCDateTime><Time><Hour>${String(now.getUTCHours())}</Hour><Minute>${String(now.getUTCMinutes())}</Minute><Second>${String(now.getUTCSeconds())}</Second></Time><Date><Year>${String(now.getUTCFullYear())}</Year><Month>${String(now.getUTCMonth() + 1)}</Month><Day>${String(now.getUTCDate())}</Day></Date></UTCDateTime></SystemDateAndTime></r>`;
      },
      GetServices: () => `<r>${media.map((one) => `<Service><Namespace>http://www.onvif.org/ver${String(one)}0/media/wsdl</Namespace><XAddr>${mediaOf(one)}</XAddr></Service>`).join("")}</r>`,
      GetCapabilities: () => `<r><Capabilities><Media><XAddr>${mediaOf(1)}</XAddr></Media></Capabilities></r>`,
      GetDeviceInformation: () => `<r><Manufacturer>Acme</Manufacturer><Model>Dome\u0007 5</Model><FirmwareVersion>1.2</FirmwareVersion></r>`,
      GetProfiles: () => (version === 2 ? profiles2() : profiles1()),
      GetStreamUri: () => {
        const token = /<ProfileToken>([^<]*)</.exec(body)?.[1] ?? "";
        const uri = behaviour.streamUri ?? `rtsp://${(behaviour.ownHost ?? "127.0.0.1").replace(/:.*/, "")}:8554/${token}?a=1&amp;b=2`;
        return version === 2 ? `<r><Uri>${uri}</Uri></r>` : `<r><MediaUri><Uri>${uri}</Uri></MediaUri></r>`;
      },
      GetSnapshotUri: () => `<r><MediaUri><Uri>${self}/still.jpg</Uri></MediaUri></r>`,
    };
    if (behaviour.isOld === true && name === "GetServices") {
      return { status: 500, text: fault("ter:ActionNotSupported", "Optional Action Not Implemented"), headers: type };
    }
    const content = answers[name]?.();
    return content === undefined ? { status: 500, text: fault("ter:ActionNotSupported", "no such action"), headers: type } : { status: 200, text: envelope(content), headers: type };
  }

  function isTokenRight(body: string): boolean {
    const { user, password = "" } = behaviour;
    if (user === undefined) {
      return true;
    }
    const [, name] = /<wsse:Username>([^<]*)</.exec(body) ?? [];
    const [, digest] = /#PasswordDigest">([^<]*)</.exec(body) ?? [];
    const [, nonce = ""] = /#Base64Binary">([^<]*)</.exec(body) ?? [];
    const [, created = ""] = /<wsu:Created>([^<]*)</.exec(body) ?? [];
    const right = createHash("sha1").update(Buffer.concat([Buffer.from(nonce, "base64"), Buffer.from(created + password)])).digest("base64");
    return name === user && digest === right && Math.abs(Date.parse(created) - Date.now() - (behaviour.clockOffsetMs ?? 0)) < 5000;
  }

  function isDigestRight(request: IncomingMessage): boolean {
    const line = request.headers.authorization ?? "";
    const field = (name: string): string => new RegExp(`\\b${name}="?([^",]*)`).exec(line)?.[1] ?? "";
    const md5 = (text: string): string => createHash("md5").update(text).digest("hex");
    const who = md5(`${behaviour.user ?? ""}:cam:${behaviour.password ?? ""}`);
    const what = md5(`${request.method ?? ""}:${request.url ?? ""}`);
    return field("response") === md5(`${who}:abc:${field("nc")}:${field("cnonce")}:auth:${what}`);
  }

  return { port, discoveryPort: socket.address().port, asked };
}

function profiles1(): string {
  return `<r><trt:Profiles token="main_1"><tt:Name>Main</tt:Name><tt:VideoSourceConfiguration><tt:SourceToken>ch1</tt:SourceToken></tt:VideoSourceConfiguration><tt:VideoEncoderConfiguration><tt:Encoding>H264</tt:Encoding><tt:Resolution><tt:Width>1920</tt:Width><tt:Height>1080</tt:Height></tt:Resolution><tt:RateControl><tt:FrameRateLimit>25</tt:FrameRateLimit></tt:RateControl></tt:VideoEncoderConfiguration></trt:Profiles><trt:Profiles token="audio"/></r>`;
}

function profiles2(): string {
  return `<r><tr2:Profiles token="p1"><tr2:Name>Main</tr2:Name><tr2:Configurations><tr2:VideoSource><tt:SourceToken>ch1</tt:SourceToken></tr2:VideoSource><tr2:VideoEncoder><tt:Encoding>H265</tt:Encoding><tt:Resolution><tt:Width>3840</tt:Width><tt:Height>2160</tt:Height></tt:Resolution></tr2:VideoEncoder></tr2:Configurations></tr2:Profiles><tr2:Profiles token="p2"><tr2:Name>Sub</tr2:Name><tr2:Configurations><tr2:VideoSource><tt:SourceToken>ch2</tt:SourceToken></tr2:VideoSource><tr2:VideoEncoder><tt:Encoding>H264</tt:Encoding></tr2:VideoEncoder></tr2:Configurations></tr2:Profiles></r>`;
}

function envelope(content: string): string {
  return `<?xml version="1.0"?><SOAP-ENV:Envelope xmlns:SOAP-ENV="http://www.w3.org/2003/05/soap-envelope" xmlns:tt="t" xmlns:trt="m" xmlns:tr2="n"><SOAP-ENV:Body>${content}</SOAP-ENV:Body></SOAP-ENV:Envelope>`;
}

function fault(code: string, reason: string): string {
  return envelope(`<SOAP-ENV:Fault><SOAP-ENV:Code><SOAP-ENV:Value>SOAP-ENV:Sender</SOAP-ENV:Value><SOAP-ENV:Subcode><SOAP-ENV:Value>${code}</SOAP-ENV:Value></SOAP-ENV:Subcode></SOAP-ENV:Code><SOAP-ENV:Reason><SOAP-ENV:Text xml:lang="en">${reason}</SOAP-ENV:Text></SOAP-ENV:Reason></SOAP-ENV:Fault>`);
}

function probeMatch(relatesTo: string, endpoint: string, port: number): string {
  return `<e:Envelope xmlns:e="e" xmlns:a="a" xmlns:d="d"><e:Header><a:RelatesTo>${relatesTo}</a:RelatesTo></e:Header><e:Body><d:ProbeMatches><d:ProbeMatch><a:EndpointReference><a:Address>${endpoint}</a:Address></a:EndpointReference><d:Types>dn:NetworkVideoTransmitter</d:Types><d:Scopes>onvif://www.onvif.org/name/Front%20door onvif://www.onvif.org/hardware/D5 onvif://www.onvif.org/location/%E0%A4%A</d:Scopes><d:XAddrs>http://127.0.0.1:${String(port)}/onvif/device_service javascript:1</d:XAddrs></d:ProbeMatch></d:ProbeMatches></e:Body></e:Envelope>`;
}
