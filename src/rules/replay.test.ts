import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createRules, type RuleConfig } from "./create-rules.ts";
import { replay } from "./replay.ts";
import { parseResult } from "./stored-results.ts";
import { bytetrackTracker } from "../trackers/bytetrack/index.ts";
import type { BadLine } from "./stored-results.ts";
import { resultToJson } from "../domain/result-json.ts";
import type { RuleEvent } from "../domain/event.ts";
import type { Result } from "../domain/result.ts";
import { ruleTest, track } from "../testing/index.ts";

const configs: readonly RuleConfig[] = [
  { kind: "line", name: "door", points: [[0.1, 0.5], [0.9, 0.5]] },
  { kind: "zone", name: "yard", points: [[0.3, 0.3], [0.7, 0.3], [0.7, 0.7], [0.3, 0.7]], dwellS: 1, crowd: 1, events: ["entered", "left", "dwell", "crowd", "occupancy"] },
  { kind: "absence", name: "nobody", afterS: 1 },
  { kind: "appear", name: "new", each: "object" },
  { kind: "speed", name: "road", points: [[0, 1], [1, 1], [1, 0], [0, 0]], metres: [[0, 0], [10, 0], [10, 9], [0, 9]], above: 5 },
];

/** As `--to FILE.jsonl` writes a result. */
function toLine(result: Result): string {
  return JSON.stringify(resultToJson(result));
}

function live(results: readonly Result[], stream = "test"): RuleEvent[] {
  const rules = createRules(configs, { stream, labels: undefined });
  return results.flatMap((result) => rules.flatMap((rule) => rule.update(result)));
}

async function replayed(lines: readonly string[], onBadLine = (bad: BadLine): void => assert.fail(bad.reason)): Promise<RuleEvent[]> {
  return Array.fromAsync(replay(lines, { rules: (stream) => createRules(configs, { stream, labels: undefined }), onBadLine }));
}

const idsOf = (events: readonly RuleEvent[]): string[] => events.map(({ id, type }) => `${type} ${id}`);

const share = fc.double({ min: 0, max: 1, noNaN: true });
const paths = fc.array(fc.record({ from: fc.tuple(share, share), to: fc.tuple(share, share), at: fc.integer({ min: 0, max: 3 }), seconds: fc.integer({ min: 1, max: 4 }) }), { minLength: 1, maxLength: 5 });

async function resultsOf(walks: readonly { from: [number, number]; to: [number, number]; at: number; seconds: number }[]): Promise<readonly Result[]> {
  const scripts = walks.map(({ from, to, at, seconds }) => track("person").at(at).from(...from).to(...to).overSeconds(seconds).hidden(2.5).stay(1));
  return ruleTest(configs[0]!, scripts).results();
}

test("property: replaying stored results gives the events of the running stream, with the same ids", async () => {
  await fc.assert(
    fc.asyncProperty(paths, async (walks) => {
      const results = await resultsOf(walks);
      assert.deepEqual(idsOf(await replayed(results.map(toLine))), idsOf(live(results)));
    }),
    { numRuns: 40 },
  );
});

test("property: the order in which a model reports its detections does not matter", async () => {
  await fc.assert(
    fc.asyncProperty(paths, async (walks) => {
      const results = await resultsOf(walks);
      const turned = results.map(({ detections, ...rest }) => ({ ...rest, ...(detections === undefined ? {} : { detections: detections.toReversed() }) }));
      assert.deepEqual(idsOf(live(turned)), idsOf(live(results)));
    }),
    { numRuns: 40 },
  );
});

test("property: ids are unique, and rise within a rule", async () => {
  await fc.assert(
    fc.asyncProperty(paths, async (walks) => {
      const events = live(await resultsOf(walks));
      assert.equal(new Set(events.map(({ id }) => id)).size, events.length);
      for (const rule of new Set(events.map((event) => event.rule))) {
        const sequences = events.filter((event) => event.rule === rule).map(({ id }) => Number(id.split("/").at(-1)));
        assert.deepEqual(sequences, sequences.toSorted((a, b) => a - b));
      }
    }),
    { numRuns: 40 },
  );
});

