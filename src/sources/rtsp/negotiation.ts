import type { Track } from "../../domain/packet.ts";
import { VedetteError } from "../../errors.ts";
import { formatOfEncoding } from "../../protocols/rtp-formats/formats.ts";
import type { Depayloader } from "../../protocols/rtp/depayloader.ts";
import { controlUrl, parseRange, parseRtpInfo } from "../../protocols/rtsp/headers.ts";
import type { RtpInfo } from "../../protocols/rtsp/headers.ts";
import { header } from "../../protocols/rtsp/message.ts";
import type { RtspResponse } from "../../protocols/rtsp/message.ts";
import { parseTransports, writeTransport } from "../../protocols/rtsp/transport.ts";
import type { RtspTransport } from "../../protocols/rtsp/transport.ts";
import { formatParameters, parseSdp, rtpMaps, sdpAttribute } from "../../protocols/sdp/sdp.ts";
import type { Sdp, SdpMedia } from "../../protocols/sdp/sdp.ts";
import type { ControlConnection } from "./control-connection.ts";
import { refused } from "./rtsp-errors.ts";
import { bindUdpPair } from "../../runtime/udp-pair.ts";
import type { UdpPair } from "../../runtime/udp-pair.ts";

/** A stream of the description that will be received. */
export interface OfferedTrack {
  readonly track: Track;
  readonly depayloader: Depayloader;
  readonly payloadType: number;
  readonly clockRateHz: number;
  readonly url: string;
}

/** What DESCRIBE told. */
export interface Description {
  /** Address for PLAY, keep-alive and TEARDOWN. */
  readonly url: string;
  readonly offered: readonly OfferedTrack[];
  /** Undefined for live streams. */
  readonly durationS: number | undefined;
  readonly canGetParameter: boolean;
}

/** A track with its way of travelling agreed. */
export interface ReadyTrack extends OfferedTrack {
  readonly transport: RtspTransport;
  readonly udp: UdpPair | undefined;
}

/** The server wants us elsewhere (RFC 2326 §11.3). */
export class Redirected extends Error {
  override readonly name = "Redirected";
  readonly location: string;

  constructor(location: string) {
    super("redirected");
    this.location = location;
  }
}

/** Asks what there is, and chooses: the wanted video stream and the first audio stream that is understood. */
export async function describe(
  connection: ControlConnection,
  url: string,
  wanted: { readonly source: string; readonly stream: number; readonly audio: boolean },
  signal: AbortSignal,
): Promise<Description> {
  // Some cameras want OPTIONS first; those that refuse it do not matter.
  const options = await connection.request("OPTIONS", url, [], signal);
  const response = await connection.request("DESCRIBE", url, [["Accept", "application/sdp"]], signal);
  const location = header(response, "location");
  if (response.status >= 300 && response.status < 400 && location !== undefined) {
    throw new Redirected(location);
  }
  if (response.status !== 200) {
    throw refused(response, "DESCRIBE", wanted.source);
  }
  const sdp = parseSdp(Buffer.from(response.body).toString("utf8"));
  if (sdp === undefined) {
    throw new VedetteError("E_MEDIA_FORMAT", { source: wanted.source, reason: "DESCRIBE was answered with no session description" });
  }
  const base = header(response, "content-base") ?? header(response, "content-location") ?? url;
  return {
    url: controlUrl(base, sdpAttribute(sdp, "control")),
    offered: choose(sdp, base, wanted),
    durationS: parseRange(sdpAttribute(sdp, "range"))?.endS,
    canGetParameter: (header(options, "public") ?? "").toUpperCase().includes("GET_PARAMETER"),
  };
}

