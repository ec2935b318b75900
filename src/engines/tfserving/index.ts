import { z } from "zod";
import { defineEngine } from "../../contracts/kinds.ts";
import { VedetteError } from "../../errors.ts";
import { remoteFields, remoteFromAddress } from "../remote-config.ts";

const schema = z.strictObject({
  kind: z.literal("tfserving"),
  ...remoteFields,
  transport: z.literal("grpc").default("grpc").describe("How it is spoken to"),
  version: z.string().regex(/^\d*$/).default("").describe("Version of the model, a number; empty: the latest"),
  signature: z.string().default("serving_default").describe("Signature of the model"),
  binaryInput: z.boolean().default(false).describe("Send JPEGs (DT_STRING) instead of arrays; the server decodes and scales them"),
  jpegQuality: z.int().min(1).max(100).default(95).describe("Quality of those JPEGs; 95 is what OpenCV writes"),
  batch: z.int().min(1).max(256).default(1).describe("Frames in one request; 1 leaves batching to the server"),
});

/** `PredictionService` as OpenVINO Model Server and TensorFlow Serving speak it. */
export const tfservingEngine = defineEngine({
  kind: "tfserving",
  schema,
  addresses: ["tfserving+grpc://HOST:PORT", "tfserving+grpcs://HOST:PORT"],
  fromAddress: (address) => {
    const remote = remoteFromAddress("tfserving", address);
    if (remote === undefined) {
      return undefined;
    }
    if (remote.transport !== "grpc") {
      throw new VedetteError("E_ENGINE_ADDRESS", { engine: "tfserving", reason: "expected tfserving+grpc://…, got tfserving+http (REST carries tensors as text)" });
    }
    return { kind: "tfserving" as const, ...remote, transport: "grpc" as const };
  },
  ask: async (config, name, context, signal) => {
    const { askTfServing } = await import("./tfserving-engine.ts");
    return askTfServing(config, name, context, signal);
  },
  open: async (config, model, interpreter, context, signal) => {
    const { TfServingEngine } = await import("./tfserving-engine.ts");
    return TfServingEngine.open(config, model, interpreter, context, signal);
  },
});
