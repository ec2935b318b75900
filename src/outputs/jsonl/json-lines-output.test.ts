import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Writable } from "node:stream";
import { after, test } from "node:test";
import type { Output } from "../../contracts/output.ts";
import { VedetteError } from "../../errors.ts";
import { mediaTimeUs, wallTimeMs } from "../../domain/time.ts";
import { silentLogger } from "../../runtime/log.ts";
import { FakeTaps, fakeResult } from "../../../test/support/fake-taps.ts";
import { testOutput } from "../output.contract.ts";
import { jsonlOutput } from "./index.ts";
import { JsonLinesOutput } from "./json-lines-output.ts";

const folder = await mkdtemp(join(tmpdir(), "vedette-jsonl-"));
after(() => rm(folder, { recursive: true }));

let files = 0;
const newPath = (): string => join(folder, `${files++}.jsonl`);
const never = new AbortController().signal;

function create(over: Partial<ConstructorParameters<typeof JsonLinesOutput>[0]> = {}): Output {
  return new JsonLinesOutput({ path: newPath(), name: "out.jsonl", events: false, log: silentLogger, stdout: process.stdout, ...over });
}

testOutput({
  kind: "jsonl",
  create: () => Promise.resolve(create()),
  broken: { create: () => Promise.resolve(create({ path: join(folder, "missing", "x.jsonl") })), code: "E_OUTPUT_UNWRITABLE" },
});

async function runWith(output: Output, push: (taps: FakeTaps) => Promise<void>): Promise<void> {
  const taps = new FakeTaps();
  await output.open(never);
  const running = output.run(taps, never);
  // The failure is looked at after the push.
  running.catch(() => undefined);
  await push(taps);
  taps.end();
  try {
    await running;
  } finally {
    await output[Symbol.asyncDispose]();
  }
}

test("a result is one line, keys in the documented order, numbers rounded, empty kinds left out", async () => {
  const path = newPath();
  await runWith(create({ path }), async (taps) => {
    await taps.pushResult(
      fakeResult(41, {
        detections: [
          { label: "person", classId: 0, score: 0.9123456, box: [412.04, 88.46, 530.2, 401], trackId: 7, embedding: new Float32Array(4) },
        ],
        classes: [],
        poses: [{ score: 0.8, keypoints: [{ name: "nose", x: 1.04, y: -0.01, score: 0.9 }] }],
        segments: { labels: ["background", "person"], areas: [0.70001, 0.3], mask: { kind: "classes", width: 1, height: 1, data: new Uint8Array(1), region: [0, 0, 1, 1] } },
        data: { plate: "Ä\n1" },
      }),
    );
  });
  assert.equal(
    await readFile(path, "utf8"),
    '{"stream":"gate","seq":41,"ptsUs":1640000,"capturedAt":"2026-11-20T18:00:01.640Z","width":1280,"height":720,' +
      '"detections":[{"label":"person","classId":0,"score":0.9123,"box":[412,88.5,530.2,401],"trackId":7}],' +
      '"poses":[{"score":0.8,"keypoints":[{"name":"nose","x":1,"y":0,"score":0.9}]}],' +
      '"segments":{"labels":["background","person"],"areas":[0.7,0.3]},"data":{"plate":"Ä\\n1"},' +
      '"timingsMs":{"decode":3.1,"infer":13.83},"ageMs":21.3}\n',
  );
});

test("events are lines of their own where asked for", async () => {
  const path = newPath();
  await runWith(create({ path, events: true }), async (taps) => {
    await taps.pushEvent({
      id: "gate/door/7/1", stream: "gate", rule: "door", type: "line.crossed", ptsUs: mediaTimeUs(5), capturedAtMs: wallTimeMs(0), seq: 3,
      detection: { label: "person", classId: 0, score: 1, box: [1, 2, 3, 4], trackId: 7 }, data: { direction: "in" },
    });
  });
  assert.deepEqual(JSON.parse(await readFile(path, "utf8")), {
    event: {
      id: "gate/door/7/1", stream: "gate", rule: "door", type: "line.crossed", ptsUs: 5, capturedAt: "1970-01-01T00:00:00.000Z", seq: 3,
      detection: { label: "person", classId: 0, score: 1, box: [1, 2, 3, 4], trackId: 7 }, data: { direction: "in" },
    },
  });
});

