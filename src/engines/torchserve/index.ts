import { z } from "zod";
import { defineEngine } from "../../contracts/kinds.ts";
import { remoteFields, remoteFromAddress } from "../remote-config.ts";

const schema = z.strictObject({
  kind: z.literal("torchserve"),
  ...remoteFields,
  executors: z.int().min(1).max(256).default(8).describe("Requests under way at once: the server makes batches of them"),
  clientBatch: z.int().min(1).max(256).default(1).describe("Frames in one request, as base64 in a JSON object; needs a handler that takes it. 1: one JPEG a request"),
  jpegQuality: z.int().min(1).max(100).default(95).describe("Quality of the JPEGs; 95 is what OpenCV writes"),
});

/** TorchServe: one JPEG a request, batched by the server, or batches made here. Answers are JSON, read as findings. */
export const torchserveEngine = defineEngine({
  kind: "torchserve",
  schema,
  addresses: ["torchserve+http://HOST:PORT", "torchserve+grpc://HOST:PORT"],
  fromAddress: (address) => {
    const remote = remoteFromAddress("torchserve", address);
    return remote === undefined ? undefined : { kind: "torchserve" as const, ...remote };
  },
  // Its handlers read the outputs themselves; what a model takes they do not tell.
  ask: () => Promise.resolve("findings"),
  open: async (config, model, _interpreter, context, signal) => {
    const { TorchServeEngine } = await import("./torchserve-engine.ts");
    return TorchServeEngine.open(config, model, context, signal);
  },
});
