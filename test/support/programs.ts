// Programs that tests run against: skipped in one line where one is not installed.
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** `{ skip }` for a test that needs these commands in PATH. */
export function needsPrograms(...commands: readonly string[]): { readonly skip: string | false } {
  const folders = (process.env["PATH"] ?? "").split(delimiter).concat("/usr/sbin");
  const missing = commands.filter((command) => !folders.some((folder) => existsSync(join(folder, command))));
  return { skip: missing.length > 0 ? `needs ${missing.join(", ")} (npm test installs it as root on Debian)` : false };
}
