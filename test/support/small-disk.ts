// A disk of a few hundred kilobytes that really fills up.
import { execFileSync, spawnSync } from "node:child_process";
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** `{ skip }` where file systems cannot be mounted. */
export const smallDiskNeeds: { readonly skip: string | false } = { skip: canMount() ? false : "needs root on Linux, to mount a small file system" };

/** A folder on a file system of its own; gone when the test ends. */
export function smallDisk(t: { after: (work: () => void) => void }, sizeKb: number): string {
  const folder = mkdtempSync(join(tmpdir(), "vedette-disk-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${sizeKb}k`, "tmpfs", folder]);
  t.after(() => {
    // Lazy: what the test still holds open goes with it.
    execFileSync("umount", ["-l", folder]);
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

/** Writes until nothing more fits; removing the file `filling` makes room again. */
export function fillDisk(folder: string): void {
  try {
    while (true) {
      appendFileSync(join(folder, "filling"), new Uint8Array(4096));
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") {
      throw error;
    }
  }
}

function canMount(): boolean {
  if (process.platform !== "linux" || process.getuid?.() !== 0) {
    return false;
  }
  const folder = mkdtempSync(join(tmpdir(), "vedette-disk-"));
  const isMounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", folder]).status === 0;
  if (isMounted) {
    spawnSync("umount", [folder]);
  }
  rmSync(folder, { recursive: true, force: true });
  return isMounted;
}
