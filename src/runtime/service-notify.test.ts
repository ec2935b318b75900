import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { needsPrograms } from "../../test/support/programs.ts";
import { systemClock } from "./clock.ts";
import { silentLogger } from "./log.ts";
import { serviceNotifier } from "./service-notify.ts";

const RECEIVER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("ready", flush=True)
import array
while True:
    data, ancillary, _, _ = s.recvmsg(4096, 1024)
    for level, kind, fds in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            import os
            [os.close(fd) for fd in array.array("i", fds)]
    print(data.decode().replace("\\n", "|"), flush=True)
`;

test("systemd hears ready, the watchdog, and stopping", needsPrograms("systemd-notify", "python3"), async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "vedette-notify-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "notify");
  const receiver = spawn("/usr/bin/python3", ["-c", RECEIVER, path], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => receiver.kill("SIGKILL"));
  let heard = "";
  receiver.stdout.setEncoding("utf8").on("data", (text: string) => (heard += text));
  await once(receiver.stdout, "data");
  const env = { ...process.env, NOTIFY_SOCKET: path, WATCHDOG_USEC: "300000", WATCHDOG_PID: String(process.pid) };
  {
    await using notifier = serviceNotifier({ env, clock: systemClock, log: silentLogger });
    await notifier.ready("2 streams\nrunning");
    for (let turn = 0; turn < 100 && (heard.match(/WATCHDOG=1/g) ?? []).length < 3; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  for (let turn = 0; turn < 40 && !heard.includes("STOPPING"); turn++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.match(heard, /READY=1\|STATUS=2 streams running/);
  assert.ok((heard.match(/WATCHDOG=1/g) ?? []).length >= 3, heard);
  assert.match(heard, /STOPPING=1/);
});

test("without a service manager nothing is started; one that cannot be told is a warning", async () => {
  const warnings: string[] = [];
  const log = { ...silentLogger, warn: (message: string) => void warnings.push(message) };
  await using alone = serviceNotifier({ env: {}, clock: systemClock, log, program: "/nonexistent" });
  await alone.ready("x");
  assert.deepEqual(warnings, []);
  await using mute = serviceNotifier({ env: { NOTIFY_SOCKET: "/x" }, clock: systemClock, log, program: "/nonexistent" });
  await mute.ready("x");
  assert.deepEqual(warnings, ["the service manager could not be told"]);
});
