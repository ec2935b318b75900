import { defineOutput } from "../../contracts/kinds.ts";
import { kvsOutputSchema } from "./config.ts";

/** Amazon Kinesis Video Streams: `kvs://STREAM`, settings as a query: `kvs://STREAM?region=eu-central-1&create=true`. */
export const kvsOutput = defineOutput({
  kind: "kvs",
  schema: kvsOutputSchema,
  addresses: ["kvs://STREAM[?region=REGION]"],
  fromAddress: (address) => {
    const found = /^kvs:\/\/([^/?#]*)\/?(?:\?(.*))?$/i.exec(address);
    return found === null ? undefined : ({ kind: "kvs" as const, stream: found[1] ?? "", ...settings(found[2] ?? "") });
  },
  create: async (config, context) => {
    const { KvsOutput } = await import("./kvs-output.ts");
    return new KvsOutput(config, context);
  },
});

/** Settings of the query: `true`, `false` and numbers are what they look like. */
function settings(query: string): Record<string, string | number | boolean> {
  const typed = (value: string): string | number | boolean => (value === "true" ? true : value === "false" ? false : /^\d+(\.\d+)?$/.test(value) ? Number(value) : value);
  return Object.fromEntries([...new URLSearchParams(query)].map(([name, value]) => [name, typed(value)]));
}
