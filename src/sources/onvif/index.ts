import { defineSource } from "../../contracts/kinds.ts";
import { requireSourceAt } from "../source-at.ts";
import { onvifSourceSchema, parseOnvifAddress } from "./config.ts";

/**
 * A profile of an ONVIF device. Resolved to its RTSP address at every connection, because devices give new ones after a
 * restart; the RTSP source does the rest.
 */
export const onvifSource = defineSource({
  kind: "onvif",
  schema: onvifSourceSchema,
  addresses: ["onvif://[USER:PASSWORD@]HOST[:PORT]/[PROFILE]", "onvifs://…"],
  fromAddress: parseOnvifAddress,
  create: async (config, context) => {
    const { OnvifSource } = await import("./onvif-source.ts");
    return new OnvifSource(config, { clock: context.clock, sourceAt: requireSourceAt(context) });
  },
});
