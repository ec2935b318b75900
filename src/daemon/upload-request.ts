import { parseStream } from "../config/load.ts";
import type { StreamRequest } from "./stream-request.ts";

/** What is uploaded, and where to. */
export interface UploadRequest {
  /** An address, or a configured source. */
  readonly source: unknown;
  /** Settings of the output kind `kvs`. */
  readonly kvs: Readonly<Record<string, unknown>>;
  /** How pictures are encoded where they have to be. */
  readonly encode?: Readonly<Record<string, unknown>>;
  /** Asked of a camera. */
  readonly size?: string | undefined;
  readonly fps?: number | undefined;
  readonly loop?: boolean | undefined;
  readonly hwaccel?: string | undefined;
}

/**
 * A stream that goes from a source to Kinesis Video Streams and nowhere else. Files are read at their own speed, as the
 * service takes no more. Throws `E_CONFIG`.
 */
export function uploadRequest(name: string, request: UploadRequest): StreamRequest {
  const { source, kvs, encode = {}, size, fps, loop, hwaccel } = request;
  const config = {
    source,
    outputs: [{ kind: "kvs", ...kvs }],
    encode,
    ...(hwaccel === undefined ? {} : { hwaccel }),
  };
  return { config: parseStream(name, config), sourceOverrides: { loop, realtime: true, size, fps } };
}
