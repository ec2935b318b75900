/** A `Transport` header (RFC 2326 §12.39): how one track's media travels. */
export interface RtspTransport {
  /** `tcp`: interleaved with the messages. `udp`: unicast datagrams. */
  readonly lower: "tcp" | "udp";
  readonly isMulticast: boolean;
  /** Channel numbers of RTP and RTCP. */
  readonly interleaved?: readonly [number, number];
  readonly clientPorts?: readonly [number, number];
  readonly serverPorts?: readonly [number, number];
  readonly ssrc?: number;
  readonly source?: string;
  /** True for `mode=record`: media flows towards the server. */
  readonly isRecord: boolean;
}

/** The transports of a header, in the client's order of preference. Those that are not RTP/AVP are left out. */
export function parseTransports(value: string): RtspTransport[] {
  return value
    .split(",")
    .map(parseTransport)
    .filter((transport) => transport !== undefined);
}

function parseTransport(text: string): RtspTransport | undefined {
  const [spec = "", ...parts] = text.split(";").map((part) => part.trim());
  const match = /^RTP\/AVPF?(?:\/(TCP|UDP))?$/i.exec(spec);
  if (match === null) {
    return undefined;
  }
  const parameters = new Map<string, string>();
  for (const part of parts) {
    const [name = "", value = ""] = part.split(/=(.*)/s);
    parameters.set(name.toLowerCase(), value.replace(/^"(.*)"$/, "$1"));
  }
  return { ...parseParties(parameters), lower: match[1]?.toUpperCase() === "TCP" ? "tcp" : "udp", isMulticast: parameters.has("multicast") };
}

function parseParties(parameters: ReadonlyMap<string, string>): Omit<RtspTransport, "lower" | "isMulticast"> {
  const interleaved = pair(parameters.get("interleaved"), 255);
  const clientPorts = pair(parameters.get("client_port"), 65535);
  const serverPorts = pair(parameters.get("server_port"), 65535);
  const ssrc = /^\s*([0-9a-f]{1,8})$/i.exec(parameters.get("ssrc") ?? "")?.[1];
  const source = parameters.get("source");
  return {
    isRecord: /record/i.test(parameters.get("mode") ?? ""),
    ...(interleaved === undefined ? {} : { interleaved }),
    ...(clientPorts === undefined ? {} : { clientPorts }),
    ...(serverPorts === undefined ? {} : { serverPorts }),
    ...(ssrc === undefined ? {} : { ssrc: Number.parseInt(ssrc, 16) }),
    ...(source === undefined || source === "" ? {} : { source }),
  };
}

/** `4-5`; a single number means that one and the next. */
function pair(text: string | undefined, max: number): readonly [number, number] | undefined {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text ?? "");
  if (match === null) {
    return undefined;
  }
  const first = Number(match[1]);
  const second = match[2] === undefined ? first + 1 : Number(match[2]);
  return first > max || second > max ? undefined : [first, second];
}

/** The header's text. */
export function writeTransport(transport: RtspTransport): string {
  const dash = (ports: readonly [number, number]): string => `${String(ports[0])}-${String(ports[1])}`;
  return [
    transport.lower === "tcp" ? "RTP/AVP/TCP" : "RTP/AVP",
    transport.isMulticast ? "multicast" : "unicast",
    ...(transport.interleaved === undefined ? [] : [`interleaved=${dash(transport.interleaved)}`]),
    ...(transport.clientPorts === undefined ? [] : [`client_port=${dash(transport.clientPorts)}`]),
    ...(transport.serverPorts === undefined ? [] : [`server_port=${dash(transport.serverPorts)}`]),
    ...(transport.ssrc === undefined ? [] : [`ssrc=${transport.ssrc.toString(16).padStart(8, "0").toUpperCase()}`]),
    ...(transport.isRecord ? ["mode=record"] : []),
  ].join(";");
}
