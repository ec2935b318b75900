import { escapeXml } from "../xml/xml.ts";

/**
 * Questions to NUUO recorders, Titan and Crystal: SOAP 1.1 in gSOAP's manner. Some are sent in an envelope, some are
 * the document themselves; a recorder takes each in one way only.
 */

const NAMESPACE = "http://tempuri.org/np.xsd";
/** `NUUO` in Base64: who the client is built for. */
const OEM_CODE = "TlVVTw==";

/** One question: path below `/api/`, the version its `User-Agent` must name, and the document. */
export interface NuuoRequest {
  readonly path: string;
  readonly agent: "gSOAP/2.7" | "gSOAP/2.8";
  readonly body: string;
}

function inEnvelope(name: string, content: string): string {
  return [
    `<?xml version="1.0" encoding="UTF-8"?>`,
    `<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/" xmlns:SOAP-ENC="http://schemas.xmlsoap.org/soap/encoding/"`,
    ` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:np="${NAMESPACE}">`,
    `<SOAP-ENV:Body><np:${name}>${content}</np:${name}></SOAP-ENV:Body></SOAP-ENV:Envelope>`,
  ].join("");
}

function bare(name: string, content: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?><np:${name} xmlns:np="${NAMESPACE}">${content}</np:${name}>`;
}

const element = (name: string, text: string): string => `<${name}>${escapeXml(text)}</${name}>`;

/** Crystal answers with its own code, Titan does not know the question. */
export const syncOemString: NuuoRequest = {
  path: "RPC",
  agent: "gSOAP/2.7",
  body: inEnvelope("getSyncOEMString", `<oemStringCodeList><code>${OEM_CODE}</code></oemStringCodeList>`),
};

/** Titan: everything there is. */
export const titanTree: NuuoRequest = { path: "", agent: "gSOAP/2.7", body: inEnvelope("getTitanDeviceTreeList", "<type>0</type><titanId>0</titanId>") };

const VERSIONS = ["2.0.0.0", "2.1.0.0", "2.1.2.0", "2.1.3.0", "2.1.4.0"];

/** Crystal: begins a session. */
export const login: NuuoRequest = {
  path: "event_session",
  agent: "gSOAP/2.7",
  body: bare(
    "login",
    `<supportedProtocolVersion>${VERSIONS.map((version) => element("version", version)).join("")}</supportedProtocolVersion>` +
      `<clientApplicationInfo><oemStringCodeList><code>${OEM_CODE}</code></oemStringCodeList><appRoleType>7</appRoleType><platform>300</platform><matrixId>0</matrixId></clientApplicationInfo>`,
  ),
};

/** Crystal: its recording servers. */
export function serverList(sessionId: string): NuuoRequest {
  return { path: "RPC", agent: "gSOAP/2.8", body: inEnvelope("getServerList", element("sessionId", sessionId)) };
}

/** Crystal: the cameras of a recording server. */
export function deviceList(sessionId: string, serverId: string): NuuoRequest {
  return { path: "RPC", agent: "gSOAP/2.8", body: inEnvelope("getDeviceList", element("sessionId", sessionId) + element("serverId", serverId)) };
}

/** Crystal: live video, from the port after the others. `profile` is an index. */
export function crystalLive(sessionId: string, camera: { readonly serverId: string; readonly cameraId: string }, profile: number): NuuoRequest {
  const content = [
    element("sessionId", sessionId),
    element("serverId", camera.serverId),
    `<cameraId>${element("server", camera.serverId)}${element("device", camera.cameraId)}</cameraId>`,
    element("profile", String(profile)),
    "<includeContent>0</includeContent>",
  ];
  return { path: "live", agent: "gSOAP/2.7", body: bare("live", content.join("")) };
}

/** Titan: live video, as the path and query of a GET below `/api/`. */
export function titanLive(sensor: string, profile: string): string {
  return `live?sensor=${encodeURIComponent(sensor)}&profile=${encodeURIComponent(profile)}`;
}
