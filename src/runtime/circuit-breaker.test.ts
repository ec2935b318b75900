import assert from "node:assert/strict";
import test from "node:test";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { CircuitBreaker } from "./circuit-breaker.ts";

function setUp() {
  const clock = new FakeClock();
  return { clock, breaker: new CircuitBreaker({ clock, failures: 3, pauseMs: 100, maxPauseMs: 300 }) };
}

function failTimes(breaker: CircuitBreaker, times: number): void {
  for (let i = 0; i < times; i++) {
    breaker.enter()?.failed();
  }
}

test("opens after failures in a row, and only in a row", () => {
  const { breaker } = setUp();
  failTimes(breaker, 2);
  breaker.enter()?.succeeded();
  failTimes(breaker, 2);
  assert.equal(breaker.state, "closed");
  failTimes(breaker, 1);
  assert.equal(breaker.state, "open");
  assert.equal(breaker.enter(), undefined);
  assert.equal(breaker.waitMs, 100);
});

test("lets one trial through after the pause; its success closes it", async () => {
  const { clock, breaker } = setUp();
  failTimes(breaker, 3);
  await clock.advance(100);
  const trial = breaker.enter();
  assert.ok(trial);
  assert.equal(breaker.enter(), undefined, "only one");
  trial.succeeded();
  assert.equal(breaker.state, "closed");
  assert.ok(breaker.enter());
});

test("pauses double while trials fail, up to the limit, and begin anew after a success", async () => {
  const { clock, breaker } = setUp();
  failTimes(breaker, 3);
  for (const pauseMs of [100, 200, 300, 300]) {
    assert.equal(breaker.waitMs, pauseMs);
    await clock.advance(pauseMs);
    breaker.enter()?.failed();
  }
  await clock.advance(300);
  breaker.enter()?.succeeded();
  failTimes(breaker, 3);
  assert.equal(breaker.waitMs, 100);
});

test("a trial that was withdrawn lets the next one try", async () => {
  const { clock, breaker } = setUp();
  failTimes(breaker, 3);
  await clock.advance(100);
  breaker.enter()?.withdrawn();
  assert.ok(breaker.enter());
});

test("calls of before it opened say nothing about the trial", async () => {
  const { clock, breaker } = setUp();
  const slow = breaker.enter();
  failTimes(breaker, 3);
  await clock.advance(100);
  const trial = breaker.enter();
  slow?.succeeded();
  assert.equal(breaker.state, "trial");
  trial?.failed();
  trial?.succeeded();
  assert.equal(breaker.state, "open");
});

test("pauses for as long as the peer asked", () => {
  const { breaker } = setUp();
  breaker.pauseFor(5000);
  assert.equal(breaker.enter(), undefined);
  assert.equal(breaker.waitMs, 5000);
});
