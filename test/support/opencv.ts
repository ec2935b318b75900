// OpenCV as the independent reference: see opencv_reference.py for what it can be asked.
import { spawn, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { text } from "node:stream/consumers";

const PYTHON = "/usr/bin/python3";
const script = fileURLToPath(new URL("opencv_reference.py", import.meta.url));

/** `{ skip }` for a test that needs Debian's python3-opencv. */
export const needsOpenCv: { readonly skip: string | false } = {
  skip: spawnSync(PYTHON, ["-c", "import cv2, numpy"]).status === 0 ? false : "needs python3-opencv (npm test installs it as root on Debian)",
};

/** Where the scaled picture lies: `map` is scale x, scale y, offset x, offset y. */
export interface ReferenceGeometry {
  readonly map: readonly [number, number, number, number];
  readonly source: readonly [number, number];
  readonly input: readonly [number, number];
}

/** What OpenCV (or numpy, from raw outputs) found, in source pixels. */
export interface Expected {
  readonly detections?: readonly { readonly classId: number; readonly score: number; readonly box: readonly [number, number, number, number]; readonly points?: readonly (readonly [number, number])[] }[];
  readonly classes?: readonly { readonly classId: number; readonly score: number }[];
  readonly segments?: readonly { readonly classId: number; readonly area: number }[];
  readonly maskShape?: readonly [number, number];
  readonly imageShape?: readonly [number, number, number];
  readonly keypoints?: readonly { readonly x: number; readonly y: number; readonly score: number }[];
  readonly embedding?: readonly number[];
}

/** An answer to any job; which fields it has depends on the job. */
export interface Answer {
  readonly geometry: ReferenceGeometry;
  readonly shape: readonly number[];
  readonly type: "float32" | "float16" | "uint8";
  readonly expected?: Expected;
  readonly kept: readonly number[];
}

/** A Python process that answers jobs one after the other. Disposing it ends the process. */
export class OpenCv implements AsyncDisposable {
  readonly #child = spawn(PYTHON, [script], { stdio: ["pipe", "pipe", "pipe"], env: { ...process.env, OPENCV_LOG_LEVEL: "OFF" } });
  readonly #answers = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
  readonly #stderr = text(this.#child.stderr);

  /** Answers in the order of the jobs. */
  async ask(jobs: readonly object[]): Promise<readonly Answer[]> {
    const answers: Answer[] = [];
    for (const job of jobs) {
      this.#child.stdin.write(`${JSON.stringify(job)}\n`);
      const line = await this.#answers.next();
      if (line.done === true) {
        throw new Error(`opencv_reference.py: ${await this.#stderr}`);
      }
      answers.push(JSON.parse(line.value) as Answer);
    }
    return answers;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin.end();
    await this.#stderr;
  }
}
