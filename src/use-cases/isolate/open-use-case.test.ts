import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test, type TestContext } from "node:test";
import type { InputPixels } from "../../contracts/frame.ts";
import type { Logger, LogLevel } from "../../contracts/log.ts";
import type { Tensor } from "../../domain/model.ts";
import type { Result } from "../../domain/result.ts";
import { mediaTimeUs, wallTimeMs } from "../../domain/time.ts";
import { VedetteError } from "../../errors.ts";
import { isUseCaseFile, openUseCase, type OpenUseCase, type UseCaseOptions } from "./open-use-case.ts";
import { createInterpreter } from "./raw-interpreter.ts";

const folder = mkdtempSync(join(tmpdir(), "vedette-use-case-"));
after(() => rmSync(folder, { recursive: true }));

const geometry = { sourceWidth: 200, sourceHeight: 100, inputWidth: 20, inputHeight: 10, scaleX: 10, scaleY: 10, offsetX: 0, offsetY: 0 };
const result: Result = {
  stream: "gate", seq: 1, ptsUs: mediaTimeUs(0), capturedAtMs: wallTimeMs(0), width: 200, height: 100, timingsMs: {}, ageMs: 5,
  detections: [{ label: "person", classId: 0, score: 0.9, box: [1, 2, 3, 4] }],
};

class Recorder implements Logger {
  readonly lines: string[] = [];
  readonly #say = (level: LogLevel) => (message: string): void => void this.lines.push(`${level} ${message}`);
  debug = this.#say("debug");
  info = this.#say("info");
  warn = this.#say("warn");
  error = this.#say("error");
  with = (): Logger => this;
}

async function opened(t: TestContext, name: string, code: string, options: Partial<UseCaseOptions> = {}): Promise<[OpenUseCase, Recorder]> {
  const log = new Recorder();
  const useCase = await openUseCase(written(name, code), { log, callMs: 400, ...options });
  t.after(() => useCase[Symbol.asyncDispose]());
  return [useCase, log];
}

function written(name: string, code: string): string {
  const file = join(folder, name);
  writeFileSync(file, code);
  return file;
}

function failsWith(pattern: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof VedetteError && error.code === "E_USE_CASE", String(error));
    assert.match(error.message, pattern);
    return true;
  };
}

test("draws, typed and with the helpers of vedette, which need not be installed beside it", async (t) => {
  const [useCase] = await opened(
    t,
    "draws.ts",
    `import { box, defineUseCase, text } from "vedette";
     import type { Result } from "vedette";
     const label = (result: Result): string => result.stream;
     export default defineUseCase({
       draw: (result, size) => [text(size.width / 2, 3, label(result), 0xffffff), ...(result.detections ?? []).map((found) => box(found.box, 0xff0000, found.label))],
     });`,
  );
  assert.deepEqual(await useCase.draw?.(result), [
    { shape: "text", x: 100, y: 3, text: "gate", color: 0xffffff },
    { shape: "box", box: [1, 2, 3, 4], color: 0xff0000, label: "person" },
  ]);
  assert.equal(useCase.interpret, undefined);
  assert.equal(useCase.name, "draws.ts");
});

test("functions may be exported one by one, from TypeScript, JavaScript and CommonJS", async (t) => {
  for (const [name, code] of [
    ["named.ts", `export async function draw(): Promise<never[]> { return []; }`],
    ["named.js", `export const draw = () => [];`],
    ["common.cjs", `module.exports = { draw: () => [] };`],
  ] as const) {
    const [useCase] = await opened(t, name, code);
    assert.deepEqual(await useCase.draw?.(result), []);
  }
});

test("prepare changes pixels on shared memory in place, or returns others", async (t) => {
  const [useCase] = await opened(t, "prepare.ts", `export function prepare({ data, width }) { if (width === 1) return data.map((v: number) => v + 1); data.fill(9); }`);
  const pixels = (width: number, data: Uint8Array): InputPixels => ({ data, width, height: 1, channels: 1, geometry });
  const shared = new Uint8Array(new SharedArrayBuffer(2));
  await useCase.prepare?.(pixels(2, shared));
  assert.deepEqual([...shared], [9, 9]);
  const own = Uint8Array.of(7);
  await useCase.prepare?.(pixels(1, own));
  assert.deepEqual([...own], [8]);
});

test("interpret gets the network's outputs without a copy, and frames of one batch keep theirs", async (t) => {
  const [useCase] = await opened(
    t,
    "interpret.ts",
    `import { detection, relativeBox, rows } from "vedette";
     export const interpret = (outputs, geometry) => ({ detections: [...rows(outputs[0])].map(([id, ...corners]) => detection("x", id, 0.5, relativeBox(geometry, ...corners))) });`,
  );
  const tensor = (data: Float32Array): Tensor => ({ name: "out", type: "float32", shape: [1, 1, 5], data });
  const whole = tensor(Float32Array.of(3, 0.1, 0.5, 0.5, 2));
  const finding = await useCase.interpret?.(createInterpreter().interpret([whole], geometry), { data: new Uint8Array(0), width: 20, height: 10, channels: 3, geometry });
  assert.deepEqual(finding, { detections: [{ label: "x", classId: 3, score: 0.5, box: [Math.fround(0.1) * 200, 50, 100, 100] }] });
  assert.equal(whole.data.length, 0);
  const batch = new Float32Array(10);
  await useCase.interpret?.(createInterpreter().interpret([tensor(batch.subarray(0, 5))], geometry), { data: new Uint8Array(0), width: 20, height: 10, channels: 3, geometry });
  assert.equal(batch.length, 10);
});

