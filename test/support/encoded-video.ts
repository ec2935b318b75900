// Moving test pictures as packets, encoded by FFmpeg and cut by the project's NAL code.
import { execFileSync } from "node:child_process";
import type { Packet, VideoTrack } from "../../src/domain/packet.ts";
import { mediaTimeUs, wallTimeMs } from "../../src/domain/time.ts";
import { H264 } from "../../src/protocols/h264/h264.ts";
import { H265 } from "../../src/protocols/h265/h265.ts";
import { joinAnnexB, splitAnnexB } from "../../src/protocols/nal/annex-b.ts";
import { ParameterSets } from "../../src/protocols/nal/parameter-sets.ts";
import type { FakeTaps } from "./fake-taps.ts";

/** An endless video of one second, over and over: 25 fps, a keyframe every second. */
export interface EncodedVideo {
  readonly track: VideoTrack;
  /** Packet number `index`, which begins at `index` × 40 ms. */
  packet(index: number): Packet;
}

/** Encodes one. */
export function encodeVideo(codec: "h264" | "hevc", size = "640x360"): EncodedVideo {
  const nal = codec === "h264" ? H264 : H265;
  const encoder =
    codec === "h264"
      ? ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-x264-params", "sliced-threads=0:slices=1:keyint=25"]
      : ["-c:v", "libx265", "-preset", "ultrafast", "-tune", "zerolatency", "-x265-params", "slices=1:keyint=25:log-level=none"];
  const input = ["-f", "lavfi", "-i", `testsrc=size=${size}:rate=25`, "-t", "1", "-pix_fmt", "yuv420p"];
  const stream = execFileSync("ffmpeg", ["-v", "error", ...input, ...encoder, "-f", codec, "-"], { maxBuffer: 1e9 });
  const sets = new ParameterSets(nal);
  const pictures: { data: Uint8Array; isKeyframe: boolean }[] = [];
  let units: Uint8Array[] = [];
  for (const unit of splitAnnexB(stream)) {
    sets.note(unit);
    units.push(unit);
    if (nal.isSlice(unit)) {
      pictures.push({ data: joinAnnexB(units), isKeyframe: units.some((one) => nal.isRandomAccess(one)) });
      units = [];
    }
  }
  return {
    track: sets.toTrack(),
    packet: (index) => {
      const us = mediaTimeUs(index * 40_000);
      return { track: 0, ...pictures[index % pictures.length]!, ptsUs: us, dtsUs: us, durationUs: 40_000, capturedAtMs: wallTimeMs(Date.now()) };
    },
  };
}

/** Plays it into both views of the taps, in real time, until stopped. */
export function playInto(taps: FakeTaps, video: EncodedVideo, each: (index: number, packet: Packet) => Promise<void> = () => Promise.resolve()): { stop: () => Promise<void> } {
  let isStopped = false;
  const startMs = performance.now();
  const run = async (): Promise<void> => {
    for (let index = 0; !isStopped; index++) {
      const packet = video.packet(index);
      await taps.pushPacket("annotated", packet);
      await taps.pushPacket("original", { ...packet });
      await each(index, packet);
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, startMs + (index + 1) * 40 - performance.now())));
    }
  };
  const running = run();
  return {
    stop: async () => {
      isStopped = true;
      await running;
    },
  };
}