test("data that JSON cannot hold costs the data, not the line", async () => {
  const path = newPath();
  const circular: Record<string, unknown> = {};
  circular["self"] = circular;
  await runWith(create({ path }), async (taps) => {
    await taps.pushResult(fakeResult(1, { data: circular }));
    await taps.pushResult(fakeResult(2, { data: 1n }));
  });
  const lines = (await readFile(path, "utf8")).trimEnd().split("\n").map((line) => JSON.parse(line) as { seq: number; data: unknown });
  assert.deepEqual(lines.map(({ seq, data }) => ({ seq, data })), [{ seq: 1, data: null }, { seq: 2, data: null }]);
});

test("every result is written, in order, also to a reader slower than the stream", async () => {
  const slow: string[] = [];
  const stdout = new Writable({
    highWaterMark: 1,
    write: (chunk: Buffer, _, done) => {
      slow.push(chunk.toString());
      setImmediate(done);
    },
  });
  await runWith(create({ path: undefined, stdout }), async (taps) => {
    for (let seq = 0; seq < 500; seq++) {
      await taps.pushResult(fakeResult(seq));
    }
  });
  assert.deepEqual(slow.map((line) => (JSON.parse(line) as { seq: number }).seq), Array.from({ length: 500 }, (_, i) => i));
});

test("standard output that nobody reads any more ends the output quietly", async () => {
  const stdout = new PassThrough({
    transform: (_chunk, _, done) => done(Object.assign(new Error("write EPIPE"), { code: "EPIPE" })),
  });
  await runWith(create({ path: undefined, stdout }), async (taps) => {
    await taps.pushResult(fakeResult(0));
    await taps.pushResult(fakeResult(1));
  });
});

test("a full disk is told as such", { skip: existsSync("/dev/full") ? false : "needs /dev/full" }, async () => {
  await assert.rejects(
    runWith(create({ path: "/dev/full" }), (taps) => taps.pushResult(fakeResult(0))),
    (error: unknown) => error instanceof VedetteError && error.code === "E_OUTPUT_FULL",
  );
});

test("a killed process leaves whole lines", async () => {
  const path = newPath();
  const script = join(folder, "writer.mjs");
  const here = import.meta.dirname;
  await writeFile(
    script,
    `import { JsonLinesOutput } from ${JSON.stringify(join(here, "json-lines-output.ts"))};
     import { silentLogger } from ${JSON.stringify(join(here, "../../runtime/log.ts"))};
     import { FakeTaps, fakeResult } from ${JSON.stringify(join(here, "../../../test/support/fake-taps.ts"))};
     const output = new JsonLinesOutput({ path: ${JSON.stringify(path)}, name: "x", events: false, log: silentLogger, stdout: process.stdout });
     const taps = new FakeTaps();
     const never = new AbortController().signal;
     await output.open(never);
     void output.run(taps, never);
     for (let seq = 0; ; seq++) {
       await taps.pushResult(fakeResult(seq, { data: "x".repeat(20000) }));
       if (seq === 200) process.stdout.write("go\\n");
     }`,
  );
  const child = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "inherit"] });
  await new Promise((resolve) => child.stdout.once("data", resolve));
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await exited;
  const text = await readFile(path, "utf8");
  assert.ok(text.endsWith("\n"), "the last line is cut");
  const numbers = text.trimEnd().split("\n").map((line) => (JSON.parse(line) as { seq: number }).seq);
  assert.deepEqual(numbers, Array.from(numbers, (_, i) => i));
  assert.ok(numbers.length > 100);
});

test("addresses", () => {
  assert.deepEqual(jsonlOutput.fromAddress("-"), { kind: "jsonl", path: "-" });
  assert.deepEqual(jsonlOutput.fromAddress("out/Results.JSONL"), { kind: "jsonl", path: "out/Results.JSONL" });
  assert.equal(jsonlOutput.fromAddress("http://127.0.0.1/x.jsonl"), undefined);
  assert.equal(jsonlOutput.fromAddress("clip.mp4"), undefined);
});
