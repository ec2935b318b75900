import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { needsPrograms } from "../../../test/support/programs.ts";
import { vedette } from "../../../test/support/vedette.ts";
import { launchdPlist, launchdSteps } from "./launchd.ts";
import { systemdSteps, systemdUnit } from "./systemd.ts";
import type { ServiceSettings } from "./settings.ts";

const SETTINGS: ServiceSettings = { name: "vedette", node: process.execPath, program: join(import.meta.dirname, "../../../bin/vedette.js"), config: "/etc/vedette/my site 100%.yaml", user: "vedette", writable: ["/srv/recordings"] };
const HIGHEST_EXPOSURE = 3.0;

test("systemd takes the unit, and finds it little exposed", needsPrograms("systemd-analyze"), (t) => {
  const folder = mkdtempSync(join(tmpdir(), "vedette-unit-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const unit = join(folder, "vedette.service");
  writeFileSync(unit, systemdUnit(SETTINGS));
  const verify = spawnSync("systemd-analyze", ["verify", "--man=no", "--recursive-errors=no", unit], { encoding: "utf8" });
  assert.equal(verify.stderr.split("\n").filter((line) => line.includes("vedette.service")).join("\n"), "");
  const report = execFileSync("systemd-analyze", ["security", "--offline=true", "--no-pager", unit], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  const exposure = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(report)?.[1]);
  t.diagnostic(`exposure ${String(exposure)} of 10, at most ${String(HIGHEST_EXPOSURE)} is wanted`);
  assert.ok(exposure <= HIGHEST_EXPOSURE, report);
});

test("the sample in deploy/ is what is installed", () => {
  const sample = readFileSync(join(import.meta.dirname, "../../../deploy/systemd/vedette.service"), "utf8");
  const usual = { ...SETTINGS, node: "/usr/bin/node", program: "/usr/lib/node_modules/vedette/bin/vedette.js", config: "/etc/vedette/vedette.yaml", writable: [] };
  assert.equal(sample, systemdUnit(usual));
});

test("odd paths reach the program as they are", () => {
  assert.match(systemdUnit({ ...SETTINGS, config: '/etc/a "b" $HOME 5%\\.yaml' }), /--config "\/etc\/a \\"b\\" \$\$HOME 5%%\\\\\.yaml" --log-format/);
  const plist = launchdPlist({ ...SETTINGS, config: "/etc/a & <b>.yaml" });
  assert.match(plist, /<string>\/etc\/a &amp; &lt;b&gt;\.yaml<\/string>/);
});

test("launchd's file is a property list", needsPrograms("python3"), () => {
  const script = "import plistlib, sys, json; p = plistlib.loads(sys.stdin.buffer.read()); print(json.dumps([p['Label'], p['ProgramArguments'][2:5], p['KeepAlive'], p['Umask']]))";
  const read = execFileSync("/usr/bin/python3", ["-c", script], { input: launchdPlist(SETTINGS), encoding: "utf8" });
  assert.deepEqual(JSON.parse(read), ["vedette", ["serve", "--config", SETTINGS.config], true, 0o27]);
});

test("removing keeps the state, and stops what runs", () => {
  assert.deepEqual(systemdSteps("remove", SETTINGS).map((step) => (step.do === "run" ? step.command.join(" ") : `${step.do} ${step.path}`)), [
    "systemctl disable --now vedette.service",
    "remove /etc/systemd/system/vedette.service",
    "systemctl daemon-reload",
  ]);
  assert.ok(launchdSteps("remove", SETTINGS).some((step) => step.do === "remove" && step.path === "/Library/LaunchDaemons/vedette.plist"));
});

test("vedette service prints what it would do, and refuses what could not work", { skip: process.platform !== "linux" && "Linux only" }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "vedette-service-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const config = join(folder, "v.yaml");
  writeFileSync(config, "streams: {}\n");
  const printed = await vedette(t, ["service", "restart", "--name", "gate", "--print"]);
  assert.equal(printed.stdout, "# run systemctl restart gate.service\n");
  const missing = await vedette(t, ["service", "install", "--print", "--config", "/nonexistent.yaml"]);
  assert.deepEqual([missing.code, /no such file|home folder/.test(missing.stderr)], [missing.code, true]);
  const home = await vedette(t, ["service", "install", "--print", "--config", "/home/me/v.yaml"]);
  assert.equal(home.code, 1);
  assert.match(home.stderr, /home folder/);
  assert.equal((await vedette(t, ["service", "start", "--name", "a b"])).code, 2);
});
