// The chart, rendered by Go's own templates, against Kubernetes' types and the program's configuration.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { parse, parseAllDocuments } from "yaml";
import ts from "typescript";
import { z } from "zod";
import { parseConfig } from "../src/config/load.ts";
import { createProgram } from "../src/cli/program.ts";
import { needsPrograms } from "./support/programs.ts";

const CHART = join(import.meta.dirname, "../deploy/helm/vedette");
const GOCODE = "/usr/share/gocode";
const hasPackages = existsSync(join(GOCODE, "src/github.com/Masterminds/sprig")) && existsSync(join(GOCODE, "src/github.com/ghodss/yaml"));
const skip = needsPrograms("go").skip || (!hasPackages && "needs golang-github-masterminds-sprig-dev and golang-github-ghodss-yaml-dev");

interface Resource {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels: Record<string, string> };
  readonly stringData?: Record<string, string>;
  readonly spec: {
    readonly selector: Record<string, string> & { matchLabels?: Record<string, string> };
    readonly ports: { name: string; targetPort: string }[];
    readonly template: { metadata: { labels: Record<string, string> }; spec: { containers: { args: string[]; ports?: { name: string }[]; livenessProbe?: Record<string, unknown>; resources: { limits: Record<string, unknown> } }[] } };
  };
}

const program = await createProgram();
const folder = mkdtempSync(join(tmpdir(), "vedette-helm-"));
const renderer = join(folder, "render");
const values = parse(readFileSync(join(CHART, "values.yaml"), "utf8")) as Record<string, unknown>;

before(() => {
  if (skip === false) {
    const env = { ...process.env, GO111MODULE: "off", GOPATH: GOCODE, GOCACHE: join(folder, "cache"), GOFLAGS: "" };
    execFileSync("go", ["build", "-o", renderer, join(import.meta.dirname, "support/helm_render/main.go")], { env, stdio: ["ignore", "ignore", "inherit"] });
  }
});
after(() => rmSync(folder, { recursive: true, force: true }));

function merge(base: Record<string, unknown>, over: Record<string, unknown>): Record<string, unknown> {
  const isMap = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);
  return Object.fromEntries([...new Set([...Object.keys(base), ...Object.keys(over)])].map((key) => {
    const [a, b] = [base[key], over[key]];
    return [key, isMap(a) && isMap(b) ? merge(a, b) : (b ?? a)];
  }));
}

/** Renders with these values over the defaults; both have to fit the schema. */
function render(over: Record<string, unknown>): Resource[] {
  const all = merge(values, over);
  valuesSchema().parse(all);
  const templates = Object.fromEntries(readdirSync(join(CHART, "templates")).map((name) => [name, readFileSync(join(CHART, "templates", name), "utf8")]));
  const chart = parse(readFileSync(join(CHART, "Chart.yaml"), "utf8")) as { name: string; version: string; appVersion: string };
  const data = { Values: all, Release: { Name: "gate", Namespace: "video", Service: "Helm" }, Chart: { Name: chart.name, Version: chart.version, AppVersion: chart.appVersion } };
  const { status, stdout, stderr } = spawnSync(renderer, { input: JSON.stringify({ templates: { ...templates, "NOTES.txt": "" }, data }), encoding: "utf8" });
  assert.equal(status, 0, stderr);
  return parseAllDocuments(stdout).flatMap((document) => {
    assert.deepEqual(document.errors, []);
    const value = document.toJS() as Resource | null;
    return value === null ? [] : [value];
  });
}

function valuesSchema(): z.ZodType {
  return z.fromJSONSchema(JSON.parse(readFileSync(join(CHART, "values.schema.json"), "utf8")) as Parameters<typeof z.fromJSONSchema>[0]);
}

/** Kubernetes' own types (npm's kubernetes-types), by the compiler: a field that does not exist, or of another type, fails. */
function checkTypes(resources: readonly Resource[]): void {
  const modules: Record<string, string> = { v1: "core/v1", "apps/v1": "apps/v1", "policy/v1": "policy/v1", "networking.k8s.io/v1": "networking/v1", "autoscaling/v2": "autoscaling/v2" };
  const lines = resources
    .filter(({ apiVersion }) => !apiVersion.startsWith("monitoring."))
    .map((resource, index) => {
      const from = modules[resource.apiVersion];
      assert.ok(from !== undefined, `no types for ${resource.apiVersion}`);
      return `export const r${String(index)}: import("kubernetes-types/${from}").${resource.kind} = ${JSON.stringify(resource)};`;
    });
  const file = join(import.meta.dirname, "rendered.ts");
  const base = ts.createCompilerHost({});
  const text = lines.join("\n");
  const host: ts.CompilerHost = {
    ...base,
    getSourceFile: (name, options) => (name === file ? ts.createSourceFile(name, text, options) : base.getSourceFile(name, options)),
    fileExists: (name) => name === file || base.fileExists(name),
    readFile: (name) => (name === file ? text : base.readFile(name)),
  };
  const compiled = ts.createProgram([file], { strict: true, noEmit: true, types: [], skipLibCheck: true, module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler }, host);
  const problems = ts.getPreEmitDiagnostics(compiled).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"));
  assert.deepEqual(problems, []);
}

