import { z } from "zod";
import { defineEngine } from "../../contracts/kinds.ts";
import { remoteFields, remoteFromAddress } from "../remote-config.ts";

const schema = z.strictObject({
  kind: z.literal("kserve"),
  ...remoteFields,
  batch: z.int().min(1).max(256).default(1).describe("Frames in one request; 1 leaves batching to the server"),
  stream: z.boolean().default(false).describe("gRPC: one ModelStreamInfer call for all requests instead of one call each"),
  jpegQuality: z.int().min(1).max(100).default(90).describe("Quality of the JPEGs sent to models that take BYTES"),
});

/** The Open Inference Protocol v2, as Triton, OpenVINO Model Server, MLServer, KServe and Vedette itself serve it. */
export const kserveEngine = defineEngine({
  kind: "kserve",
  schema,
  addresses: ["kserve+grpc://HOST:PORT", "kserve+http://HOST:PORT", "kserve+grpcs://HOST:PORT,HOST:PORT", "kserve+https://HOST:PORT"],
  fromAddress: (address) => {
    const remote = remoteFromAddress("kserve", address);
    return remote === undefined ? undefined : { kind: "kserve" as const, ...remote };
  },
  ask: async (config, name, context, signal) => {
    const { askKserve } = await import("./kserve-engine.ts");
    return askKserve(config, name, context, signal);
  },
  open: async (config, model, interpreter, context, signal) => {
    const { KserveEngine } = await import("./kserve-engine.ts");
    return KserveEngine.open(config, model, interpreter, context, signal);
  },
});
