import { AV_CODEC_HW_CONFIG_METHOD_HW_DEVICE_CTX, AV_HWDEVICE_TYPE_NONE, type AVHWDeviceType, type AVPixelFormat, type FFHWDeviceType } from "node-av/constants";
import { HardwareDeviceContext, type Codec, type Frame } from "node-av/lib";
import { VedetteError } from "../errors.ts";
import { checked, describeReturnCode } from "./ffmpeg.ts";
import { emptyFrame } from "./media-frame.ts";

/** What `auto` tries, best first: dedicated video hardware before general. */
const AUTOMATIC = ["cuda", "videotoolbox", "d3d11va", "d3d12va", "dxva2", "vaapi", "qsv"] as const;

/** Other names that people use. */
const ALIASES: Readonly<Record<string, string>> = { nvdec: "cuda", nvenc: "cuda", nvidia: "cuda", intel: "qsv" };

/** An accelerator ready for one decoder. Disposing it releases the device. */
export interface DecoderHardware extends Disposable {
  readonly name: string;
  readonly device: HardwareDeviceContext;
  /** The accelerator's own pixel format, in which the decoder leaves its pictures. */
  readonly pixelFormat: AVPixelFormat;
  /** Gives the picture in ordinary memory; takes the native frame over. */
  download(native: Frame): Promise<Frame>;
}

/** What came of a request for an accelerator: it, or a sentence on why there is none. */
export interface HardwareChoice {
  readonly hardware: DecoderHardware | undefined;
  /** Why software is used: empty when it was asked for. */
  readonly reason: string;
}

/**
 * Finds the accelerator asked for: `none`, `auto` (the first that works, else software), or a name, which throws
 * `E_MEDIA_HWACCEL` when it cannot be had.
 */
export function chooseHardware(codec: Codec, request: string | undefined): HardwareChoice {
  if (request === undefined || request === "none") {
    return { hardware: undefined, reason: "" };
  }
  if (request !== "auto") {
    const name = ALIASES[request] ?? request;
    const found = tryHardware(codec, name);
    if (typeof found === "string") {
      throw new VedetteError("E_MEDIA_HWACCEL", { name: request, reason: found, available: availableHardware().join(", ") || "none" });
    }
    return { hardware: found, reason: "" };
  }
  const known = AUTOMATIC.filter((name) => typeOf(name) !== AV_HWDEVICE_TYPE_NONE);
  const failures: string[] = [];
  for (const name of known) {
    const found = tryHardware(codec, name);
    if (typeof found !== "string") {
      return { hardware: found, reason: "" };
    }
    failures.push(`${name}: ${found}`);
  }
  return { hardware: undefined, reason: failures.length === 0 ? "this build knows no accelerator" : failures.join("; ") };
}

let available: readonly string[] | undefined;

/** Accelerators whose device can be opened on this machine. Opening them takes a moment, so it is done once. */
export function availableHardware(): readonly string[] {
  available ??= HardwareDeviceContext.iterateTypes()
    .map((type) => HardwareDeviceContext.getTypeName(type))
    .filter((name) => name !== null)
    .filter((name) => {
      const device = openDevice(typeOf(name));
      if (typeof device === "number") {
        return false;
      }
      device.free();
      return true;
    });
  return available;
}

/** The accelerator, or why not. */
function tryHardware(codec: Codec, name: string): DecoderHardware | string {
  const type = typeOf(name);
  if (type === AV_HWDEVICE_TYPE_NONE) {
    return "this build does not know it";
  }
  const pixelFormat = pixelFormatFor(codec, type);
  if (pixelFormat === undefined) {
    return `it cannot decode ${codec.name ?? "this codec"}`;
  }
  const device = openDevice(type);
  if (typeof device === "number") {
    return `no such device or driver (${describeReturnCode(device)})`;
  }
  return {
    name,
    device,
    pixelFormat,
    download: (native) => download(native),
    [Symbol.dispose]: () => {
      device.free();
    },
  };
}

function openDevice(type: AVHWDeviceType): HardwareDeviceContext | number {
  const device = new HardwareDeviceContext();
  const code = device.create(type);
  if (code < 0) {
    device.free();
    return code;
  }
  return device;
}

function typeOf(name: string): AVHWDeviceType {
  // FFmpeg answers NONE to a name that it does not know; the type only lists those that it does.
  return HardwareDeviceContext.findTypeByName(name as FFHWDeviceType);
}

function pixelFormatFor(codec: Codec, type: AVHWDeviceType): AVPixelFormat | undefined {
  for (let index = 0; ; index += 1) {
    const config = codec.getHwConfig(index);
    if (config === null) {
      return undefined;
    }
    if (config.deviceType === type && (config.methods & AV_CODEC_HW_CONFIG_METHOD_HW_DEVICE_CTX) !== 0) {
      return config.pixFmt;
    }
  }
}

async function download(native: Frame): Promise<Frame> {
  if (!native.isHwFrame()) {
    // The decoder fell back to software for this stream's profile.
    return native;
  }
  const target = emptyFrame();
  try {
    checked(await native.hwframeTransferData(target), "reading a picture from the accelerator");
    checked(target.copyProps(native), "copying a frame's properties");
    return target;
  } catch (error) {
    target.free();
    throw error;
  } finally {
    native.free();
  }
}
