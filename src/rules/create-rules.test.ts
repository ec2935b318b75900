import assert from "node:assert/strict";
import { test } from "node:test";
import { createRules, type RuleConfig } from "./create-rules.ts";
import { parseLineFlag, parseZoneFlag } from "./flags.ts";
import { VedetteError } from "../errors.ts";
import type { RuleContext } from "../contracts/kinds.ts";

const context: RuleContext = { stream: "gate", labels: ["person", "bicycle", "traffic light"] };
const line = { kind: "line", name: "door", points: [[0.1, 0.5], [0.9, 0.5]] };
const zone = { kind: "zone", name: "yard", points: [[0, 0], [1, 0], [1, 1], [0, 1]] };
const square = [[0.2, 0.9], [0.8, 0.9], [0.8, 0.2], [0.2, 0.2]];
const speed = { kind: "speed", name: "road", points: square, metres: [[0, 0], [5, 0], [5, 9], [0, 9]] };

const bad: readonly (readonly [what: string, configs: readonly unknown[], message: RegExp, more?: Partial<RuleContext>])[] = [
  ["a line of zero length", [{ ...line, points: [[0.3, 0.5], [0.3, 0.5]] }], /rule "door": points: .*two different points.*0\.3, 0\.5/],
  ["a polygon that crosses itself", [{ ...zone, points: [[0, 0], [1, 1], [1, 0], [0, 1]] }], /rule "yard": points: .*crosses itself: its sides 1 and 3/],
  ["a polygon without area", [{ ...zone, points: [[0, 0], [0.5, 0.5], [1, 1]] }], /rule "yard": points: .*no area/],
  ["two corners", [{ ...zone, points: [[0, 0], [1, 1]] }], /rule "yard": points/],
  ["a class the model does not have", [{ ...line, classes: ["persn"] }], /rule "door": classes: .*"persn".*did you mean "person"/],
  ["a class like none", [{ ...line, classes: ["zebra"] }], /"zebra": it has "person", "bicycle", "traffic light"/],
  ["no classes at all", [{ ...line, classes: [] }], /rule "door": classes: expected at least one/],
  ["a threshold on an unknown class", [{ kind: "threshold", name: "t", label: "bicicle", above: 0.5 }], /rule "t": label: .*did you mean "bicycle"/],
  ["a threshold that ends above its start", [{ kind: "threshold", name: "t", label: "person", above: 0.5, below: 0.6 }], /rule "t": below: expected at most 0.5/],
  ["relative points outside", [{ ...line, units: "relative", points: [[0.1, 0.5], [1.2, 0.5]] }], /rule "door": points: \[1\.2, 0\.5\] lies outside.*0 to 1/],
  ["negative points", [{ ...line, points: [[-5, 10], [50, 10]] }], /\[-5, 10\] lies outside/],
  ["pixels outside a known picture", [{ ...line, points: [[10, 10], [2000, 10]] }], /\[2000, 10\] lies outside the picture of 640x480/, { frame: { width: 640, height: 480 } }],
  ["two rules of one name", [line, { ...zone, name: "door" }], /rules\[1\]\.name: "door" is the name of rules\[0\] already/],
  ["an unknown kind", [{ ...line, kind: "lines" }], /rules\[0\]\.kind: there is no kind "lines": did you mean line/],
  ["no kind", [{}], /rules\[0\]\.kind: no kind is given: expected one of line, zone/],
  ["a misspelt key", [{ ...line, class: ["person"] }], /rule "door": settings: .*"class"/],
  ["a name with a slash", [{ ...line, name: "a/b" }], /rule "a\/b": name: expected a name without slashes/],
  ["a line without a tracker", [line], /rule "door": kind: .*needs a tracker/, { isTracked: false }],
  ["calibration points on one line", [{ ...speed, metres: [[0, 0], [5, 0], [10, 0], [0, 9]] }], /rule "road": metres: expected four corners/],
  ["a calibration that crosses itself", [{ ...speed, points: [square[0], square[2], square[1], square[3]] }], /rule "road": points: .*crosses itself/],
];

for (const [what, configs, message, more] of bad) {
  test(`refused: ${what}`, () => {
    assert.throws(
      () => createRules(configs as RuleConfig[], { ...context, ...more }),
      (error) => error instanceof VedetteError && error.code === "E_CONFIG" && message.test(error.message),
    );
  });
}

test("pixels outside a picture whose size only shows later are told of once, and the rule goes on", () => {
  const warnings: string[] = [];
  const [rule] = createRules([{ ...line, points: [[10, 10], [2000, 10]] } as RuleConfig], { ...context, warn: (message) => warnings.push(message) });
  rule!.overlay(640, 480);
  rule!.overlay(640, 480);
  assert.deepEqual(warnings, ['rule "door": points: [2000, 10] lies outside the picture of 640x480 pixels']);
});

test("small values are shares of the picture, larger ones pixels, and units says otherwise", () => {
  const pointsOf = (config: object): unknown => createRules([{ ...line, ...config } as RuleConfig], context)[0]!.overlay(640, 480).map((shape) => ("points" in shape ? shape.points : []));
  assert.deepEqual(pointsOf({}), [[[64, 240], [576, 240]]]);
  assert.deepEqual(pointsOf({ points: [[64, 240], [576, 240]] }), [[[64, 240], [576, 240]]]);
  assert.deepEqual(pointsOf({ points: [[0, 0], [1, 1]], units: "pixels" }), [[[0, 0], [1, 1]]]);
});

test("--line and --zone read as rules", () => {
  assert.deepEqual(parseLineFlag("door=0.1,0.5,0.9,0.5"), { kind: "line", name: "door", points: [[0.1, 0.5], [0.9, 0.5]] });
  assert.deepEqual(parseZoneFlag("yard=0,0; 100,0; 100,50;"), { kind: "zone", name: "yard", points: [[0, 0], [100, 0], [100, 50]] });
});

const badFlags: readonly (readonly [flag: string, parse: (flag: string) => unknown, message: RegExp])[] = [
  ["0.1,0.5,0.9,0.5", parseLineFlag, /--line: expected NAME=x1,y1,x2,y2, got "0\.1,0\.5,0\.9,0\.5": it has no name/],
  ["door=1,2,3", parseLineFlag, /3 numbers where 4 belong/],
  ["door=1,2,3,4,5", parseLineFlag, /5 numbers where 4 belong/],
  ["door=1,2,x,4", parseLineFlag, /"x" is not a number/],
  ["door=1,2,,4", parseLineFlag, /"" is not a number/],
  ["yard=0,0;1,1", parseZoneFlag, /--zone: expected NAME=x,y;x,y;x,y….*2 corners where at least 3 belong/],
  ["yard=0,0;1;1,1", parseZoneFlag, /"1" is not one corner x,y/],
  ["yard=0,0;1,0,0;1,1", parseZoneFlag, /"1,0,0" is not one corner/],
  ["=0,0;1,0;1,1", parseZoneFlag, /it has no name/],
];

for (const [flag, parse, message] of badFlags) {
  test(`refused flag: ${flag}`, () => {
    assert.throws(() => parse(flag), (error) => error instanceof VedetteError && error.code === "E_USAGE" && message.test(error.message));
  });
}
