// A GStreamer RTSP server as a peer of tests.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { existsSync } from "node:fs";
import { join } from "node:path";

/** `{ skip }` for tests that need the GStreamer RTSP server. */
export const needsRtspServer: { readonly skip: string | false } = {
  skip: existsSync("/usr/lib/x86_64-linux-gnu/girepository-1.0/GstRtspServer-1.0.typelib") ? false : "needs gir1.2-gst-rtsp-server-1.0",
};

/** Pipelines of moving test pictures. */
export const LAUNCH = {
  h264: "( videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=25/1 ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=12 bitrate=400 ! rtph264pay name=pay0 pt=96 config-interval=1 )",
  h264WithBFrames:
    "( videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=25/1 ! x264enc speed-preset=veryfast bframes=2 b-adapt=false rc-lookahead=0 key-int-max=24 ! video/x-h264,profile=main ! rtph264pay name=pay0 pt=96 config-interval=1 )",
  h265: "( videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=25/1 ! x265enc tune=zerolatency speed-preset=ultrafast key-int-max=12 ! rtph265pay name=pay0 pt=96 config-interval=1 )",
  mjpeg: "( videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=320,height=240,framerate=25/1 ! jpegenc ! rtpjpegpay name=pay0 )",
  withAudio:
    "( videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=25/1 ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=12 ! rtph264pay name=pay0 pt=96 config-interval=1 audiotestsrc is-live=true ! audio/x-raw,rate=48000,channels=1 ! avenc_aac ! rtpmp4gpay name=pay1 pt=97 )",
  onlyAudio: "( audiotestsrc is-live=true ! audio/x-raw,rate=8000,channels=1 ! mulawenc ! rtppcmupay name=pay0 )",
} as const;

/** A running server. Disposing it ends the process. */
export interface TestRtspServer extends AsyncDisposable {
  readonly port: number;
  readonly process: ChildProcess;
}

/** Starts one; `args` as `rtsp_server.py` takes them, mounts as `/path=LAUNCH`. */
export async function startRtspServer(args: readonly string[], port = 0): Promise<TestRtspServer> {
  const script = join(import.meta.dirname, "rtsp_server.py");
  const process = spawn("/usr/bin/python3", [script, String(port), ...args], { stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface({ input: process.stdout })) {
    const ready = /^ready (\d+)/.exec(line);
    if (ready !== null) {
      return {
        port: Number(ready[1]),
        process,
        [Symbol.asyncDispose]: async () => {
          if (process.exitCode === null && process.signalCode === null) {
            const gone = once(process, "exit");
            process.kill("SIGKILL");
            await gone;
          }
        },
      };
    }
  }
  throw new Error("the RTSP server did not start");
}
