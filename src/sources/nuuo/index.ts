import { defineSource } from "../../contracts/kinds.ts";
import { nuuoSourceSchema, parseNuuoAddress } from "./config.ts";

/** A camera behind a NUUO recorder (Titan 8040R, Crystal). */
export const nuuoSource = defineSource({
  kind: "nuuo",
  schema: nuuoSourceSchema,
  addresses: ["nuuo://[USER:PASSWORD@]HOST[:5250]/AREA?profile=Original|Low|Minimum&codec=h264&exact=1"],
  fromAddress: parseNuuoAddress,
  create: async (config, context) => {
    const { NuuoSource } = await import("./nuuo-source.ts");
    return new NuuoSource(config, context);
  },
});
