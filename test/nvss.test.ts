import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { existsSync } from "node:fs";
import { freePort } from "./support/free-port.ts";
import { startVedette } from "./support/vedette.ts";

const PEER = fileURLToPath(new URL("support/nvss_peer.py", import.meta.url));
const PYTHON = "/usr/bin/python3";
const needsOpenCv = { skip: existsSync("/usr/lib/python3/dist-packages/cv2.cpython-311-x86_64-linux-gnu.so") ? false : "needs python3-opencv" };
const run = promisify(execFile);

test("an independent camera and two independent viewers: white goes in, black comes back", { ...needsOpenCv, timeout: 60_000 }, async (t) => {
  const [camera, viewers] = [await freePort(), await freePort()];
  const vedette = startVedette(t, ["run", `nvss://127.0.0.1:${camera}`, "--use-case", "invert", "--to", `nvss://127.0.0.1:${viewers}`]);
  await vedette.until(/webcam server: waiting for connections/);
  const sender = spawn(PYTHON, [PEER, "send", String(camera), "400", "255"], { stdio: "inherit" });
  t.after(() => sender.kill());
  const seen = await Promise.all([1, 2].map(() => run(PYTHON, [PEER, "view", String(viewers), "10"])));
  for (const { stdout } of seen) {
    for (const line of stdout.trim().split("\n")) {
      const [size, mean] = line.split(" ");
      assert.equal(size, "640x480");
      assert.ok(Number(mean) < 3, `black, not ${mean ?? "nothing"}`);
    }
  }
});

test("a camera that leaves is followed by the next one, and a lying length costs only its connection", { ...needsOpenCv, timeout: 60_000 }, async (t) => {
  const [camera, viewers] = [await freePort(), await freePort()];
  const vedette = startVedette(t, ["run", `nvss://127.0.0.1:${camera}`, "--to", `nvss://127.0.0.1:${viewers}`, "--view", "original"]);
  await vedette.until(/waiting for connections/);
  await run(PYTHON, [PEER, "send", String(camera), "5", "40"]);
  const liar = connect(camera, "127.0.0.1");
  liar.write(Buffer.from("8000000000000000ffd8", "hex"));
  liar.on("error", () => undefined);
  await once(liar, "close");
  const second = spawn(PYTHON, [PEER, "send", String(camera), "400", "200"], { stdio: "inherit" });
  t.after(() => second.kill());
  await vedette.until(/listening to client[\s\S]*listening to client[\s\S]*listening to client/);
  const { stdout } = await run(PYTHON, [PEER, "view", String(viewers), "5"]);
  assert.match(stdout.trim().split("\n").at(-1) ?? "", /^640x480 (199|200|201)/);
});
