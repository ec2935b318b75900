import { Command } from "commander";
import { runStream } from "./run-stream.ts";
import { commonOptions } from "./host-options.ts";
import { usage } from "./report-error.ts";
import { parseStream } from "../config/load.ts";
import type { CommonFlags } from "./host-options.ts";

/** The two client ends of NVSS: the camera's and the viewer's. */

interface SendFlags extends CommonFlags {
  readonly maxRate?: string;
  readonly quality?: number;
  readonly size?: string;
  readonly fps?: number;
  readonly loop?: boolean;
}

/** `vedette send SOURCE HOST[:8089]`: sends frames to an NVSS server (what WebcamClient did). */
export function sendCommand(): Command {
  const command = new Command("send")
    .summary("send frames to an NVSS server")
    .description("Sends a camera's or a file's frames to an NVSS server, and connects again when it comes back.")
    .argument("<source>", "device:0, a file, rtsp://…, scene:street, …")
    .argument("<host[:port]>", "the server; port 8089 when none is given")
    .option("--max-rate <rate>", "budget the quality follows: 1MiB/s")
    .option("--quality <n>", "fixed JPEG quality, 10…100", Number)
    .option("--size <WxH>", "picture size asked of the camera", "640x480")
    .option("--fps <n>", "pictures a second asked of the camera", Number, 30)
    .option("--loop", "read the file again and again");
  return commonOptions(command).action(async (source: string, target: string, flags: SendFlags) => {
    const { host, port } = hostAndPort(target, 8089);
    const output = { kind: "nvss", connect: true, host, port, view: "original", maxRate: flags.maxRate, quality: flags.quality };
    await runStream("send", flags, {
      config: parseStream("send", { source, outputs: [output] }),
      sourceOverrides: { size: flags.size, fps: flags.fps, loop: flags.loop, realtime: true },
      limitFrames: Infinity,
    });
  });
}

interface ViewFlags extends CommonFlags {
  readonly to?: readonly string[];
}

/** `vedette view HOST[:8090]`: shows what an NVSS server sends (what StreamClient did), in the browser or into a file. */
export function viewCommand(): Command {
  const command = new Command("view")
    .summary("watch an NVSS server")
    .description("Shows what an NVSS server sends: in the browser, or into a file.")
    .argument("<host[:port]>", "the server; port 8090 when none is given")
    .option("-o, --to <output>", "http://HOST:PORT, FILE.mp4, … (repeatable)", (value: string, before: string[]) => [...before, value], []);
  return commonOptions(command).action(async (target: string, flags: ViewFlags) => {
    const { host, port } = hostAndPort(target, 8090);
    const outputs = flags.to === undefined || flags.to.length === 0 ? ["http://127.0.0.1:8080"] : flags.to;
    await runStream("view", flags, {
      config: parseStream("view", { source: { kind: "nvss", connect: true, host, port }, outputs }),
      outputOverrides: { view: "original" },
      limitFrames: Infinity,
    });
  });
}

function hostAndPort(target: string, defaultPort: number): { host: string; port: number } {
  const match = /^(?:nvss:\/\/)?(\[[^\]]+\]|[^:/\s]+)(?::(\d{1,5}))?\/?$/.exec(target);
  if (match === null) {
    throw usage(`${target}: expected HOST or HOST:PORT`);
  }
  return { host: (match[1] ?? "").replace(/^\[|\]$/g, ""), port: Number(match[2] ?? defaultPort) };
}
