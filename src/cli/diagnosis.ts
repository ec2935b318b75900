import type { Measurement } from "./self-measurement.ts";

/** What holds this machine up, and the setting that would move it. */
export interface Diagnosis {
  readonly bottleneck: "inference" | "decoding";
  readonly reason: string;
  readonly advice: string;
  /** How many cameras of 25 frames a second, 5 of them analysed, would keep four fifths of the processor busy. */
  readonly cameras: number;
}

/** What could take work off the processor. */
export interface Accelerators {
  readonly cores: number;
  /** Execution providers of ONNX Runtime that can be loaded. */
  readonly providers: readonly string[];
  /** Accelerators of FFmpeg whose device opens. */
  readonly hwaccels: readonly string[];
}

const CAMERA_FPS = 25;
const ANALYSED_FPS = 5;
const BUSY = 0.8;

/** Names the bottleneck of a measured machine. */
export function diagnose({ decode, network }: Measurement, { cores, providers, hwaccels }: Accelerators): Diagnosis {
  const inferCpuMs = Math.max(0, network.cpuMsPerFrame - decode.cpuMsPerFrame);
  const perCameraMs = CAMERA_FPS * decode.cpuMsPerFrame + ANALYSED_FPS * inferCpuMs;
  const cameras = Math.max(0, Math.floor((BUSY * cores * 1000) / Math.max(perCameraMs, 0.001)));
  const shares = `${decode.cpuMsPerFrame.toFixed(1)} ms of processor time to decode a frame, ${inferCpuMs.toFixed(1)} ms to analyse it`;
  if (inferCpuMs > decode.cpuMsPerFrame) {
    const gpu = providers.filter((name) => name !== "cpu" && name !== "webgpu");
    const elsewhere = gpu.length > 0 ? `--engine onnx:${gpu[0] ?? ""} uses the GPU; ` : "";
    return {
      bottleneck: "inference",
      reason: shares,
      advice: `${elsewhere}--fps N analyses fewer frames; --gate motion only those in which something moves; a smaller model; or a model server (--engine kserve+grpc://HOST:PORT)`,
      cameras,
    };
  }
  const hardware = hwaccels.length > 0 ? `--hwaccel ${hwaccels[0] ?? ""} decodes on hardware; ` : "";
  return { bottleneck: "decoding", reason: shares, advice: `${hardware}the camera's smaller stream (its "sub-stream") decodes in a fraction of the time`, cameras };
}
