// Small inputs kept beside a parser: what once broke one, and odd things that cameras send.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Files of a corpus folder, by name. */
export function corpus(folder: string): { readonly name: string; readonly bytes: Buffer }[] {
  return readdirSync(folder)
    .sort()
    .map((name) => ({ name, bytes: readFileSync(join(folder, name)) }));
}