test("console goes to the log, a flood is cut", async (t) => {
  const [useCase, log] = await opened(t, "logs.js", `export function onResult(r) { console.log("saw %d", r.seq); console.warn({ a: 1 }); for (let i = 0; i < 500; i++) console.log("flood"); }`);
  await useCase.onResult?.(result);
  assert.ok(log.lines.includes("info saw 1"));
  assert.ok(log.lines.includes("warn { a: 1 }"));
  assert.ok(log.lines.filter((line) => line === "info flood").length < 110);
  assert.ok(log.lines.some((line) => /left out/.test(line)));
});

test("an error is reported with the user's own file and line, once, and the next call works", async (t) => {
  const [useCase, log] = await opened(
    t,
    "throws.ts",
    `interface Odd {
  readonly odd: boolean;
}
export function draw({ seq }: { seq: number }, size: unknown): Odd[] {
  if (seq === 1) {
    throw new RangeError("not today");
  }
  return [];
}`,
  );
  await assert.rejects(useCase.draw!(result), failsWith(/^throws\.ts:6: draw: RangeError: not today$/));
  await assert.rejects(useCase.draw!(result), VedetteError);
  assert.deepEqual(await useCase.draw!({ ...result, seq: 2 }), []);
  assert.deepEqual(log.lines, ["warn throws.ts:6: draw: RangeError: not today"]);
});

test("a hang is stopped from outside, with the line it was at; the file is loaded again for the next call", async (t) => {
  const [useCase] = await opened(
    t,
    "hangs.ts",
    `let calls = 0;
export function draw({ seq }: { seq: number }): object[] {
  calls += 1;
  let x = 0;
  while (seq === 1) {
    x += Math.sqrt(x);
  }
  return [{ shape: "point", x: calls, y: 0, color: 0 }];
}`,
  );
  await useCase.draw!({ ...result, seq: 2 });
  const waiting = useCase.draw!(result);
  const next = useCase.draw!({ ...result, seq: 3 });
  await assert.rejects(waiting, failsWith(/^hangs\.ts:[56]: draw: still running after 400 ms; stopped$/));
  assert.deepEqual(await next, [{ shape: "point", x: 1, y: 0, color: 0 }]);
});

test("a promise that never settles is given up", async (t) => {
  const [useCase] = await opened(t, "never.ts", `export const draw = () => new Promise(() => {});`, { callMs: 100 });
  await assert.rejects(useCase.draw!(result), failsWith(/^never\.ts: draw: no answer after 100 ms/));
});

test("a file that ends its thread is started again", async (t) => {
  const [useCase] = await opened(t, "exits.js", `export const draw = ({ seq }) => (seq === 1 ? process.exit(7) : []);`);
  await assert.rejects(useCase.draw!(result), failsWith(/exits\.js: the thread: the file ended its own thread/));
  assert.deepEqual(await useCase.draw!({ ...result, seq: 2 }), []);
});

