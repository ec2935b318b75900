import type { Clock } from "../../contracts/clock.ts";
import type { PacketSession, Source } from "../../contracts/source.ts";
import { VedetteError } from "../../errors.ts";
import { listCameras, openMedia } from "../../media/index.ts";
import { deviceInput, type DeviceRequest } from "./device-input.ts";

/** What {@link DeviceSource} needs to know. */
export interface DeviceSourceOptions extends DeviceRequest {
  readonly clock: Clock;
  readonly platform: NodeJS.Platform;
}

/** Reads a camera of this machine. */
export class DeviceSource implements Source {
  readonly name: string;
  readonly #options: DeviceSourceOptions;

  constructor(options: DeviceSourceOptions) {
    this.name = `device:${options.device}`;
    this.#options = options;
  }

  async open(signal: AbortSignal): Promise<PacketSession> {
    const { platform } = this.#options;
    const device = platform === "win32" ? await this.#windowsName() : this.#options.device;
    const input = deviceInput({ ...this.#options, device }, platform);
    if (input === undefined) {
      throw new VedetteError("E_SOURCE_SCHEME", { source: this.name, expected: "Linux, macOS or Windows for cameras of this machine" });
    }
    return openMedia(input.address, {
      isLive: true,
      protocols: [],
      format: input.format,
      formatOptions: input.options,
      hasWallClockTimes: input.hasWallClockTimes,
      signal,
      name: this.name,
      clock: this.#options.clock,
    });
  }

  /** DirectShow knows cameras by name only. */
  async #windowsName(): Promise<string> {
    const { device } = this.#options;
    if (!/^\d+$/.test(device)) {
      return device;
    }
    const camera = (await listCameras())[Number(device)];
    if (camera === undefined) {
      throw new VedetteError("E_SOURCE_NOT_FOUND", { source: this.name });
    }
    return camera.id;
  }
}
