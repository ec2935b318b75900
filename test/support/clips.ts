// Clips made by the ffmpeg program, and what ffprobe says of files: makers and judges that are not under test.
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A folder that goes when the test file ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "vedette-clips-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Runs ffmpeg quietly; the last argument is usually the output. */
export async function ffmpeg(...args: readonly string[]): Promise<string> {
  const { stdout } = await run("ffmpeg", ["-v", "error", "-y", "-nostdin", ...args], { maxBuffer: 1 << 26 });
  return stdout;
}

/** ffmpeg's arguments for a moving test picture. */
export function testPicture(options: { size?: string; rate?: number | string; seconds?: number } = {}): readonly string[] {
  return ["-f", "lavfi", "-i", `testsrc2=s=${options.size ?? "320x240"}:r=${options.rate ?? 25}:d=${options.seconds ?? 2}`];
}

/** One stream as ffprobe sees it. */
export interface ProbedStream {
  readonly codec_name: string;
  readonly codec_type: string;
  readonly width?: number;
  readonly height?: number;
  readonly pix_fmt?: string;
  readonly color_range?: string;
  readonly color_space?: string;
  readonly has_b_frames?: number;
  readonly profile?: string;
  readonly nb_read_frames?: string;
  readonly start_time?: string;
  readonly duration?: string;
}

/** Streams of a file, frames counted by decoding them. */
export async function probeStreams(path: string): Promise<readonly ProbedStream[]> {
  const { stdout } = await run("ffprobe", ["-v", "error", "-count_frames", "-show_streams", "-of", "json", path], { maxBuffer: 1 << 26 });
  return (JSON.parse(stdout) as { streams: ProbedStream[] }).streams;
}

/** Presentation times of the decoded frames of the video track, in microseconds. */
export async function frameTimesUs(path: string): Promise<readonly number[]> {
  const { stdout } = await run("ffprobe", ["-v", "error", "-select_streams", "v:0", "-show_entries", "frame=pts_time", "-of", "csv=p=0", path], { maxBuffer: 1 << 26 });
  return stdout.trim().split(/[\s,]+/).filter((text) => text !== "").map((text) => Math.round(Number(text) * 1e6));
}

/** Fingerprints of a track's packets, as they are in the file. */
export async function packetHashes(path: string, stream: string): Promise<readonly string[]> {
  const text = await ffmpeg("-i", path, "-map", stream, "-c", "copy", "-f", "framemd5", "-");
  return text.split("\n").filter((line) => /^\d/.test(line)).map((line) => line.split(",")[5]?.trim() ?? "");
}

/** Widths of the decoded frames of the video track, one after the other. */
export async function frameWidths(path: string): Promise<readonly number[]> {
  const { stdout } = await run("ffprobe", ["-v", "error", "-select_streams", "v:0", "-show_entries", "frame=width", "-of", "csv=p=0", path], { maxBuffer: 1 << 26 });
  return stdout.trim().split(/[\s,]+/).map(Number);
}
