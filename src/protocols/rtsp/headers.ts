/** A `Session` header: identifier, and seconds after which a silent session is closed (RFC 2326 §12.37: 60). */
export interface SessionHeader {
  readonly id: string;
  readonly timeoutS: number;
}

/** Reads a `Session` header. */
export function parseSession(value: string | undefined): SessionHeader | undefined {
  const [, id, timeout] = /^\s*([^\s;]{1,256})\s*(?:;\s*timeout\s*=\s*(\d{1,6}))?/i.exec(value ?? "") ?? [];
  return id === undefined ? undefined : { id, timeoutS: Math.max(1, Number(timeout ?? 60)) };
}

/** One track of an `RTP-Info` header (RFC 2326 §12.33): what its first packet after PLAY carries. */
export interface RtpInfo {
  readonly url: string;
  readonly sequence: number | undefined;
  readonly timestamp: number | undefined;
}

/** Reads `RTP-Info`. Addresses may hold commas: an entry begins with `url=`. */
export function parseRtpInfo(value: string | undefined): RtpInfo[] {
  return (value ?? "")
    .split(/,\s*(?=url\s*=)/i)
    .flatMap((entry) => {
      const url = /(?:^|;)\s*url\s*=\s*"?([^;"]*)"?/i.exec(entry)?.[1]?.trim();
      const sequence = /;\s*seq\s*=\s*(\d{1,10})/i.exec(entry)?.[1];
      const timestamp = /;\s*rtptime\s*=\s*(\d{1,10})/i.exec(entry)?.[1];
      return url === undefined ? [] : [{ url, sequence: sequence === undefined ? undefined : Number(sequence), timestamp: timestamp === undefined ? undefined : Number(timestamp) }];
    });
}

/** Writes `RTP-Info`. */
export function writeRtpInfo(tracks: readonly { readonly url: string; readonly sequence: number; readonly timestamp: number }[]): string {
  return tracks.map(({ url, sequence, timestamp }) => `url=${url};seq=${String(sequence)};rtptime=${String(timestamp)}`).join(",");
}

/** A range in normal play time (RFC 2326 §3.6), in seconds; `end` is undefined for live streams. */
export interface NptRange {
  readonly startS: number | "now";
  readonly endS: number | undefined;
}

/** Reads a `Range` header or an `a=range` attribute. Undefined when it is none in normal play time. */
export function parseRange(value: string | undefined): NptRange | undefined {
  const match = /^\s*npt\s*=\s*(now|[\d.:]+)?\s*-\s*([\d.:]+)?/i.exec(value ?? "");
  if (match === null) {
    return undefined;
  }
  const start = match[1];
  return { startS: start === undefined ? 0 : /now/i.test(start) ? "now" : seconds(start), endS: match[2] === undefined ? undefined : seconds(match[2]) };
}

/** `12.5` or `1:02:03.5`. */
function seconds(text: string): number {
  const sum = text.split(":").reduce((total, part) => total * 60 + Number(part), 0);
  return Number.isFinite(sum) ? sum : 0;
}

/**
 * The address of a track: its `a=control` resolved against the base. Cameras do not resolve like browsers: a relative
 * control is appended to the base, whose query (if any) stays where it is, as FFmpeg and GStreamer do.
 */
export function controlUrl(base: string, control: string | undefined): string {
  if (control === undefined || control === "" || control === "*") {
    return base;
  }
  if (/^rtsps?:\/\//i.test(control)) {
    return control;
  }
  return base.endsWith("/") ? `${base}${control.replace(/^\//, "")}` : `${base}/${control.replace(/^\//, "")}`;
}
