/** Which camera, and what it should send. */
export interface DeviceRequest {
  readonly device: string;
  readonly size?: string | undefined;
  readonly fps?: number | undefined;
  readonly pixelFormat?: string | undefined;
}

/** How FFmpeg is asked for a camera. */
export interface DeviceInput {
  readonly address: string;
  /** FFmpeg's input device. */
  readonly format: string;
  readonly options: Readonly<Record<string, string>>;
  /** Whether its times are the wall clock's. */
  readonly hasWallClockTimes: boolean;
}

interface Platform {
  readonly format: string;
  readonly hasWallClockTimes: boolean;
  address(device: string): string;
  options(request: DeviceRequest): Record<string, string>;
}

/** Options of FFmpeg's input devices: https://ffmpeg.org/ffmpeg-devices.html */
const PLATFORMS: Partial<Record<NodeJS.Platform, Platform>> = {
  linux: {
    format: "video4linux2",
    hasWallClockTimes: true,
    address: (device) => (/^\d+$/.test(device) ? `/dev/video${device}` : device),
    // The kernel stamps pictures when they are captured; `abs` gives that as wall-clock time.
    options: ({ pixelFormat }) => ({ timestamps: "abs", ...(pixelFormat === undefined ? {} : { input_format: pixelFormat }) }),
  },
  darwin: {
    format: "avfoundation",
    hasWallClockTimes: false,
    address: (device) => `${device}:none`,
    options: ({ pixelFormat }) => (pixelFormat === undefined ? {} : { pixel_format: pixelFormat }),
  },
  win32: {
    format: "dshow",
    hasWallClockTimes: false,
    address: (device) => `video=${device}`,
    options: ({ pixelFormat }) => (pixelFormat === undefined ? {} : pixelFormat === "mjpeg" || pixelFormat === "h264" ? { vcodec: pixelFormat } : { pixel_format: pixelFormat }),
  },
};

/** How this platform opens the camera; undefined where it has no cameras that FFmpeg knows. */
export function deviceInput(request: DeviceRequest, platform: NodeJS.Platform): DeviceInput | undefined {
  const known = PLATFORMS[platform];
  if (known === undefined) {
    return undefined;
  }
  return {
    address: known.address(request.device),
    format: known.format,
    hasWallClockTimes: known.hasWallClockTimes,
    options: {
      ...known.options(request),
      ...(request.size === undefined ? {} : { video_size: request.size }),
      ...(request.fps === undefined ? {} : { framerate: String(request.fps) }),
    },
  };
}
