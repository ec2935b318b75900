// A stored fragment as GetMedia gives it back: a Matroska document of its own, with the service's tags around it.
import type { ReceivedFragment } from "./media-checker.ts";

function element(id: string, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const size = Buffer.alloc(8);
  size.writeUInt32BE(body.length, 4);
  size[0] = 0x01;
  return Buffer.concat([Buffer.from(id, "hex"), size, body]);
}

const text = (value: string): Buffer => Buffer.from(value);

function tags(values: Readonly<Record<string, string>>): Buffer {
  return element("1254c367", element("7373", ...Object.entries(values).map(([name, value]) => element("67c8", element("45a3", text(name)), element("4487", text(value))))));
}

/** Header, tags of the service, cluster, the producer's tags, tags of the service. */
export function storedFragment(fragment: ReceivedFragment): Buffer {
  const timecode = Buffer.alloc(8);
  timecode.writeBigUInt64BE(BigInt(fragment.timecodeMs));
  const blocks = fragment.frames.map(({ timeMs, isKeyframe, data }) => {
    const head = Buffer.of(0x81, 0, 0, isKeyframe ? 0x80 : 0);
    head.writeInt16BE(timeMs - fragment.timecodeMs, 1);
    return element("a3", head, data);
  });
  const seconds = (fragment.timecodeMs / 1000).toFixed(3);
  return Buffer.concat([
    fragment.header,
    tags({ AWS_KINESISVIDEO_FRAGMENT_NUMBER: `9134385233318143239268206${fragment.timecodeMs}`, AWS_KINESISVIDEO_SERVER_TIMESTAMP: seconds, AWS_KINESISVIDEO_PRODUCER_TIMESTAMP: seconds }),
    Buffer.from("1f43b675ff", "hex"),
    element("e7", timecode),
    element("a7", Buffer.of(0)),
    // A reader must not take this for the end of the cluster.
    element("ec", Buffer.alloc(3)),
    ...blocks,
    ...[...fragment.tags].map(([name, value]) => tags({ [name]: value })),
    tags({ AWS_KINESISVIDEO_MILLIS_BEHIND_NOW: "120", AWS_KINESISVIDEO_CONTINUATION_TOKEN: String(fragment.timecodeMs) }),
  ]);
}
