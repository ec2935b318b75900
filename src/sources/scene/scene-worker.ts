// The scene's drawing thread: draws the frames it is asked for into shared memory, in order.
import { parentPort, workerData } from "node:worker_threads";
import { Scene } from "./scene.ts";
import type { DrawRequest, SceneThreadSetup } from "./scene-thread.ts";

// Set by SceneThread, the only one who starts this file.
const { scene: options, frameRate, slots } = workerData as SceneThreadSetup;
const scene = new Scene(options);
const memories = slots.map((slot) => new Uint8Array(slot));

parentPort?.on("message", ({ frame, slot }: DrawRequest) => {
  const { picture } = scene.draw(frame / frameRate);
  let at = 0;
  for (const { data } of picture.planes) {
    memories[slot]?.set(data, at);
    at += data.length;
  }
  parentPort?.postMessage(frame);
});
