import type { OfferedCodec } from "./offer.ts";

const MID = "urn:ietf:params:rtp-hdrext:sdes:mid";
/**
 * What is agreed on: retransmission, keyframes, and who estimates the line. A viewer estimates by itself, from our
 * sending times (REMB); a camera estimates from when its packets arrived here.
 */
const AGREED = {
  sendonly: { feedback: new Set(["nack", "nack pli", "goog-remb"]), extensions: new Set([MID, "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"]) },
  recvonly: {
    feedback: new Set(["nack", "nack pli", "transport-cc"]),
    extensions: new Set([MID, "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"]),
  },
} as const;

/** Which way our media flows. */
export type OwnDirection = keyof typeof AGREED;

/**
 * The offer with only one codec (and its retransmissions), one kind of bandwidth estimation, and no candidates that
 * cannot be used: answering that leaves nothing to choose. Other media stay as they are.
 */
export function narrowOffer(text: string, codec: OfferedCodec, direction: OwnDirection): string {
  const kept = [String(codec.payloadType), ...(codec.rtx === undefined ? [] : [String(codec.rtx)])];
  let inMedia: "none" | "video" | "other" = "none";
  let hasVideo = false;
  const narrowed = text.split(/\r\n|\n|\r/).flatMap((line) => {
    if (line.startsWith("m=")) {
      inMedia = line.startsWith("m=video ") && !hasVideo ? "video" : "other";
      hasVideo ||= inMedia === "video";
      return inMedia === "video" ? [line.split(" ").slice(0, 3).concat(kept).join(" ")] : [line];
    }
    return line !== "" && (inMedia === "none" || keepsLine(line, inMedia === "video" ? kept : undefined, direction)) ? [line] : [];
  });
  return `${narrowed.join("\r\n")}\r\n`;
}

function keepsLine(line: string, payloadTypes: readonly string[] | undefined, direction: OwnDirection): boolean {
  const { feedback, extensions } = AGREED[direction];
  if (line.startsWith("a=candidate:")) {
    return !isConcealed(line);
  }
  if (payloadTypes === undefined) {
    return true;
  }
  const [, name = "", first = "", rest = ""] = /^a=(rtpmap|fmtp|rtcp-fb|extmap):(\S+)\s*(.*)$/.exec(line) ?? [];
  switch (name) {
    case "rtpmap":
    case "fmtp":
      return payloadTypes.includes(first);
    case "rtcp-fb":
      return (payloadTypes.includes(first) || first === "*") && feedback.has(rest.trim());
    case "extmap":
      return extensions.has(rest.trim().split(" ")[0] ?? "");
    default:
      // Simulcast of cameras: one picture is enough.
      return !/^a=(simulcast|rid|ssrc-group:SIM)/.test(line);
  }
}

/** Names in `.local` conceal a browser's addresses (mDNS): its own checks reveal them soon enough (RFC 8445 §7.3.1.3). */
export function isConcealed(candidate: string): boolean {
  return /\s[\w-]+\.local\s/i.test(candidate);
}
