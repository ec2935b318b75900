import { Worker } from "node:worker_threads";
import type { YuvPicture } from "../../domain/picture.ts";
import { VedetteError } from "../../errors.ts";
import type { FrameDrawer } from "../drawn-session.ts";
import type { SceneOptions } from "./scene.ts";

/** What the drawing thread is given: the scene, and shared memory for two pictures. */
export interface SceneThreadSetup {
  readonly scene: SceneOptions;
  readonly frameRate: number;
  readonly slots: readonly [SharedArrayBuffer, SharedArrayBuffer];
}

/** Asks the thread to draw a frame into a slot. */
export interface DrawRequest {
  readonly frame: number;
  readonly slot: 0 | 1;
}

/** Next to this file, compiled or not. */
const THREAD = new URL(import.meta.url.endsWith(".ts") ? "./scene-worker.ts" : "./scene-worker.js", import.meta.url);

/** Draws a scene on a thread of its own, one frame ahead: while one picture is looked at, the next one is drawn. */
export class SceneThread implements FrameDrawer {
  readonly #name: string;
  readonly #scene: SceneOptions;
  readonly #slots: readonly [SharedArrayBuffer, SharedArrayBuffer];
  readonly #thread: Worker;
  readonly #waiting: { readonly request: DrawRequest; readonly resolve: (request: DrawRequest) => void; readonly reject: (error: Error) => void }[] = [];
  #nextSlot: 0 | 1 = 0;
  #ahead: { readonly frame: number; readonly drawn: Promise<DrawRequest> } | undefined;
  #failure: Error | undefined;

  private constructor(name: string, scene: SceneOptions, frameRate: number) {
    this.#name = name;
    this.#scene = scene;
    const bytes = scene.width * scene.height + 2 * ((scene.width + 1) >> 1) * ((scene.height + 1) >> 1);
    this.#slots = [new SharedArrayBuffer(bytes), new SharedArrayBuffer(bytes)];
    const workerData: SceneThreadSetup = { scene, frameRate, slots: this.#slots };
    this.#thread = new Worker(THREAD, { workerData, name: "vedette-scene" });
    this.#thread.on("message", (frame: number) => this.#onDrawn(frame));
    this.#thread.on("error", (error: Error) => this.#fail(error.message, error));
    this.#thread.once("exit", () => this.#fail("its drawing thread ended"));
  }

  /** Starts the thread and waits for the first picture, so that the session begins without a pause. */
  static async start(name: string, scene: SceneOptions, frameRate: number, signal: AbortSignal): Promise<SceneThread> {
    signal.throwIfAborted();
    const thread = new SceneThread(name, scene, frameRate);
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const onAbort = (): void => reject(signal.reason as Error);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      thread.#ahead = thread.#request(0);
      await Promise.race([thread.#ahead.drawn, aborted]);
      return thread;
    } catch (error) {
      await thread[Symbol.asyncDispose]();
      throw error;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  async draw(frame: number): Promise<YuvPicture> {
    // After a pause the frame drawn ahead may be too old: it is left where it lies.
    const ahead = this.#ahead?.frame === frame ? this.#ahead : this.#request(frame);
    const { slot } = await ahead.drawn;
    this.#ahead = this.#request(frame + 1);
    return this.#pictureIn(slot);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#fail("it was closed");
    await this.#thread.terminate();
  }

  #request(frame: number): { readonly frame: number; readonly drawn: Promise<DrawRequest> } {
    const { promise, resolve, reject } = Promise.withResolvers<DrawRequest>();
    // Nobody may ever ask for a picture drawn ahead; who does gets the error from `draw`.
    promise.catch(() => undefined);
    if (this.#failure !== undefined) {
      reject(this.#failure);
    } else {
      const request: DrawRequest = { frame, slot: this.#nextSlot };
      this.#nextSlot = this.#nextSlot === 0 ? 1 : 0;
      this.#waiting.push({ request, resolve, reject });
      this.#thread.postMessage(request);
    }
    return { frame, drawn: promise };
  }

  #onDrawn(frame: number): void {
    const first = this.#waiting.shift();
    if (first?.request.frame === frame) {
      first.resolve(first.request);
    }
  }

  #fail(reason: string, cause?: Error): void {
    this.#failure ??= new VedetteError("E_SOURCE_BROKEN", { source: this.#name, reason }, { cause });
    for (const { reject } of this.#waiting.splice(0)) {
      reject(this.#failure);
    }
  }

  #pictureIn(slot: 0 | 1): YuvPicture {
    const { width, height } = this.#scene;
    const half = (width + 1) >> 1;
    const luma = width * height;
    const chroma = half * ((height + 1) >> 1);
    const memory = this.#slots[slot];
    return {
      format: "yuv420p", width, height, fullRange: false,
      planes: [
        { data: new Uint8Array(memory, 0, luma), stride: width },
        { data: new Uint8Array(memory, luma, chroma), stride: half },
        { data: new Uint8Array(memory, luma + chroma, chroma), stride: half },
      ],
    };
  }
}
