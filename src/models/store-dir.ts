import { homedir } from "node:os";
import { join } from "node:path";

/**
 * Where models are kept per user: `VEDETTE_MODELS`, else the platform's place for data (XDG base directories,
 * `%LOCALAPPDATA%`, `~/Library/Application Support`).
 */
export function defaultModelDir(env: NodeJS.ProcessEnv = process.env, platform: NodeJS.Platform = process.platform): string {
  const given = env["VEDETTE_MODELS"];
  if (given !== undefined && given !== "") {
    return given;
  }
  if (platform === "win32") {
    return join(env["LOCALAPPDATA"] ?? join(homedir(), "AppData", "Local"), "vedette", "models");
  }
  if (platform === "darwin") {
    return join(homedir(), "Library", "Application Support", "vedette", "models");
  }
  const data = env["XDG_DATA_HOME"];
  return join(data !== undefined && data !== "" ? data : join(homedir(), ".local", "share"), "vedette", "models");
}
