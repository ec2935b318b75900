import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { assign, type Candidate } from "./assignment.ts";

const pairsOf = (chosen: readonly Candidate[]): string[] => chosen.map(({ row, column }) => `${row}-${column}`);
const table = (costs: readonly (readonly number[])[]): Candidate[] => costs.flatMap((costsOfRow, row) => costsOfRow.map((cost, column) => ({ row, column, cost })));

test("the cheapest pairing is found where taking the best pair first would be dearer", () => {
  assert.deepEqual(pairsOf(assign(table([[1, 2], [1, 9]]), 100)), ["0-1", "1-0"]);
  // Kuhn's classic: 4 + 3 + … found by hand to be 0-1, 1-0, 2-2 with a total of 5.
  assert.deepEqual(pairsOf(assign(table([[4, 1, 3], [2, 0, 5], [3, 2, 2]]), 100)), ["0-1", "1-0", "2-2"]);
});

test("a row stays single where every pair costs more than that", () => {
  assert.deepEqual(pairsOf(assign(table([[0.9, 0.3], [0.8, 0.2]]), 0.5)), ["1-1"]);
  assert.deepEqual(assign([], 1), []);
  assert.deepEqual(assign([{ row: 3, column: 8, cost: 2 }], 1), []);
});

test("a row stays single rather than push others into dear pairs", () => {
  // Matching all three would cost 0.1 + 0.9 + 0.9; leaving row 2 single costs 0.1 + 0.1 + 0.5.
  const candidates = [{ row: 0, column: 0, cost: 0.1 }, { row: 0, column: 1, cost: 0.9 }, { row: 1, column: 1, cost: 0.1 }, { row: 2, column: 0, cost: 0.15 }];
  assert.deepEqual(pairsOf(assign(candidates, 0.5)), ["0-0", "1-1"]);
});

/** Every pairing there is, for comparison. */
function cheapest(candidates: readonly Candidate[], rows: readonly number[], unmatchedCost: number): number {
  const [row, ...rest] = rows;
  if (row === undefined) {
    return 0;
  }
  const single = unmatchedCost + cheapest(candidates, rest, unmatchedCost);
  const paired = candidates
    .filter((candidate) => candidate.row === row)
    .map(({ column, cost }) => cost + cheapest(candidates.filter((other) => other.column !== column), rest, unmatchedCost));
  return Math.min(single, ...paired);
}

test("property: no pairing is cheaper (compared with all of them), and no row or column is used twice", () => {
  const candidates = fc
    .uniqueArray(fc.record({ row: fc.nat(4), column: fc.nat(4), cost: fc.double({ min: 0, max: 2, noNaN: true }) }, { noNullPrototype: true }), { maxLength: 14, selector: ({ row, column }) => row * 10 + column })
    .map((list) => list as Candidate[]);
  fc.assert(
    fc.property(candidates, fc.double({ min: 0.1, max: 3, noNaN: true }), (list, unmatchedCost) => {
      const before = structuredClone(list);
      const chosen = assign(list, unmatchedCost);
      assert.deepEqual(list, before);
      assert.equal(new Set(chosen.map(({ row }) => row)).size, chosen.length);
      assert.equal(new Set(chosen.map(({ column }) => column)).size, chosen.length);
      const rows = [...new Set(list.map(({ row }) => row))];
      const total = chosen.reduce((sum, { cost }) => sum + cost, 0) + unmatchedCost * (rows.length - chosen.length);
      assert.ok(Math.abs(total - cheapest(list, rows, unmatchedCost)) < 1e-9);
    }),
    { numRuns: 300 },
  );
});
