// Uploads to a strict server over real sockets: what arrives is what was sent.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { testOutput } from "../output.contract.ts";
import { H264 } from "../../protocols/h264/h264.ts";
import { H265 } from "../../protocols/h265/h265.ts";
import { ACK_ERRORS } from "../../protocols/kvs/ack-errors.ts";
import { packetHashes, temporaryFolder } from "../../../test/support/clips.ts";
import { FakeTaps } from "../../../test/support/fake-taps.ts";
import { KvsServer, type FragmentFault, type ServedStream } from "../../../test/support/kvs-server/kvs-server.ts";
import { CHEAP_TRACK, cheapPacket, createKvsOutput, makeClip, numberOf, readClip, unitsOf, useTestCredentials } from "../../../test/support/kvs-server/uploading.ts";
import { needsPrograms } from "../../../test/support/programs.ts";

const never = new AbortController().signal;
const folder = temporaryFolder();
useTestCredentials();

/** Uploads packets as fast as they are taken. */
async function upload(server: KvsServer, packets: readonly Parameters<FakeTaps["pushPacket"]>[1][], options: { track?: typeof CHEAP_TRACK; isLive?: boolean; config?: object; each?: (index: number) => Promise<void> | void } = {}): Promise<string[]> {
  const taps = new FakeTaps({ tracks: [options.track ?? CHEAP_TRACK], isLive: options.isLive ?? true });
  const { output, lines } = createKvsOutput(server, { ...options.config });
  try {
    await output.open(never);
    const running = output.run(taps, never);
    running.catch(() => taps.end());
    while (taps.readers.packets === 0) {
      await new Promise(setImmediate);
    }
    for (const [index, packet] of packets.entries()) {
      await taps.pushPacket("original", packet);
      await options.each?.(index);
    }
    taps.end();
    await running;
  } finally {
    await output[Symbol.asyncDispose]();
  }
  return lines;
}

const cheap = (count: number, options: { gop?: number; rate?: number; bytes?: number } = {}): ReturnType<typeof cheapPacket>[] => {
  const startMs = Date.now();
  return Array.from({ length: count }, (_, number) => cheapPacket(number, { startMs, ...options }));
};

