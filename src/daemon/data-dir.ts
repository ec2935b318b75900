import { homedir } from "node:os";
import { join } from "node:path";

/** Where state is kept unless `--data-dir` says otherwise: the platform's place for a user's application data. */
export function defaultDataDir(env: NodeJS.ProcessEnv = process.env, platform: NodeJS.Platform = process.platform): string {
  const given = env["VEDETTE_DATA_DIR"];
  if (given !== undefined && given !== "") {
    return given;
  }
  if (platform === "win32") {
    return join(env["LOCALAPPDATA"] ?? join(homedir(), "AppData", "Local"), "vedette");
  }
  if (platform === "darwin") {
    return join(homedir(), "Library", "Application Support", "vedette");
  }
  return join(env["XDG_STATE_HOME"] ?? join(homedir(), ".local", "state"), "vedette");
}
