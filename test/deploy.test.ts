// What is under deploy/, held against the program: flags, configurations, files that are mounted, safe defaults.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { createProgram } from "../src/cli/program.ts";
import { parseConfig } from "../src/config/load.ts";
import { needsPrograms } from "./support/programs.ts";

const DOCKER = join(import.meta.dirname, "../deploy/docker");
const program = await createProgram();

interface Service {
  readonly command?: string[];
  readonly image?: string;
  readonly build?: { context: string; dockerfile: string };
  readonly read_only?: boolean;
  readonly ports?: string[];
  readonly volumes?: string[];
  readonly depends_on?: string[];
}

/** A command line of the program: its command and every flag exist. */
function checkCommand([name, ...words]: readonly string[]): void {
  const command = program.commands.find((candidate) => candidate.name() === name);
  assert.ok(command !== undefined, `no command ${name ?? ""}`);
  for (const word of words.filter((one) => one.startsWith("-"))) {
    assert.ok(command.options.some(({ long, short }) => [long, short].includes(word.replace(/=.*/s, ""))), `${name ?? ""} has no ${word}`);
  }
}

for (const file of globSync("compose*.yaml", { cwd: DOCKER })) {
  test(`${file}: flags exist, mounts exist, names resolve, nothing is open to the world`, () => {
    const compose = parse(readFileSync(join(DOCKER, file), "utf8")) as { services: Record<string, Service>; volumes?: Record<string, unknown> };
    for (const [name, service] of Object.entries(compose.services)) {
      for (const volume of service.volumes ?? []) {
        const [from = ""] = volume.split(":");
        const isFromUser = from === "./models";
        assert.ok(from.startsWith(".") ? isFromUser || existsSync(join(DOCKER, from)) : compose.volumes !== undefined && from in compose.volumes, `${name}: ${from}`);
      }
      for (const port of service.ports ?? []) {
        assert.match(port, /^127\.0\.0\.1:/, `${name} publishes ${port} to everybody`);
      }
      assert.ok((service.depends_on ?? []).every((other) => other in compose.services));
      if (name === "vedette") {
        assert.equal(service.read_only, true);
        assert.ok(existsSync(join(DOCKER, service.build!.context, service.build!.dockerfile)));
        checkCommand(service.command ?? ["demo"]);
      } else {
        assert.doesNotMatch(service.image ?? "", /:latest$|^[^:]+$/, `${name}: which version?`);
      }
    }
  });
}

for (const file of ["ovms.yaml", "triton.yaml", "observe.yaml"]) {
  test(`${file} is a configuration`, () => {
    parseConfig(readFileSync(join(DOCKER, "config", file), "utf8"), file, { STREAM_URL: "rtsp://camera/1" });
  });
}

for (const file of ["Dockerfile", "Dockerfile.cuda"]) {
  test(`${file}: runs as nobody special, says how it is, and starts what exists`, () => {
    const text = readFileSync(join(DOCKER, file), "utf8").replace(/\\\n/g, " ");
    const last = text.slice(text.lastIndexOf("\nFROM "));
    assert.match(last, /^USER 10001:10001$/m);
    assert.ok(last.indexOf("USER 10001") < last.indexOf("ENTRYPOINT"));
    assert.match(last, /^HEALTHCHECK .*CMD \[/m);
    assert.match(last, /^ENTRYPOINT \["vedette"\]$/m);
    checkCommand(JSON.parse(/^CMD (\[.*\])$/m.exec(last)![1]!) as string[]);
    for (const [, image] of text.matchAll(/^ARG \w+_IMAGE=(\S+)$/gm)) {
      assert.doesNotMatch(image!, /:latest$/);
    }
  });
}

test("what the image is built from is not ignored", () => {
  const kept = readFileSync(join(DOCKER, "Dockerfile.dockerignore"), "utf8").split("\n").filter((line) => line.startsWith("!")).map((line) => line.slice(1));
  const { files } = JSON.parse(readFileSync(join(import.meta.dirname, "../package.json"), "utf8")) as { files: string[] };
  for (const file of files.filter((one) => one !== "dist")) {
    assert.ok(kept.includes(file), `${file} is published, but not in the build's context`);
  }
});

test("open-horizon's files are JSON, their command exists, and make names architectures as the exchange does", needsPrograms("make"), () => {
  const folder = join(DOCKER, "../open-horizon");
  const read = (name: string): unknown => JSON.parse(readFileSync(join(folder, name), "utf8"));
  const service = read("service.json") as { deployment: { services: { vedette: { command: string[] } } }; userInput: { name: string }[] };
  checkCommand(service.deployment.services.vedette.command);
  const input = read("input-file.json") as { services: { variables: Record<string, string> }[] };
  const known = service.userInput.map(({ name }) => name);
  assert.ok(Object.keys(input.services[0]!.variables).every((name) => known.includes(name)));
  read("pattern.json");
  const make = (...args: string[]): string => execFileSync("make", ["-n", "-C", dirname(join(folder, "Makefile")), ...args], { encoding: "utf8" });
  assert.match(make("build", "DOCKERHUB_ID=me", "ARCH=arm64"), /docker build -f \.\.\/docker\/Dockerfile -t "me\/vedette_arm64:0\.1\.0"/);
  if (process.arch === "x64") {
    assert.match(make("build", "DOCKERHUB_ID=me"), /me\/vedette_amd64:/);
  }
});
