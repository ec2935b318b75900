import { amqpOutput } from "./amqp/index.ts";
import { fileOutput } from "./file/index.ts";
import { httpOutput } from "./http/index.ts";
import { kvsOutput } from "./kvs/index.ts";
import { nvssOutput } from "./nvss/index.ts";
import { jsonlOutput } from "./jsonl/index.ts";
import { rtspOutput, rtspPushOutput } from "./rtsp/index.ts";
import { mqttOutput } from "./mqtt/index.ts";
import { natsOutput } from "./nats/index.ts";
import { recordOutput } from "./record/index.ts";
import { redisOutput } from "./redis/index.ts";
import { webhookOutput } from "./webhook/index.ts";

/** Every kind of output. One line each. */
export const OUTPUTS = [
  fileOutput,
  jsonlOutput,
  httpOutput,
  nvssOutput,
  rtspOutput,
  rtspPushOutput,
  webhookOutput,
  kvsOutput,
  mqttOutput,
  natsOutput,
  amqpOutput,
  redisOutput,
  recordOutput,
] as const;
