// What uploads are tested with: packets of a real encoder, or many cheap ones, and an output that knows the test server.
import type { Clock } from "../../../src/contracts/clock.ts";
import type { KindContext } from "../../../src/contracts/kinds.ts";
import type { Output } from "../../../src/contracts/output.ts";
import type { Packet, VideoTrack } from "../../../src/domain/packet.ts";
import { mediaTimeUs, wallTimeMs } from "../../../src/domain/time.ts";
import { openMedia } from "../../../src/media/index.ts";
import { kvsOutput } from "../../../src/outputs/kvs/index.ts";
import { KvsOutput } from "../../../src/outputs/kvs/kvs-output.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import { createLogger } from "../../../src/runtime/log.ts";
import { ffmpeg, testPicture } from "../clips.ts";
import { CLIENT_ENV, type KvsServer } from "./kvs-server.ts";

/** This process is a client that the test server knows. */
export function useTestCredentials(): void {
  for (const name of Object.keys(process.env).filter((key) => key.startsWith("AWS_"))) {
    Reflect.deleteProperty(process.env, name);
  }
  Object.assign(process.env, CLIENT_ENV, { AWS_SHARED_CREDENTIALS_FILE: "/dev/null", AWS_CONFIG_FILE: "/dev/null" });
}

/** A clip without B-frames, unless told otherwise. */
export async function makeClip(path: string, options: { readonly codec?: "h264" | "hevc"; readonly seconds?: number; readonly bFrames?: number; readonly gop?: number; readonly rate?: number; readonly size?: string } = {}): Promise<void> {
  const { codec = "h264", seconds = 4, bFrames = 0, gop = 25, rate = 25, size = "320x240" } = options;
  const encoder =
    codec === "h264"
      ? ["-c:v", "libx264", "-preset", "ultrafast", "-bf", String(bFrames), "-g", String(gop), "-sc_threshold", "0"]
      : ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", `bframes=${bFrames}:keyint=${gop}:min-keyint=${gop}:scenecut=0:log-level=none`];
  await ffmpeg(...testPicture({ size, rate, seconds }), ...encoder, "-pix_fmt", "yuv420p", path);
}

/** A clip's track and packets. */
export async function readClip(path: string): Promise<{ readonly track: VideoTrack; readonly packets: readonly Packet[] }> {
  await using session = await openMedia(`file:${path}`, { isLive: false, protocols: ["file"], signal: new AbortController().signal });
  const packets: Packet[] = [];
  for await (const packet of session.packets) {
    packets.push(packet);
  }
  const track = session.tracks[0];
  if (track?.kind !== "video") {
    throw new Error("no video");
  }
  return { track, packets };
}

/** NAL units of 4-byte length-prefixed frames. */
export function unitsOf(frame: Uint8Array): string[] {
  const bytes = Buffer.from(frame);
  const units: string[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const size = bytes.readUInt32BE(offset);
    units.push(bytes.subarray(offset + 4, offset + 4 + size).toString("base64"));
    offset += 4 + size;
  }
  return units;
}

/** Parameter sets of a 320x240 stream that x264 wrote, and frames of a few bytes that carry their number. */
export const CHEAP_TRACK: VideoTrack = {
  kind: "video",
  codec: "h264",
  width: 320,
  height: 240,
  rotation: 0,
  frameRate: 25,
  codecPrivate: Buffer.from("0000000167f4000d919b28281f602200000300020000030064 1e28532c00000001 68ebe3c448 44".replaceAll(" ", ""), "hex"),
};

/** One cheap packet: a keyframe every `gop`. */
export function cheapPacket(number: number, options: { readonly startMs: number; readonly rate?: number; readonly gop?: number; readonly bytes?: number }): Packet {
  const { startMs, rate = 25, gop = 25, bytes = 16 } = options;
  const isKeyframe = number % gop === 0;
  const unit = Buffer.alloc(5 + Math.max(bytes, 6), 0xaa);
  unit.set([0, 0, 0, 1, isKeyframe ? 0x65 : 0x41]);
  // Seven bits a byte, so that no start code comes of it.
  unit.set([21, 14, 7, 0].map((shift) => 0x80 | ((number >> shift) & 0x7f)), 5);
  unit[unit.length - 1] = 0x80;
  const us = Math.round((number * 1e6) / rate);
  return { track: 0, data: unit, ptsUs: mediaTimeUs(us), dtsUs: mediaTimeUs(us), durationUs: 0, isKeyframe, capturedAtMs: wallTimeMs(startMs + us / 1000) };
}

/** The number inside a cheap packet's frame. */
export function numberOf(frame: Uint8Array): number {
  return frame.subarray(5, 9).reduce((sum, byte) => sum * 128 + (byte & 0x7f), 0);
}

/** An output for the server, and what it logged. */
export function createKvsOutput(server: KvsServer, config: Readonly<Record<string, unknown>> = {}, clock: Clock = systemClock): { readonly output: Output; readonly lines: string[] } {
  const lines: string[] = [];
  const log = createLogger({ level: "info", format: "text", write: (line) => lines.push(line), now: () => new Date(0) });
  const context: KindContext = { stream: "main", clock, log, baseDir: "/", dataDir: "/nonexistent", allowAnonymous: false };
  const output = new KvsOutput(kvsOutput.schema.parse({ kind: "kvs", stream: "gate", endpoint: server.endpoint, stopTimeoutSeconds: 15, ...config }), context);
  return { output, lines };
}