const one = (resources: readonly Resource[], kind: string, name = "gate-vedette"): Resource => {
  const found = resources.find((resource) => resource.kind === kind && resource.metadata.name === name);
  assert.ok(found !== undefined, `no ${kind} ${name}`);
  return found;
};

/** The container's flags are flags of the program. */
function checkArgs(args: readonly string[]): void {
  const serve = program.commands.find((command) => command.name() === "serve");
  assert.equal(args[0], "serve");
  for (const arg of args.slice(1)) {
    const flag = arg.replace(/=.*/s, "");
    assert.ok(serve?.options.some(({ long }) => long === flag), `vedette serve has no ${flag}`);
  }
}

test("the original chart's values give a stream, a picture and a Service that finds it", { skip }, () => {
  const resources = render({
    stream_url: "rtsp://camera/1", ovms_url: "ovms:9000", model_name: "people", model_version: 2, binary_input: true, inference_executors: 3, log_level: "WARNING",
    visualizer_service: { port: 5000 }, models: { people: { file: "/etc/vedette/people.yaml" } }, files: { "people.yaml": "task: detect\n" }, http_proxy: "http://proxy:3128",
  });
  checkTypes(resources);
  const pod = one(resources, "Deployment").spec.template;
  const service = one(resources, "Service");
  for (const [label, value] of Object.entries(service.spec.selector)) {
    assert.equal(pod.metadata.labels[label], value);
  }
  const [container] = pod.spec.containers;
  assert.deepEqual(service.spec.ports.map(({ targetPort }) => targetPort), container!.ports!.map(({ name }) => name));
  checkArgs(container!.args);
  const secret = one(resources, "Secret").stringData!;
  const config = parseConfig(secret["vedette.yaml"]!, "vedette.yaml", {});
  const { main } = config.streams;
  assert.equal(main!.source, "rtsp://camera/1");
  assert.equal(main!.buffer.frames, 100);
  assert.deepEqual(main!.analyse!.engine, { ...(main!.analyse!.engine as object), kind: "tfserving", addresses: ["ovms:9000"], model: "people", version: "2", executors: 3, binaryInput: true });
  assert.equal(secret["people.yaml"], "task: detect\n");
});

test("streams, secrets, policies and a login", { skip }, () => {
  const resources = render({
    stream_url: "rtsp://camera/1", use_case: "motion", visualizer_service: { port: 5000, username: "op", password_secret: { name: "viewers" } },
    streams: { yard: { source: "rtsp://op:${CAMERA_PASSWORD}@camera/2", analyse: { useCase: "motion" }, outputs: ["/var/lib/vedette/yard.jsonl"] } },
    env_from_secrets: ["cameras"], gpu: { count: 1 }, pod_disruption_budget: { enabled: true }, network_policy: { enabled: true, egress: [{ to: [{ ipBlock: { cidr: "10.0.0.0/8" } }] }] },
    persistence: { enabled: false }, tolerations: [{ key: "gpu", operator: "Exists" }], affinity: { nodeAffinity: {} }, runtime_class: "nvidia",
  });
  checkTypes(resources);
  const [container] = one(resources, "Deployment").spec.template.spec.containers;
  assert.ok(!container!.args.includes("--allow-anonymous"));
  assert.ok("tcpSocket" in container!.livenessProbe!, "an answer behind a login is no probe");
  assert.equal(container!.resources.limits["nvidia.com/gpu"], "1");
  parseConfig(one(resources, "Secret").stringData!["vedette.yaml"]!, "vedette.yaml", { CAMERA_PASSWORD: "x", VEDETTE_VIEWER_PASSWORD: "y" });
});

test("a model server: two Services' worth of listeners, metrics, and more pods under load", { skip }, () => {
  const resources = render({
    model_server: { enabled: true, models: { people: "yolox-s-int8" }, token_secret: { name: "tokens" } }, service_monitor: { enabled: true, labels: { release: "prom" } },
    autoscaling: { enabled: true, waiting: 5, age_ms: 200 }, strategy: "RollingUpdate", persistence: { enabled: false },
  });
  checkTypes(resources);
  const deployment = one(resources, "Deployment").spec.template;
  checkArgs(deployment.spec.containers[0]!.args);
  const monitor = one(resources, "ServiceMonitor");
  const service = one(resources, "Service", "gate-vedette-models");
  for (const [label, value] of Object.entries(monitor.spec.selector.matchLabels!)) {
    assert.equal(service.metadata.labels[label], value);
  }
});

test("what cannot work is refused, in words", { skip }, () => {
  for (const [over, expected] of [
    [{}, /nothing to do/],
    [{ stream_url: "rtsp://c/1", replicas: 2 }, /every pod would open every stream/],
    [{ stream_url: "rtsp://c/1", autoscaling: { enabled: true } }, /only a model server/],
    [{ stream_url: "rtsp://c/1", service_monitor: { enabled: true } }, /metrics come from the model server/],
  ] as const) {
    assert.throws(() => render(over), expected);
  }
  for (const bad of [{ steam_url: "x" }, { visualizer_service: { port: 70_000 } }, { log_level: "LOUD" }]) {
    assert.equal(valuesSchema().safeParse(merge(values, bad)).success, false);
  }
});