test("a stream that is started again does not repeat ids, although its tracks count from 1 again", async () => {
  const crossing = track("person").from(0.5, 0.2).to(0.5, 0.9).overSeconds(2);
  const first = await ruleTest(configs[0]!, crossing).events();
  const second = await ruleTest(configs[0]!, crossing, { startsAt: new Date("2026-01-01T00:10:00Z") }).events();
  assert.deepEqual([first[0]!.detection?.trackId, second[0]!.detection?.trackId], [1, 1]);
  assert.notEqual(first[0]!.id, second[0]!.id);
});

test("bad lines are told of by number, unknown fields and the summary are passed over, the rest is gone through", async () => {
  const results = await ruleTest(configs[0]!, track("person").from(0.5, 0.2).to(0.5, 0.9).overSeconds(2)).results();
  const lines = results.map(toLine);
  const mixed = [
    "{broken", ...lines.slice(0, 5), '{"event":{"id":"test/door/1/5"}}', '{"stream":"test"}', ...lines.slice(5).map((line) => line.replace("{", '{"fromTheFuture":{"x":1},')),
    '{"seq":1,"ptsUs":0,"capturedAt":"yesterday","width":1,"height":1}', '{"summary":{"frames":21}}',
  ];
  const bad: BadLine[] = [];
  const events = await replayed(mixed, (line) => bad.push(line));
  assert.deepEqual(idsOf(events), idsOf(live(results)));
  assert.deepEqual(bad.map(({ line }) => line), [1, 8, 25]);
  assert.equal(bad[0]!.reason, "not JSON");
  assert.match(bad[1]!.reason, /^seq: /);
  assert.match(bad[2]!.reason, /^capturedAt: /);
});

test("a file may hold several streams, and results without identities can be given new ones", async () => {
  const results = await ruleTest(configs[0]!, track("person").from(0.5, 0.2).to(0.5, 0.9).overSeconds(4)).results();
  const untracked = results.map((result) => toLine(result).replace(',"trackId":1', ""));
  const lines = untracked.flatMap((line) => [line.replace('"stream":"test"', '"stream":"a"'), line.replace('"stream":"test"', '"stream":"b"')]);
  const options = { rules: (stream: string) => createRules([configs[0]!], { stream, labels: undefined }), onBadLine: (bad: BadLine): void => assert.fail(`${bad.line} ${bad.reason}`) };
  assert.deepEqual(await Array.fromAsync(replay(lines, options)), []);
  const tracked = await Array.fromAsync(replay(lines, { ...options, tracker: () => bytetrackTracker.create(bytetrackTracker.schema.parse({ kind: "bytetrack" })) }));
  assert.deepEqual(tracked.map(({ stream, detection }) => `${stream} ${detection?.trackId ?? "none"}`), ["a 1", "b 1"]);
});

test("a stored result reads back as it was", () => {
  const line = '{"stream":"gate","seq":41,"ptsUs":1366667,"capturedAt":"2026-11-20T18:00:00.000Z","width":1280,"height":720,"detections":[{"label":"person","classId":0,"score":0.91,"box":[412.0,88.5,530.2,401.0],"trackId":7}],"timingsMs":{"infer":13.8},"ageMs":21.3}';
  assert.deepEqual(parseResult(line), {
    stream: "gate", seq: 41, ptsUs: 1366667, capturedAtMs: Date.UTC(2026, 10, 20, 18), width: 1280, height: 720,
    detections: [{ label: "person", classId: 0, score: 0.91, box: [412, 88.5, 530.2, 401], trackId: 7 }], timingsMs: { infer: 13.8 }, ageMs: 21.3,
  });
});
