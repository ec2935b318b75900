// `npm test`: installs what the tests need from Debian when it may, says clearly what is missing when it may not, and
// runs the tests. Arguments are handed to `node --test`: `npm test -- src/runtime`, `npm test -- --test-name-pattern=line`.
import { spawnSync } from "node:child_process";
import { existsSync, globSync, rmSync, statSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { availableParallelism } from "node:os";

/** A Debian package, and a file or command that shows it is there. Tests skip with one line when theirs is absent. */
const PEERS: [needs: string, debianPackage: string][] = [
  ["ffmpeg", "ffmpeg"],
  ["chromium", "chromium"],
  ["cvlc", "vlc-bin"],
  ["/usr/lib/x86_64-linux-gnu/vlc/plugins/codec/libavcodec_plugin.so", "vlc-plugin-base"],
  ["gst-launch-1.0", "gstreamer1.0-tools"],
  ["/usr/lib/x86_64-linux-gnu/gstreamer-1.0/libgstplayback.so", "gstreamer1.0-plugins-base"],
  ["/usr/lib/x86_64-linux-gnu/gstreamer-1.0/libgstrtsp.so", "gstreamer1.0-plugins-good"],
  ["/usr/lib/x86_64-linux-gnu/gstreamer-1.0/libgstvideoparsersbad.so", "gstreamer1.0-plugins-bad"],
  ["/usr/lib/x86_64-linux-gnu/gstreamer-1.0/libgstx264.so", "gstreamer1.0-plugins-ugly"],
  ["/usr/lib/x86_64-linux-gnu/gstreamer-1.0/libgstlibav.so", "gstreamer1.0-libav"],
  ["/usr/lib/x86_64-linux-gnu/girepository-1.0/GstRtspServer-1.0.typelib", "gir1.2-gst-rtsp-server-1.0"],
  ["/usr/lib/python3/dist-packages/gi", "python3-gi"],
  ["/usr/lib/python3/dist-packages/numpy", "python3-numpy"],
  ["/usr/lib/python3/dist-packages/cv2.cpython-311-x86_64-linux-gnu.so", "python3-opencv"],
  ["/usr/lib/python3/dist-packages/grpc", "python3-grpcio"],
  ["/usr/lib/python3/dist-packages/google/protobuf", "python3-protobuf"],
  ["protoc", "protobuf-compiler"],
  ["grpc_python_plugin", "protobuf-compiler-grpc"],
  ["mosquitto", "mosquitto"],
  ["mosquitto_sub", "mosquitto-clients"],
  ["nats-server", "nats-server"],
  ["redis-server", "redis-server"],
  ["rabbitmq-server", "rabbitmq-server"],
  ["mkvinfo", "mkvtoolnix"],
  ["ip", "iproute2"],
  ["openssl", "openssl"],
  ["redis-cli", "redis-tools"],
  ["systemd-analyze", "systemd"],
  ["systemd-analyze", "systemd"],
  ["go", "golang-go"],
  ["/usr/share/gocode/src/github.com/Masterminds/sprig", "golang-github-masterminds-sprig-dev"],
  ["/usr/share/gocode/src/github.com/ghodss/yaml", "golang-github-ghodss-yaml-dev"],
];

function isThere(needs: string): boolean {
  const inPath = (process.env["PATH"] ?? "").split(delimiter).concat("/usr/sbin", "/usr/bin");
  return needs.startsWith("/") ? existsSync(needs) : inPath.some((folder) => existsSync(join(folder, needs)));
}

function installPeers(): void {
  const missing = PEERS.filter(([needs]) => !isThere(needs)).map(([, debianPackage]) => debianPackage);
  if (missing.length === 0) {
    return;
  }
  const canInstall = process.platform === "linux" && process.getuid?.() === 0 && existsSync("/usr/bin/apt-get");
  if (!canInstall) {
    console.error(`Some tests will be skipped; on Debian: sudo apt-get install --no-install-recommends ${missing.join(" ")}`);
    return;
  }
  console.error(`Installing what the tests need: ${missing.join(" ")}`);
  // A freshly installed server must not be started by its package: the tests start their own (invoke-rc.d asks this
  // file). Where an administrator has one, theirs holds.
  const policy = "/usr/sbin/policy-rc.d";
  const hasPolicy = existsSync(policy);
  if (!hasPolicy) {
    writeFileSync(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  }
  try {
    runApt(missing);
  } finally {
    if (!hasPolicy) {
      rmSync(policy, { force: true });
    }
  }
}

function runApt(missing: readonly string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const options = ["-qq", "-o", "Acquire::Retries=2", "-o", "Acquire::http::Timeout=20"];
  spawnSync("apt-get", ["update", ...options], { stdio: ["ignore", "ignore", "inherit"], env });
  const { status } = spawnSync("apt-get", ["install", "-y", "--no-install-recommends", ...options, ...missing], {
    stdio: ["ignore", "ignore", "inherit"],
    env,
  });
  if (status !== 0) {
    console.error("Not everything could be installed: the tests that need it are skipped and say so.");
  }
}

const args = process.argv.slice(2);
const flags = args.filter((arg) => arg.startsWith("-"));
const places = args.filter((arg) => !arg.startsWith("-"));
const files = (places.length === 0 ? ["src", "test", "demo", "examples"] : places).flatMap((place) =>
  existsSync(place) && statSync(place).isDirectory() ? globSync(`${place}/**/*.test.ts`) : globSync(place),
);
installPeers();
const { status } = spawnSync(
  process.execPath,
  [
    "--disable-warning=ExperimentalWarning",
    "--test",
    `--test-concurrency=${String(Math.max(2, availableParallelism()))}`,
    "--test-timeout=300000",
    "--test-reporter=spec",
    ...flags,
    ...files.sort(),
  ],
  { stdio: "inherit", env: { ...process.env, VEDETTE_LOG_LEVEL: process.env["VEDETTE_LOG_LEVEL"] ?? "error" } },
);
process.exitCode = status ?? 1;
