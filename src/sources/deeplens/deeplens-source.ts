import { execFile } from "node:child_process";
import { stat } from "node:fs/promises";
import { promisify } from "node:util";
import type { Clock } from "../../contracts/clock.ts";
import type { KindContext } from "../../contracts/kinds.ts";
import type { Logger } from "../../contracts/log.ts";
import type { PacketSession, Source } from "../../contracts/source.ts";
import type { Packet } from "../../domain/packet.ts";
import { VedetteError } from "../../errors.ts";
import { openMedia } from "../../media/index.ts";
import { PhaseLock } from "./phase-lock.ts";

/** What {@link DeepLensSource} needs to know. */
export interface DeepLensSettings {
  readonly path: string;
  readonly tool: string;
  readonly resolution: 480 | 720 | 1080;
  readonly fps: number;
  readonly gop?: number | undefined;
  readonly bitrate: number;
}

const SIZES = { 1080: ["1920", "1080"], 720: ["1280", "720"], 480: ["858", "480"] } as const;
const TOOL_TIMEOUT_MS = 5000;

/** The encoder's settings, one call of the tool each. */
export function mxuvcCommands(settings: DeepLensSettings): readonly (readonly string[])[] {
  const { resolution, fps, gop = fps, bitrate } = settings;
  return [["framerate", String(fps)], ["resolution", ...SIZES[resolution]], ["gop", String(gop)], ["bitrate", String(bitrate)], ["iframe"]];
}

/** Reads the camera of an AWS DeepLens. */
export class DeepLensSource implements Source {
  readonly name = "deeplens:";
  readonly #settings: DeepLensSettings;
  readonly #clock: Clock;
  readonly #log: Logger;

  constructor(settings: DeepLensSettings, { clock, log }: KindContext) {
    this.#settings = settings;
    this.#clock = clock;
    this.#log = log;
  }

  async open(signal: AbortSignal): Promise<PacketSession> {
    signal.throwIfAborted();
    const { path, fps } = this.#settings;
    await stat(path).catch((error: unknown) => {
      throw new VedetteError("E_SOURCE_NOT_FOUND", { source: path }, { cause: error });
    });
    await this.#setUp(signal);
    // H.264 without a container: FFmpeg counts its frames, we stamp them.
    const session = await openMedia(`file:${path}`, {
      isLive: true,
      protocols: ["file"],
      format: "h264",
      formatOptions: { framerate: String(fps), probesize: "65536", analyzeduration: "0" },
      signal,
      name: this.name,
      clock: this.#clock,
    });
    return { delivers: "packets", isLive: true, tracks: session.tracks, durationS: undefined, packets: this.#stamped(session), [Symbol.asyncDispose]: () => session[Symbol.asyncDispose]() };
  }

  /** Typically it is a permission that is missing: then the encoder goes on as it was set before. */
  async #setUp(signal: AbortSignal): Promise<void> {
    const { tool } = this.#settings;
    for (const command of mxuvcCommands(this.#settings)) {
      try {
        await promisify(execFile)(tool, ["--ch", "1", ...command], { timeout: TOOL_TIMEOUT_MS, signal });
      } catch (error) {
        signal.throwIfAborted();
        this.#log.warn("the encoder could not be set up: it may need more rights", { tool, command: command.join(" "), reason: error instanceof Error ? error.message : String(error) });
        return;
      }
    }
  }

  async *#stamped(session: PacketSession): AsyncGenerator<Packet, void, undefined> {
    const lock = new PhaseLock(this.#settings.fps);
    const durationUs = Math.round(1e6 / this.#settings.fps);
    for await (const packet of session.packets) {
      const time = lock.place(this.#clock.now(), packet.isKeyframe);
      if (time !== undefined) {
        yield { ...packet, ptsUs: time.timeUs, dtsUs: time.timeUs, durationUs, capturedAtMs: time.capturedAtMs };
      }
    }
  }
}