test("a file that throws outside of its functions is started again, and that is logged with its line", async (t) => {
  const [useCase, log] = await opened(t, "later.js", `\nexport const onResult = () => void setTimeout(() => { throw new Error("later"); }, 1);`);
  await useCase.onResult!(result);
  for (let tries = 0; log.lines.length === 0 && tries < 200; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.deepEqual(log.lines, ["warn later.js:2: the thread: later"]);
  await useCase.onResult!(result);
});

const NONSENSE: readonly [name: string, hook: "draw" | "interpret", returns: string, complaint: RegExp][] = [
  ["a number", "draw", "7", /draw returned something else than expected: Invalid input: expected array, received number/],
  ["an unknown shape", "draw", `[{ shape: "star" }]`, /\[0\]\.shape/],
  ["NaN", "draw", `[{ shape: "point", x: NaN, y: 0, color: 0 }]`, /\[0\]\.x: Invalid input: expected number, received NaN/],
  ["nothing", "interpret", "undefined", /expected object, received undefined/],
  ["a misspelt key", "interpret", `{ boxes: [] }`, /Unrecognized key: "boxes"/],
  ["a box of three", "interpret", `{ detections: [{ label: "x", classId: 0, score: 1, box: [1, 2, 3] }] }`, /detections\[0\]\.box/],
  ["a function", "interpret", `{ data: () => 1 }`, /could not be cloned/],
];

for (const [what, hook, returns, complaint] of NONSENSE) {
  test(`${hook} that returns ${what} is refused`, async (t) => {
    const [useCase] = await opened(t, `nonsense.js`, `export const ${hook} = () => (${returns});`);
    const call = hook === "draw" ? useCase.draw!(result) : useCase.interpret!({ data: { tensors: [] } }, { data: new Uint8Array(0), width: 1, height: 1, channels: 1, geometry });
    await assert.rejects(call, failsWith(complaint));
    await useCase[Symbol.asyncDispose]();
    rmSync(join(folder, "nonsense.js"));
  });
}

test("after repeated failures it is left alone, then tried again", async (t) => {
  let nowMs = 0;
  const clock = { now: () => wallTimeMs(nowMs), monotonicMs: () => nowMs, sleep: () => Promise.resolve(), timer: (ms: number, call: () => void) => {
    const timer = setTimeout(call, ms);
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  } };
  const [useCase, log] = await opened(t, "tired.js", `let calls = 0; export const draw = () => { calls++; if (calls <= 3) throw new Error("no"); return [{ shape: "point", x: calls, y: 0, color: 0 }]; }`, { clock });
  for (let n = 0; n < 3; n++) {
    await assert.rejects(useCase.draw!(result), failsWith(/: no$/));
  }
  await assert.rejects(useCase.draw!(result), failsWith(/left alone for a while after 3 failures: tired\.js:1: draw: no/));
  assert.ok(log.lines.includes("warn 3 failures in a row: left alone for 1 s"));
  nowMs += 1_001;
  assert.deepEqual(await useCase.draw!(result), [{ shape: "point", x: 4, y: 0, color: 0 }]);
});

const BROKEN: readonly [name: string, code: string, complaint: RegExp][] = [
  ["syntax.ts", "export function draw() {\n  const x: = 3;\n}", /^syntax\.ts:2: loading: SyntaxError: Unexpected token/],
  ["syntax.js", "export function draw() {\n\n  const x = ;\n}", /^syntax\.js:3: loading: SyntaxError: Unexpected token ';'/],
  ["enum.ts", "const a = 1;\nenum X { A }", /^enum\.ts:2: loading: SyntaxError: TypeScript enum is not supported/],
  ["top.ts", "const a: number = 1;\n\nmissing(a);\nexport const draw = 1;", /^top\.ts:3: loading: ReferenceError: missing is not defined/],
  ["types.ts", `import { Detection } from "vedette";\nexport const draw = () => [];`, /^types\.ts:1: loading: SyntaxError: .*does not provide an export named 'Detection' \(types need `import type`\)/],
  ["import.ts", `import "./nothing.ts";`, /loading: Cannot find module/],
  ["empty.ts", "export {};", /loading: TypeError: exports none of prepare, interpret, draw, onResult/],
  ["kind.ts", "export const draw = 7;", /loading: TypeError: draw: expected a function, got number/],
  ["loop.ts", "\n\nwhile (true) {}", /^loop\.ts:3: loading: still running after 300 ms; stopped/],
  ["hints.ts", `export default { input: { layout: "CHW" } };`, /input\.layout/],
];

for (const [name, code, complaint] of BROKEN) {
  test(`a file that cannot be loaded is refused with its line: ${name}`, async () => {
    await assert.rejects(openUseCase(written(name, code), { log: new Recorder(), loadMs: 300 }), failsWith(complaint));
  });
}

test("a missing file, a folder and another kind of file are refused", async () => {
  mkdirSync(join(folder, "folder.ts"));
  const log = new Recorder();
  await assert.rejects(openUseCase(join(folder, "gone.ts"), { log }), failsWith(/gone\.ts: no such file/));
  await assert.rejects(openUseCase(join(folder, "folder.ts"), { log }), failsWith(/no such file/));
  await assert.rejects(openUseCase(written("text.txt", ""), { log }), failsWith(/expected a \.ts or \.js file/));
  assert.deepEqual(["a.ts", "b.mjs", "motion", "x.json"].map(isUseCaseFile), [true, true, false, false]);
});

test("hints are handed on", async (t) => {
  const [useCase] = await opened(t, "hint.ts", `export const model = "yolox-nano"; export const input = { color: "BGR", pad: 114 };`);
  assert.deepEqual(useCase.hints, { model: "yolox-nano", input: { color: "BGR", pad: 114 } });
  assert.equal(useCase.draw, undefined);
});

test("disposal ends a hanging call, waiting calls and the thread; twice is fine", async () => {
  const before = process.getActiveResourcesInfo().sort();
  const useCase = await openUseCase(written("stuck.js", `export const draw = () => { for (;;); };`), { log: new Recorder(), callMs: 60_000 });
  const calls = Promise.allSettled([useCase.draw!(result), useCase.draw!(result)]);
  await Promise.all([useCase[Symbol.asyncDispose](), useCase[Symbol.asyncDispose]()]);
  for (const call of await calls) {
    assert.ok(call.status === "rejected" && failsWith(/closed/)(call.reason));
  }
  await assert.rejects(useCase.draw!(result), failsWith(/closed/));
  assert.deepEqual(process.getActiveResourcesInfo().sort(), before);
});
