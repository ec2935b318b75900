import { z } from "zod";
import { TAG_LIMITS } from "../../protocols/kvs/mkv.ts";

const tagName = z
  .string()
  .min(1)
  .refine((name) => Buffer.byteLength(name) <= TAG_LIMITS.nameBytes, `expected at most ${TAG_LIMITS.nameBytes} bytes`)
  .refine((name) => !name.startsWith(TAG_LIMITS.reservedPrefix), `names that begin with ${TAG_LIMITS.reservedPrefix} are reserved`);
const tagValue = z.string().refine((value) => Buffer.byteLength(value) <= TAG_LIMITS.valueBytes, `expected at most ${TAG_LIMITS.valueBytes} bytes`);

/** A device that gets its credentials for a certificate. */
export const iotIdentity = z.strictObject({
  endpoint: z.string().min(1).describe("Address of the AWS IoT credential provider"),
  roleAlias: z.string().min(1).describe("Role alias"),
  thingName: z.string().min(1).describe("Name of this thing"),
  certificateFile: z.string().min(1).describe("PEM file of the certificate"),
  keyFile: z.string().min(1).describe("PEM file of its private key"),
  caFile: z.string().optional().describe("PEM file of the authority that the provider is checked against"),
});

/** Settings of the kind `kvs`. */
export const kvsOutputSchema = z.strictObject({
  kind: z.literal("kvs"),
  stream: z
    .string()
    .regex(/^[a-zA-Z0-9_.-]{1,256}$/, "expected a stream name: 1 to 256 of a-z, A-Z, 0-9, _ . -")
    .describe("Name of the Kinesis video stream"),
  region: z.string().min(1).optional().describe("AWS region; AWS_REGION, AWS_DEFAULT_REGION or the profile's when left out, else us-east-1"),
  endpoint: z.url().optional().describe("Address of the control plane, for private endpoints and test servers; AWS_ENDPOINT_URL_KINESIS_VIDEO when left out"),
  view: z.enum(["original", "annotated"]).default("original").describe("`original` uploads the packets as they came, without encoding them again"),
  reencode: z.enum(["auto", "never"]).default("auto").describe("What is done with a stream that the service cannot take (B-frames, MJPEG): encode it, or refuse it"),
  create: z.boolean().default(false).describe("Create the stream when it is not there"),
  retentionHours: z.int().min(0).max(87_600).default(6).describe("How long a stream that is created keeps what it is sent"),
  tags: z
    .record(tagName, tagValue)
    .default({})
    .refine((tags) => Object.keys(tags).length < TAG_LIMITS.perFragment, `expected fewer than ${TAG_LIMITS.perFragment} tags`)
    .describe("Metadata of every fragment"),
  spool: z.string().min(1).optional().describe("Folder that keeps what is not stored yet; left out, memory does"),
  spoolBytes: z.number().int().min(10_000_000).default(10 * 1024 ** 3).describe("Largest size of the spool, in bytes"),
  bufferBytes: z.number().int().min(1_000_000).default(128 * 1024 ** 2).describe("Without a spool: most bytes that wait to be stored"),
  bufferSeconds: z.number().min(20).default(120).describe("Without a spool: most seconds that wait to be stored"),
  catchUp: z.number().min(1).max(1000).default(20).describe("How many times real time kept video is uploaded at"),
  minFragmentMs: z.int().min(0).max(20_000).default(1000).describe("Keyframes that come sooner do not begin another fragment; the service wants a second at least"),
  maxFragmentMs: z.int().min(1000).max(30_000).default(20_000).describe("Longer groups of pictures are split; the service takes 20 s at most"),
  renewAfterSeconds: z.number().min(10).default(2400).describe("Age at which a connection is replaced without a gap; the service ends it after 45 minutes"),
  stopTimeoutSeconds: z.number().min(0).default(120).describe("How long the end may wait for everything to be stored"),
  iot: iotIdentity.optional().describe("Credentials for a device certificate instead of the AWS default chain"),
});

/** As it is after parsing. */
export type KvsOutputConfig = z.output<typeof kvsOutputSchema>;
