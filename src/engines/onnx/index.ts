import { availableParallelism } from "node:os";
import { z } from "zod";
import { defineEngine } from "../../contracts/kinds.ts";
import { VedetteError } from "../../errors.ts";
import { OnnxEngine } from "./onnx-engine.ts";

/** Beyond this many, executors cost more memory than they bring frames; further cores go into threads. */
const MOST_EXECUTORS = 8;

const schema = z.strictObject({
  kind: z.literal("onnx"),
  executors: z.int().min(0).max(64).default(0).describe("Frames computed at once, each by its own copy of the network; 0: as this machine's cores allow"),
  threads: z.int().min(0).max(256).default(0).describe("Threads inside one computation; 0: the cores that the executors leave"),
  provider: z.enum(["auto", "cpu", "cuda", "tensorrt", "coreml", "dml", "webgpu"]).default("auto").describe("What computes; auto takes a GPU where one works"),
  device: z.int().min(0).max(63).default(0).describe("Index of the GPU"),
});

/** ONNX Runtime inside this process. */
export const onnxEngine = defineEngine({
  kind: "onnx",
  schema,
  addresses: ["onnx", "onnx:cpu", "onnx:cuda"],
  fromAddress: (address) => {
    const [, provider = "auto"] = /^onnx(?::(\w+))?$/.exec(address) ?? [undefined, ""];
    const parsed = schema.shape.provider.safeParse(provider);
    return parsed.success ? { kind: "onnx" as const, provider: parsed.data } : undefined;
  },
  open: (config, model, interpreter, context, signal) => {
    if (model.file === undefined) {
      throw new VedetteError("E_MODEL_INCOMPLETE", { model: model.name, missing: "the file of its weights", flags: "--model FILE.onnx" });
    }
    const { executors, threads } = shareOut(config.executors, config.threads, availableParallelism());
    const setup = {
      model,
      file: model.file,
      interpreterModule: interpreter.module.href,
      interpreterModel: interpreter.model,
      provider: config.provider,
      device: config.device,
      threads,
      // Several executors would take the processor from one another, and from the decoder.
      spin: executors === 1 && threads > 1,
    };
    return OnnxEngine.open({ setup, executors, clock: context.clock, log: context.log }, signal);
  },
});

/**
 * Cores shared out between executors and their threads; 0 means "choose". Executors first: on two cores, two executors of
 * one thread bring about 1.5 times the frames of one executor of two threads (YOLOX-nano).
 */
export function shareOut(executors: number, threads: number, cores: number): { readonly executors: number; readonly threads: number } {
  const count = executors > 0 ? executors : Math.max(1, Math.min(MOST_EXECUTORS, Math.floor(cores / Math.max(1, threads))));
  return { executors: count, threads: threads > 0 ? threads : Math.max(1, Math.floor(cores / count)) };
}
