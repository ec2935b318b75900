import { deviceSource } from "./device/index.ts";
import { fileSource } from "./file/index.ts";
import { nvssSource } from "./nvss/index.ts";
import { rtspSource } from "./rtsp/index.ts";
import { sceneSource } from "./scene/index.ts";
import { testSource } from "./test/index.ts";
import { urlSource } from "./url/index.ts";

/** Every kind of source. One line each; the first whose `fromAddress` takes an address has it, so `file` stays last. */
export const SOURCES = [
  deviceSource,
  nvssSource,
  rtspSource,
  sceneSource,
  testSource,
  urlSource,
  fileSource,
] as const;
