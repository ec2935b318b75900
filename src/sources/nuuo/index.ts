import { defineSource } from "../../contracts/kinds.ts";
import { nuuoSourceSchema, parseNuuoAddress } from "./config.ts";
import { NuuoSource } from "./nuuo-source.ts";

/** A camera behind a NUUO recorder (Titan 8040R, Crystal). */
export const nuuoSource = defineSource({
  kind: "nuuo",
  schema: nuuoSourceSchema,
  addresses: ["nuuo://[USER:PASSWORD@]HOST[:5250]/AREA?profile=Original|Low|Minimum&codec=h264&exact=1"],
  fromAddress: parseNuuoAddress,
  create: (config, context) => new NuuoSource(config, context),
});
