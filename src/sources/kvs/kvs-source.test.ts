// Reads back what was uploaded to the test server.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { Producer } from "../../daemon/producer.ts";
import { H264 } from "../../protocols/h264/h264.ts";
import { systemClock } from "../../runtime/clock.ts";
import { silentLogger } from "../../runtime/log.ts";
import { testSource } from "../source.contract.ts";
import { kvsSource } from "./index.ts";
import { ffmpeg, temporaryFolder } from "../../../test/support/clips.ts";
import { KvsServer } from "../../../test/support/kvs-server/kvs-server.ts";
import { makeClip, readClip, unitsOf, useTestCredentials } from "../../../test/support/kvs-server/uploading.ts";
import { needsPrograms } from "../../../test/support/programs.ts";

const folder = temporaryFolder();
useTestCredentials();
const needs = needsPrograms("ffmpeg");

/** A clip's access units as the service should have them. */
async function expectedUnits(path: string): Promise<string[][]> {
  const { track, packets } = await readClip(path);
  return packets.map((packet) => H264.split(packet.data, track).map((unit) => Buffer.from(unit).toString("base64")));
}

const context = { stream: "main", clock: systemClock, log: silentLogger, baseDir: "/", dataDir: "/nonexistent", allowAnonymous: false };
let backend: KvsServer | undefined;
async function filled(): Promise<KvsServer> {
  if (backend === undefined) {
    backend = await KvsServer.start();
    backend.add("gate");
    const path = join(folder, "stored.mp4");
    await makeClip(path, { seconds: 3 });
    await using producer = new Producer({ source: path, endpoint: backend.endpoint });
    await producer.connect("gate");
    await producer.upload();
  }
  return backend;
}
test.after(async () => backend?.[Symbol.asyncDispose]());

const readBack = (server: KvsServer, over: object = {}): ReturnType<typeof kvsSource.create> =>
  kvsSource.create(kvsSource.schema.parse({ kind: "kvs", stream: "gate", endpoint: server.endpoint, start: "earliest", ...over }), context);

testSource({
  kind: "kvs",
  ...needs,
  create: async () => readBack(await filled()),
  broken: { create: async () => readBack(await filled(), { stream: "nowhere" }), code: "E_KVS_STREAM_MISSING" },
  ends: true,
});

test("kvs source: gives back the NAL units, with the producer's times, and goes on where it was", needs, async () => {
  const server = await filled();
  const source = await readBack(server);
  const read = async (): Promise<{ units: string[][]; captured: number[] }> => {
    await using session = await source.open(new AbortController().signal);
      const units: string[][] = [];
    const captured: number[] = [];
    for await (const packet of session.packets) {
      units.push(unitsOf(packet.data));
      captured.push(packet.capturedAtMs);
    }
    return { units, captured };
  };
  const { units, captured } = await read();
  const stored = server.streams.get("gate")?.stored ?? [];
  assert.deepEqual(units, await expectedUnits(join(folder, "stored.mp4")));
  assert.deepEqual(captured, stored.flatMap(({ frames }) => frames.map(({ timeMs }) => timeMs)));
  await assert.rejects(read(), /ended before its first fragment/, "after the last fragment there is nothing yet");
});

test("kvs source: between two times over HLS", needs, async () => {
  const server = await filled();
  await ffmpeg("-i", join(folder, "stored.mp4"), "-c", "copy", "-hls_time", "1", "-hls_list_size", "0", join(folder, "stream.m3u8"));
  server.hlsFolder = folder;
  const source = await readBack(server, { start: "2026-11-20T18:00:00Z", end: "2026-11-20T18:00:03Z" });
  await using session = await source.open(new AbortController().signal);
  assert.equal(session.isLive, false);
  let count = 0;
  for await (const _packet of session.packets) {
    count++;
  }
  assert.equal(count, 75);
});
