import { VedetteError } from "../errors.ts";
import { redactUrl } from "../runtime/redact.ts";

/** slipstream's job, as its environment variables describe it. */
export interface SlipstreamJob {
  /** Addresses of the inputs, in order. */
  readonly inputs: readonly string[];
  readonly codec: "H264" | "H265";
  readonly bitrateBps: number;
  readonly port: number;
  /** Begins with `/`. */
  readonly path: string;
  /** Only for the printed address. */
  readonly shownAddress: string;
  readonly showFrames: boolean;
  /** The tiled picture. */
  readonly width: number;
  readonly height: number;
}

/** Names of `ARCH` that are known. The value changes nothing here: one build runs everywhere. */
const ARCHITECTURES = new Set(["aarch64", "arm64", "amd64", "x86_64"]);

/**
 * Reads slipstream's variables; an empty string counts as unset. `ARCH` may be left out (it chose the bindings once), but
 * a value that slipstream refused is refused. Throws `E_USAGE`, naming the variable.
 */
export function parseSlipstreamEnvironment(environment: Readonly<Record<string, string | undefined>>): SlipstreamJob {
  const get = (name: string): string | undefined => environment[name] || undefined;
  refuseUnknownArchitecture(get("ARCH"));
  const inputs = (get("RTSPINPUT") ?? "").split(",").map((input) => input.trim()).filter((input) => input !== "");
  if (inputs.length === 0) {
    throw new VedetteError("E_USAGE", { reason: "RTSPINPUT: expected an address, or several separated by commas" });
  }
  const codec = get("CODEC") ?? "H264";
  if (codec !== "H264" && codec !== "H265") {
    throw new VedetteError("E_USAGE", { reason: `CODEC: expected H264 or H265, got "${codec}"` });
  }
  const path = get("RTSPOUTPUTPATH") ?? "/ds";
  return {
    inputs,
    codec,
    bitrateBps: wholeNumber("BITRATE", get("BITRATE") ?? "4000000", 1000, 1e9),
    port: wholeNumber("RTSPOUTPUTPORTNUM", get("RTSPOUTPUTPORTNUM") ?? "8554", 0, 65_535),
    path: path.startsWith("/") ? path : `/${path}`,
    shownAddress: get("IPADDR") ?? "<IPADDRESS>",
    showFrames: (get("SHOW_FRAMES") ?? "yes") !== "no",
    width: wholeNumber("OUTPUT_WIDTH", get("OUTPUT_WIDTH") ?? "1200", 16, 16_384),
    height: wholeNumber("OUTPUT_HEIGHT", get("OUTPUT_HEIGHT") ?? "600", 16, 16_384),
  };
}

function refuseUnknownArchitecture(architecture: string | undefined): void {
  if (architecture !== undefined && !ARCHITECTURES.has(architecture)) {
    throw new VedetteError("E_USAGE", { reason: `Unsupported hardware architecture, "${architecture}".` });
  }
}

function wholeNumber(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max) {
    throw new VedetteError("E_USAGE", { reason: `${name}: expected a whole number from ${min} to ${max}, got "${text}"` });
  }
  return value;
}

/** The lines that slipstream 1.1 prints first. Passwords in addresses are not shown. */
export function slipstreamStartLines(job: SlipstreamJob): string[] {
  return [
    `Using codec: ${job.codec}, and bitrate: ${job.bitrateBps}`,
    `RTSP input streams (${job.inputs.length}):`,
    ...job.inputs.map((input, index) => `  ${index}: "${redactUrl(input)}"`),
    `RTSP output stream: "rtsp://${job.shownAddress}:${job.port}${job.path}"`,
    "",
    "*** Deepstream RTSP pipeline example is starting...",
    "",
  ];
}
