/** For tests of rules: `import { ruleTest, track } from "vedette/testing"`. Runs under any test runner. */
export { ruleTest, RuleTest, type RuleTestOptions, type RuleUnderTest, type Script } from "./rule-test.ts";
export { nothing, picture, PictureScript, track, TrackScript, type Scripted } from "./script.ts";
export { recorded, Recording } from "./recording.ts";
export type { ExpectedEvent } from "./expected-events.ts";
