// Decodes files through the media layer, and tells the colours of what came out.
import type { VideoFrame } from "../../src/contracts/frame.ts";
import type { InputSpec } from "../../src/domain/model.ts";
import type { VideoTrack } from "../../src/domain/packet.ts";
import { createDecoder, createFrameReader, openMedia, type DecoderOptions } from "../../src/media/index.ts";
import { silentLogger } from "../../src/runtime/log.ts";

/** Calls back with every frame of a file, which is disposed afterwards; says how many packets could not be decoded. */
export async function decodeFile(
  path: string,
  onFrame: (frame: VideoFrame) => void | Promise<void>,
  options: Partial<DecoderOptions> = {},
): Promise<{ readonly errors: number }> {
  await using session = await openMedia(`file:${path}`, { isLive: false, protocols: ["file"], signal: new AbortController().signal });
  const index = session.tracks.findIndex(({ kind }) => kind === "video");
  await using decoder = await createDecoder(session.tracks[index] as VideoTrack, { log: silentLogger, ...options });
  const take = async (frames: readonly VideoFrame[]): Promise<void> => {
    for (const frame of frames) {
      using taken = frame;
      await onFrame(taken);
    }
  };
  for await (const packet of session.packets) {
    if (packet.track === index) {
      await take(await decoder.decode(packet));
    }
  }
  await take(await decoder.flush());
  return { errors: decoder.decodeErrors };
}

/** An input like a detector's, with what matters to the test on top. */
export function inputSpec(over: Partial<InputSpec> = {}): InputSpec {
  return {
    name: "images", width: 64, height: 64, layout: "NHWC", color: "RGB", type: "uint8", fit: "stretch", anchor: "center", pad: 114, scale: 1,
    mean: [0, 0, 0], std: [1, 1, 1], ...over,
  };
}

/** The first frame of a file, scaled into an input. */
export async function firstPixels(path: string, over: Partial<InputSpec> = {}): Promise<Uint8Array> {
  await using reader = createFrameReader();
  const input = inputSpec(over);
  const into = new Uint8Array(new SharedArrayBuffer(1 << 24));
  let pixels: Uint8Array | undefined;
  await decodeFile(path, async (frame) => {
    pixels ??= new Uint8Array((await reader.toInput(frame, input, into)).data);
  });
  return pixels ?? new Uint8Array(0);
}
