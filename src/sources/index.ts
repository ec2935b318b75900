import { cameraSource } from "./camera/index.ts";
import { deviceSource } from "./device/index.ts";
import { deepLensSource } from "./deeplens/index.ts";
import { fileSource } from "./file/index.ts";
import { kvsSource } from "./kvs/index.ts";
import { nvssSource } from "./nvss/index.ts";
import { nuuoSource } from "./nuuo/index.ts";
import { onvifSource } from "./onvif/index.ts";
import { rtspSource } from "./rtsp/index.ts";
import { sceneSource } from "./scene/index.ts";
import { testSource } from "./test/index.ts";
import { urlSource } from "./url/index.ts";
import { whipSource } from "./whip/index.ts";

/** Every kind of source. One line each; the first whose `fromAddress` takes an address has it, so `file` stays last. */
export const SOURCES = [
  cameraSource,
  deviceSource,
  nuuoSource,
  deepLensSource,
  kvsSource,
  nvssSource,
  onvifSource,
  rtspSource,
  sceneSource,
  testSource,
  whipSource,
  urlSource,
  fileSource,
] as const;