function choose(sdp: Sdp, base: string, wanted: { readonly source: string; readonly stream: number; readonly audio: boolean }): OfferedTrack[] {
  const { source } = wanted;
  const videos = sdp.media.filter(({ type }) => type === "video");
  if (videos.length === 0) {
    const found = sdp.media.map(({ type }) => type).join(", ") || "no track at all";
    throw new VedetteError("E_MEDIA_NO_VIDEO", { source, found });
  }
  const media = videos[wanted.stream - 1];
  if (media === undefined) {
    throw new VedetteError("E_SOURCE_NO_STREAM", { source, reason: `video stream ${String(wanted.stream)} of ${String(videos.length)}` });
  }
  const video = offer(media, base);
  if (video === undefined) {
    const codec = rtpMaps(media).map(({ encoding }) => encoding).join(", ") || `payload type ${media.formats.join(", ")}`;
    throw new VedetteError("E_MEDIA_CODEC", { source, codec });
  }
  const audio = wanted.audio ? sdp.media.filter(({ type }) => type === "audio").map((candidate) => offer(candidate, base)) : [];
  const firstAudio = audio.find((candidate) => candidate !== undefined);
  return firstAudio === undefined ? [video] : [video, firstAudio];
}

function offer(media: SdpMedia, base: string): OfferedTrack | undefined {
  for (const map of rtpMaps(media)) {
    const format = formatOfEncoding(map.encoding);
    if (format !== undefined && format.kind === media.type) {
      const received = format.receive(map.clockRateHz, map.channels, formatParameters(media, map.payloadType));
      return { ...received, payloadType: map.payloadType, clockRateHz: map.clockRateHz, url: controlUrl(base, sdpAttribute(media, "control")) };
    }
  }
  return undefined;
}

/** Agrees on the transport of every track. `own` receives the sockets as soon as they exist. */
export async function setUp(
  connection: ControlConnection,
  description: Description,
  options: { readonly source: string; readonly transport: "auto" | "tcp" | "udp"; readonly own: (pair: UdpPair) => void },
  signal: AbortSignal,
): Promise<ReadyTrack[]> {
  const ready: ReadyTrack[] = [];
  let lower: "tcp" | "udp" = options.transport === "udp" ? "udp" : "tcp";
  for (const track of description.offered) {
    let setup = await setUpTrack(connection, track, lower, ready.length, options.own, signal);
    if (setup.response.status === 461 && options.transport === "auto" && ready.length === 0) {
      lower = "udp";
      setup = await setUpTrack(connection, track, lower, 0, options.own, signal);
    }
    if (setup.response.status === 200) {
      const [agreed] = parseTransports(header(setup.response, "transport") ?? "");
      ready.push({ ...track, transport: agreed ?? setup.asked, udp: setup.udp });
    } else if (track.track.kind === "video") {
      throw refused(setup.response, `SETUP over ${lower.toUpperCase()}`, options.source);
    }
  }
  return ready;
}

async function setUpTrack(
  connection: ControlConnection,
  track: OfferedTrack,
  lower: "tcp" | "udp",
  index: number,
  own: (pair: UdpPair) => void,
  signal: AbortSignal,
): Promise<{ response: RtspResponse; asked: RtspTransport; udp: UdpPair | undefined }> {
  const udp = lower === "udp" ? await bindUdpPair(connection.remoteAddress) : undefined;
  if (udp !== undefined) {
    own(udp);
  }
  const asked: RtspTransport = {
    lower,
    isMulticast: false,
    isRecord: false,
    ...(udp === undefined ? { interleaved: [index * 2, index * 2 + 1] as const } : { clientPorts: udp.ports }),
  };
  const response = await connection.request("SETUP", track.url, [["Transport", writeTransport(asked)]], signal);
  return { response, asked, udp };
}

/** Starts the media. */
export async function play(connection: ControlConnection, description: Description, source: string, signal: AbortSignal): Promise<RtpInfo[]> {
  const response = await connection.request("PLAY", description.url, [["Range", "npt=0.000-"]], signal);
  if (response.status !== 200) {
    throw refused(response, "PLAY", source);
  }
  return parseRtpInfo(header(response, "rtp-info"));
}
