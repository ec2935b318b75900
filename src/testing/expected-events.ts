import { isDeepStrictEqual } from "node:util";
import type { RuleEvent } from "../domain/event.ts";

/** An event that is expected: its type, or those of its fields that matter. `atS`: media time, within a frame or so. */
export type ExpectedEvent =
  | string
  | {
      readonly type?: string;
      readonly id?: string;
      readonly rule?: string;
      readonly stream?: string;
      readonly trackId?: number;
      readonly label?: string;
      readonly atS?: number;
      readonly data?: Readonly<Record<string, unknown>>;
    };

/** Both lists side by side; undefined when they agree. */
export function explainDifference(expected: readonly ExpectedEvent[], got: readonly RuleEvent[], toleranceS: number): string | undefined {
  const fits = (i: number, j: number): boolean => {
    const wanted = expected[i];
    const event = got[j];
    return wanted !== undefined && event !== undefined && isAsExpected(wanted, event, toleranceS);
  };
  if (expected.length === got.length && expected.every((_, i) => fits(i, i))) {
    return undefined;
  }
  const lines: string[] = [];
  const common = longestCommon(expected.length, got.length, fits);
  let i = 0;
  let j = 0;
  for (const [nextI, nextJ] of [...common, [expected.length, got.length] as const]) {
    lines.push(...expected.slice(i, nextI).map((wanted) => `  - ${describeExpected(wanted)}`));
    lines.push(...got.slice(j, nextJ).map((event) => `  + ${describe(event)}`));
    const same = got[nextJ];
    if (same !== undefined) {
      lines.push(`    ${describe(same)}`);
    }
    i = nextI + 1;
    j = nextJ + 1;
  }
  return [`expected ${expected.length} events, got ${got.length} (- missing, + not expected)`, ...lines].join("\n");
}

function isAsExpected(wanted: ExpectedEvent, event: RuleEvent, toleranceS: number): boolean {
  if (typeof wanted === "string") {
    return event.type === wanted;
  }
  const { atS, data, trackId, label, ...fields } = wanted;
  return (
    Object.entries(fields).every(([key, value]) => event[key as keyof typeof fields] === value) && // its keys are the event's
    (atS === undefined || Math.abs(event.ptsUs / 1e6 - atS) <= toleranceS) &&
    (trackId === undefined || event.detection?.trackId === trackId) &&
    (label === undefined || event.detection?.label === label) &&
    Object.entries(data ?? {}).every(([key, value]) => isDeepStrictEqual(event.data[key], value))
  );
}

/** Pairs of indices that fit, in order, as many as possible. */
function longestCommon(rows: number, columns: number, fits: (i: number, j: number) => boolean): readonly (readonly [number, number])[] {
  const best = new Map<string, readonly (readonly [number, number])[]>();
  const at = (i: number, j: number): readonly (readonly [number, number])[] => best.get(`${i},${j}`) ?? [];
  for (let i = rows - 1; i >= 0; i--) {
    for (let j = columns - 1; j >= 0; j--) {
      const down = at(i + 1, j);
      const right = at(i, j + 1);
      const paired = fits(i, j) ? [[i, j] as const, ...at(i + 1, j + 1)] : [];
      best.set(`${i},${j}`, [paired, down, right].reduce((a, b) => (b.length > a.length ? b : a)));
    }
  }
  return at(0, 0);
}

function describe(event: RuleEvent): string {
  const object = event.detection === undefined ? "" : ` ${event.detection.label} ${event.detection.trackId ?? ""}`.trimEnd();
  return `${event.type}${object} at ${(event.ptsUs / 1e6).toFixed(2)} s ${JSON.stringify(event.data)}`;
}

function describeExpected(wanted: ExpectedEvent): string {
  return typeof wanted === "string" ? wanted : JSON.stringify(wanted);
}
