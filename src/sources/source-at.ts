import type { KindContext } from "../contracts/kinds.ts";
import { VedetteError } from "../errors.ts";

/** What makes the source behind an address that a kind found out. Throws where sources are made without the daemon's list. */
export function requireSourceAt(context: KindContext): NonNullable<KindContext["sourceAt"]> {
  if (context.sourceAt === undefined) {
    throw new VedetteError("E_INTERNAL", { reason: "this source needs the other kinds of sources, which were not given" });
  }
  return context.sourceAt;
}