/** Frames by producer time: a fragment that was stored twice, as its acknowledgement was lost, counts once. */
function numbers(stream: ServedStream): number[] {
  const byTime = new Map(stream.stored.map((fragment) => [fragment.timecodeMs, fragment]));
  return [...byTime.values()].sort((a, b) => a.timecodeMs - b.timecodeMs).flatMap(({ frames }) => frames.map(({ data }) => numberOf(data)));
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

for (const { codec, nal } of [{ codec: "h264", nal: H264 }, { codec: "hevc", nal: H265 }] as const) {
  test(`${codec}: every frame arrives exactly once, in order, with the source's NAL units; mkvinfo and ffmpeg read the bytes`, needsPrograms("ffmpeg", "mkvinfo"), async () => {
    await using server = await KvsServer.start();
    const stream = server.add("gate");
    const path = join(folder, `${codec}.mp4`);
    await makeClip(path, { codec });
    const { track, packets } = await readClip(path);
    await upload(server, packets, { track, isLive: false });
    assert.deepEqual(server.problems, []);
    assert.equal(stream.stored.length, 4, "one fragment per keyframe");
    const frames = stream.stored.flatMap((fragment) => fragment.frames);
    const sent = packets.map((packet) => nal.split(packet.data, track).map((unit) => Buffer.from(unit).toString("base64")));
    assert.deepEqual(frames.map(({ data }) => unitsOf(data)), sent);
    assert.deepEqual(frames.map(({ isKeyframe }) => isKeyframe), packets.map(({ isKeyframe }) => isKeyframe));
    // The same bytes, judged by programs that know nothing of the service.
    const received = join(folder, `${codec}.mkv`);
    await writeFile(received, Buffer.concat([stream.stored[0]?.header ?? Buffer.alloc(0), ...stream.stored.map(rebuilt)]));
    const { stdout } = await promisify(execFile)("mkvinfo", ["-v", "-v", received]);
    assert.equal(stdout.match(/Simple block/g)?.length, packets.length);
    assert.equal(stdout.match(/^\|\+ Cluster/gm)?.length, 4);
    assert.match(stdout, codec === "h264" ? /V_MPEG4\/ISO\/AVC/ : /V_MPEGH\/ISO\/HEVC/);
    assert.deepEqual(await packetHashes(received, "0:v"), await packetHashes(path, "0:v"));
  });
}

/** A cluster's wire bytes from its frames, as the test's own hand writes them. */
function rebuilt(fragment: ServedStream["stored"][number]): Buffer {
  const timecode = Buffer.alloc(8);
  timecode.writeBigUInt64BE(BigInt(fragment.timecodeMs));
  const blocks = fragment.frames.map(({ timeMs, isKeyframe, data }) => {
    const head = Buffer.alloc(13);
    head.writeBigUInt64BE(0x0100000000000000n + BigInt(data.length + 4), 1);
    head[0] = 0xa3;
    head[9] = 0x81;
    head.writeInt16BE(timeMs - fragment.timecodeMs, 10);
    head[12] = isKeyframe ? 0x80 : 0;
    return Buffer.concat([head, data]);
  });
  return Buffer.concat([Buffer.from("1f43b675ffe788", "hex"), timecode, Buffer.from("a78100", "hex"), ...blocks]);
}

test("cuts early and late, silence, and acknowledgements torn to bytes: nothing is lost", async () => {
  await using server = await KvsServer.start();
  const stream = server.add("gate");
  server.tearsAcks = true;
  const faults = new Map<number, FragmentFault>([[1, "cut-early"], [4, "cut-late"], [7, { error: 5000 }], [11, "cut-late"], [12, "cut-early"]]);
  server.fault = (_, index) => faults.get(index);
  await upload(server, cheap(500));
  assert.deepEqual(server.problems, []);
  assert.deepEqual(numbers(stream), upTo(500));
  assert.ok(server.puts.length <= 6, `${server.puts.length} connections for at most five cuts`);
});

test("an upload that ends while the service is away waits for it", async () => {
  await using server = await KvsServer.start();
  const stream = server.add("gate");
  await upload(server, cheap(100), {
    each: (index) => {
      if (index === 30) {
        server.isDown = true;
        server.cutAll();
        setTimeout(() => {
          server.isDown = false;
        }, 700);
      }
    },
  });
  assert.deepEqual(numbers(stream), upTo(100));
});

for (const [id, { remedy, name }] of [...ACK_ERRORS, [4999, { remedy: "resend", name: "an id that is not documented" }] as const]) {
  test(`error ${id} (${name}): ${remedy}`, async () => {
    await using server = await KvsServer.start();
    const stream = server.add("gate");
    server.fault = (_, index) => (index === 2 ? { error: id } : undefined);
    const lines = await upload(server, cheap(125));
    const expected = remedy === "skip" ? upTo(125).filter((number) => number < 50 || number >= 75) : upTo(125);
    assert.deepEqual(numbers(stream), expected);
    assert.ok(lines.some((line) => line.includes(`(${id})`)), "it is said");
    assert.deepEqual(server.problems, []);
  });
}

testOutput({
  kind: "kvs",
  create: async () => {
    const server = await KvsServer.start();
    server.add("gate");
    const { output } = createKvsOutput(server);
    const dispose = output[Symbol.asyncDispose].bind(output);
    const disposeBoth = async (): Promise<void> => {
      await dispose();
      await server[Symbol.asyncDispose]();
    };
    let disposed: Promise<void> | undefined;
    output[Symbol.asyncDispose] = () => (disposed ??= disposeBoth());
    return output;
  },
  taps: () => new FakeTaps({ tracks: [CHEAP_TRACK] }),
  feed: (taps, seq) => taps.pushPacket("original", cheapPacket(seq, { startMs: Date.now() })),
  broken: {
    create: async () => {
      const server = await KvsServer.start();
      const { output } = createKvsOutput(server);
      const dispose = output[Symbol.asyncDispose].bind(output);
      output[Symbol.asyncDispose] = async () => {
        await dispose();
        await server[Symbol.asyncDispose]();
      };
      return output;
    },
    code: "E_KVS_STREAM_MISSING",
  },
});
