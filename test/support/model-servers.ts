// Model servers of other makes for tests: Python's grpcio, from the protocols' definitions.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { once } from "node:events";
import type { InputSpec, Model } from "../../src/domain/model.ts";
import type { EngineRequest } from "../../src/contracts/engine.ts";
import type { KindContext } from "../../src/contracts/kinds.ts";
import { mediaTimeUs } from "../../src/domain/time.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { silentLogger } from "../../src/runtime/log.ts";
import { existsSync } from "node:fs";
import { needsPrograms } from "./programs.ts";

/** Skips where Debian's grpcio or protoc is not there. */
export const needsGrpcPeers: { readonly skip: string | false } = {
  skip: existsSync("/usr/lib/python3/dist-packages/grpc") ? needsPrograms("protoc", "grpc_python_plugin").skip : "needs python3-grpcio",
};

/** Starts the Python servers; resolves with their port. End them with `stop`. */
export async function startModelServers(args: readonly string[] = []): Promise<{ readonly port: number; readonly stop: () => Promise<void> }> {
  const child = spawn("/usr/bin/python3", ["test/support/protocols/model_servers.py", ...args], { stdio: ["pipe", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const lines = createInterface({ input: child.stdout });
  const [line] = (await Promise.race([once(lines, "line"), exited.then(() => Promise.reject(new Error("the model servers did not start")))])) as [string];
  return {
    port: Number(line),
    stop: async () => {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

/** A picture of 4 × 2 pixels, BGR floats 0…255, as it goes to the servers' `sum` model. */
export const SUM_INPUT: InputSpec = {
  name: "image", width: 4, height: 2, layout: "NHWC", color: "BGR", type: "float32", fit: "stretch", anchor: "center", pad: 0,
  scale: 1, mean: [0, 0, 0], std: [1, 1, 1],
};

/** A model known by name alone, read by the summing interpreter. */
export function sumModel(name: string, input: InputSpec = SUM_INPUT): Model {
  return {
    name, file: undefined, task: "classify", family: "sum", input, maxBatch: 16, labels: [], threshold: 0, classThresholds: {}, nmsIou: 0.5, topK: 5, options: {},
  };
}

/** Where the summing interpreter lies. */
export const sumInterpreter = (model: Model) => ({ module: new URL("./sum-interpreter.ts", import.meta.url), model });

/** Frame number `n`: all its values are `n`; so is the last byte of its JPEG (which is one by its first bytes only). */
export function sumRequest(n: number, width = 4, height = 2): EngineRequest {
  const geometry = { sourceWidth: width, sourceHeight: height, inputWidth: width, inputHeight: height, scaleX: 1, scaleY: 1, offsetX: 0, offsetY: 0 };
  return { pixels: { data: new Uint8Array(width * height * 3).fill(n), width, height, channels: 3, geometry }, ptsUs: mediaTimeUs(0), jpeg: Uint8Array.of(0xff, 0xd8, 0xff, n) };
}

/** A frame whose pixels and JPEG are not there. */
export function badRequest(): EngineRequest {
  const { pixels, ptsUs } = sumRequest(1);
  return { pixels: { ...pixels, data: new Uint8Array(3) }, ptsUs };
}

/** Surroundings of an engine. */
export const kindContext: KindContext = { stream: "test", clock: systemClock, log: silentLogger, baseDir: ".", dataDir: ".", allowAnonymous: false };
