import type { AVCodecID } from "node-av/constants";
import { avGetCodecName, Codec } from "node-av/lib";

let ids: ReadonlyMap<string, AVCodecID> | undefined;

/** FFmpeg's name of a codec: `h264`, `hevc`, `aac`. */
export function codecName(id: AVCodecID): string {
  return avGetCodecName(id) ?? "unknown";
}

/** The codec id behind FFmpeg's name; undefined when this build knows no decoder or encoder for it. */
export function codecId(name: string): AVCodecID | undefined {
  ids ??= new Map(Codec.getCodecList().map((codec) => [codecName(codec.id), codec.id]));
  return ids.get(name);
}
