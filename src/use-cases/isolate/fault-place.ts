import { fileURLToPath } from "node:url";
import { inspect } from "node:util";
import type { Fault, Place } from "./messages.ts";

/** Folder of this program's own code: its frames are not the user's. */
const OWN = new URL("../../", import.meta.url).href;

/**
 * What an error says, and the first line of the user's own code in its stack. Positions are true for TypeScript as well:
 * stripping types keeps them.
 */
export function toFault(error: unknown): Fault {
  if (!(error instanceof Error)) {
    return { reason: `threw ${inspect(error)}`, place: undefined };
  }
  const reason = error.message.split("\n", 1)[0] ?? "";
  const hint = /does not provide an export named/.test(reason) ? " (types need `import type`)" : "";
  return { reason: (error.name === "Error" ? reason : `${error.name}: ${reason}`) + hint, place: placeInStack(error.stack ?? "") };
}

/** `file:///a.ts:3:1` or, where the parser complains, `/a.ts:3` at the start. */
function placeInStack(stack: string): Place | undefined {
  for (const row of stack.split("\n")) {
    const found = /(?:^|[\s(])((?:file:\/\/)?\/.*?|[A-Za-z]:[\\/].*?):(\d+)(?::\d+)?\)?$/.exec(row);
    const [, address, line] = found ?? [];
    const place = address === undefined ? undefined : userPlace(address, Number(line));
    if (place !== undefined) {
      return place;
    }
  }
  return undefined;
}

/** The place, unless it is in this program or in Node. */
export function userPlace(address: string, line: number): Place | undefined {
  if (address === "" || address.startsWith("node:") || address.startsWith(OWN)) {
    return undefined;
  }
  const file = address.startsWith("file:") ? fileURLToPath(address) : address;
  return file.startsWith(fileURLToPath(OWN)) ? undefined : { file, line };
}
