import type { InputSpec } from "../domain/model.ts";
import { mediaTimeUs, wallTimeMs } from "../domain/time.ts";
import type { Logger } from "../contracts/log.ts";
import { createDecoder, createFrameReader } from "../media/index.ts";
import type { DecodePicture } from "./picture-reader.ts";
import { RequestError } from "./request-error.ts";

/** Decodes with FFmpeg, in this process, one picture at a time and decoder: nothing of a bad picture stays behind. */
export function ffmpegPictures(log: Logger): DecodePicture & AsyncDisposable {
  const reader = createFrameReader();
  const decode: DecodePicture = async (bytes, format, input, signal) => {
    signal.throwIfAborted();
    const track = { kind: "video", codec: format === "jpeg" ? "mjpeg" : "png", width: 0, height: 0, rotation: 0, frameRate: 0, codecPrivate: undefined } as const;
    await using decoder = await createDecoder(track, { log });
    const packet = { track: 0, data: bytes, ptsUs: mediaTimeUs(0), dtsUs: mediaTimeUs(0), durationUs: 0, isKeyframe: true, capturedAtMs: wallTimeMs(0) };
    const frames = [...(await decoder.decode(packet)), ...(await decoder.flush())];
    try {
      const [frame] = frames;
      if (frame === undefined) {
        throw new RequestError("invalid", `Image parsing failed: expected a whole ${format.toUpperCase()}, got a damaged one`);
      }
      return await reader.toInput(frame, input, new Uint8Array(inputBytes(input, frame.width, frame.height)));
    } finally {
      frames.forEach((frame) => {
        frame[Symbol.dispose]();
      });
    }
  };
  return Object.assign(decode, { [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose]() });
}

function inputBytes(input: InputSpec, width: number, height: number): number {
  const channels = input.color === "GRAY" ? 1 : 3;
  return (input.fit === "none" ? width * height : input.width * input.height) * channels;
}
