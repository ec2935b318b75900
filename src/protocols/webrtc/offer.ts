import { parseSdp } from "../sdp/sdp.ts";
import type { SdpMedia } from "../sdp/sdp.ts";
import { canDecode, profileOfParameter } from "./h264-profile.ts";
import type { H264Profile } from "./h264-profile.ts";

/** One way in which a peer can take or send video. */
export interface OfferedCodec {
  readonly payloadType: number;
  /** Encoding name in capitals: `H264`, `VP8`. */
  readonly encoding: string;
  /** For H.264. */
  readonly profile: H264Profile | undefined;
  /** RFC 6184 §5.4: 1 allows units in pieces and together, which sending needs. */
  readonly packetizationMode: number;
  /** Payload type of its retransmissions (RFC 4588), where offered. */
  readonly rtx: number | undefined;
}

/** What matters of a WebRTC offer (RFC 8829) here. */
export interface VideoOffer {
  readonly codecs: readonly OfferedCodec[];
  /** From the peer's side: a viewer says `recvonly`, a camera `sendonly`; `sendrecv` where nothing is said. */
  readonly direction: "sendrecv" | "sendonly" | "recvonly" | "inactive";
}

/** Why an offer cannot be answered: `malformed` is the peer's mistake, `unusable` only does not fit. */
export interface OfferProblem {
  readonly problem: "malformed" | "unusable";
  readonly reason: string;
}

/** Viewers and cameras have two or three media; each costs a transport. */
const MAX_MEDIA = 8;
const DIRECTIONS = ["sendrecv", "sendonly", "recvonly", "inactive"] as const;

/** Reads the first video of an offer. */
export function readVideoOffer(text: string): VideoOffer | OfferProblem {
  const sdp = parseSdp(text);
  if (sdp === undefined || !/^v=0\r?$/m.test(text)) {
    return { problem: "malformed", reason: "the body is no session description" };
  }
  if (sdp.media.length > MAX_MEDIA) {
    return { problem: "malformed", reason: `at most ${MAX_MEDIA} media are answered` };
  }
  const video = sdp.media.find(({ type }) => type === "video");
  if (video === undefined) {
    return { problem: "unusable", reason: "the offer has no video" };
  }
  const all = [...sdp.attributes, ...video.attributes];
  const missing = ["ice-ufrag", "ice-pwd", "fingerprint", "mid"].filter((name) => !all.some((attribute) => attribute.name === name && attribute.value !== ""));
  if (missing.length > 0) {
    return { problem: "malformed", reason: `the offer has no ${missing.join(", no ")}` };
  }
  const direction = DIRECTIONS.find((name) => video.attributes.some((attribute) => attribute.name === name)) ?? "sendrecv";
  return { codecs: codecsOf(video), direction };
}

/** The best of the offered codecs for a stream of this profile; undefined when none takes it. */
export function chooseH264(codecs: readonly OfferedCodec[], stream: H264Profile): OfferedCodec | undefined {
  const fitting = codecs.filter(
    ({ encoding, packetizationMode, profile }) => encoding === "H264" && packetizationMode === 1 && profile !== undefined && canDecode(profile, stream),
  );
  return fitting.find(({ profile }) => profile === stream) ?? fitting[0];
}

/** For refusals: what was offered, in words. */
export function describeCodecs(codecs: readonly OfferedCodec[]): string {
  const names = codecs
    .filter(({ encoding }) => !/^(RTX|RED|ULPFEC|FLEXFEC.*)$/.test(encoding))
    .map(({ encoding, profile }) => (encoding === "H264" ? `H.264 ${profile ?? "of an unknown profile"}` : encoding));
  return [...new Set(names)].join(", ") || "nothing";
}

function codecsOf(media: SdpMedia): OfferedCodec[] {
  const values = (name: string): ReadonlyMap<string, string> =>
    new Map(media.attributes.filter((attribute) => attribute.name === name).map(({ value }) => splitOnce(value)));
  const maps = values("rtpmap");
  const parameters = new Map([...values("fmtp")].map(([type, text]) => [type, parametersOf(text)]));
  return media.formats.flatMap((format) => {
    const encoding = (maps.get(format) ?? "").split("/")[0]?.toUpperCase() ?? "";
    const payloadType = Number(format);
    if (encoding === "" || !Number.isInteger(payloadType) || payloadType < 0 || payloadType > 127) {
      return [];
    }
    const own = parameters.get(format);
    const rtx = media.formats.find((other) => maps.get(other)?.toLowerCase().startsWith("rtx/") === true && parameters.get(other)?.get("apt") === format);
    return [
      {
        payloadType,
        encoding,
        profile: encoding === "H264" ? profileOfParameter(own?.get("profile-level-id")) : undefined,
        packetizationMode: Number(own?.get("packetization-mode") ?? "0"),
        rtx: rtx === undefined ? undefined : Number(rtx),
      },
    ];
  });
}

function splitOnce(text: string): [string, string] {
  const [, before = "", after = ""] = /^(\S+)\s*(.*)$/.exec(text) ?? [];
  return [before, after];
}

function parametersOf(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split(";").map((pair) => {
      const [name = "", value = ""] = pair.split("=");
      return [name.trim().toLowerCase(), value.trim()];
    }),
  );
}
