// The reference page of the configuration, docs/configuration.md: one table per part, from the JSON schema that the zod
// schema gives.
import { configJsonSchema } from "../src/config/load.ts";
import { ENGINES } from "../src/engines/index.ts";
import { OUTPUTS } from "../src/outputs/index.ts";
import { RULES } from "../src/rules/index.ts";
import { SOURCES } from "../src/sources/index.ts";
import { TRACKERS } from "../src/trackers/index.ts";

/** As much of JSON Schema as zod writes for the configuration. */
interface Schema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema | boolean;
  readonly prefixItems?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
}

interface Kind {
  readonly kind: string;
  readonly addresses?: readonly string[];
}

/** The page's text. */
export function configPage(): string {
  const root = configJsonSchema() as Schema;
  const stream = valuesOf(root.properties?.["streams"]);
  const streamParts = Object.entries(stream.properties ?? {});
  const listed = (name: string): Schema => stream.properties?.[name] ?? {};
  const itemsOf = (name: string): Schema => {
    const { items } = listed(name);
    return typeof items === "object" ? items : {};
  };
  const plain = Object.fromEntries(streamParts.filter(([name]) => name !== "analyse"));
  return [
    "# Configuration",
    "",
    "<!-- generated from src/config/schema.ts by `npm run generate` -->",
    "",
    "`vedette serve --config vedette.yaml` reads one YAML (or JSON) file. `vedette config check FILE` says what is wrong with it;",
    "a key that does not exist is an error, with the nearest right one. `${NAME}` in a text is taken from the environment, so",
    "that passwords need not stand in the file. [vedette.schema.json](vedette.schema.json) lets editors complete and check it:",
    "",
    "```yaml",
    "# yaml-language-server: $schema=vedette.schema.json",
    "models:",
    "  people: { file: models/yolox_nano.onnx, task: detect, family: yolox, labels: coco }",
    "streams:",
    "  gate:",
    '    source: { kind: rtsp, url: "rtsp://camera/1" }',
    "    analyse: { model: people, fps: 10, maxAgeMs: 200, threshold: 0.4 }",
    "    track: { kind: bytetrack }",
    "    rules: [{ kind: line, name: door, points: [[0.1, 0.5], [0.9, 0.5]], classes: [person] }]",
    "    outputs: [gate.jsonl, { kind: rtsp, path: /gate }]",
    "```",
    "",
    ...section("The file", root),
    ...section("`models.NAME`", objectOf(valuesOf(root.properties?.["models"]))),
    ...section("`streams.NAME`", { ...stream, properties: plain }),
    ...section("`streams.NAME.analyse`", listed("analyse")),
    ...kinds("Sources", "`source`", SOURCES, listed("source")),
    ...kinds("Engines", "`analyse.engine`", ENGINES, listed("analyse").properties?.["engine"]),
    ...kinds("Trackers", "`track`", TRACKERS, listed("track")),
    ...kinds("Rules", "each of `rules`", RULES, itemsOf("rules")),
    ...kinds("Outputs", "each of `outputs`", OUTPUTS, itemsOf("outputs")),
  ].join("\n");
}

function section(title: string, schema: Schema): string[] {
  return [`## ${title}`, "", ...table(schema), ""];
}

/** One family: what may be written as an address, and one table per kind. */
function kinds(title: string, place: string, list: readonly Kind[], union: Schema | undefined): string[] {
  const alternatives = objectsOf(union ?? {});
  const addressed = list.flatMap(({ addresses = [] }) => addresses.map((address) => `\`${address}\``));
  return [
    `## ${title}`,
    "",
    addressed.length > 0 ? `For ${place}: an address (${addressed.join(", ")}), or an object with a \`kind\`:` : `For ${place}: an object with a \`kind\`:`,
    "",
    ...alternatives.flatMap((schema) => [`### \`kind: ${String(schema.properties?.["kind"]?.const)}\``, "", ...table(schema), ""]),
  ];
}

function table(schema: Schema): string[] {
  const rows = rowsOf(schema);
  return rows.length === 0 ? ["No settings."] : ["| Key | Value | Default | Meaning |", "|---|---|---|---|", ...rows];
}

function rowsOf(schema: Schema, prefix = ""): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    if (name === "kind" && property.const !== undefined) {
      return [];
    }
    const isNeeded = schema.required?.includes(name) === true && property.default === undefined;
    const isPart = property.properties !== undefined;
    const fallback = isPart || property.default === undefined ? (isNeeded ? "**needed**" : "") : `\`${JSON.stringify(property.default)}\``;
    const row = `| \`${prefix}${name}\` | ${cell(typeOf(property))} | ${cell(fallback)} | ${cell(property.description ?? "")} |`;
    return [row, ...(isPart ? rowsOf(property, `${prefix}${name}.`) : [])];
  });
}

/** Pipes would end the table's cell. */
function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}

/** What a value may be, in a few words. */
function typeOf(schema: Schema): string {
  if (schema.const !== undefined) {
    return `\`${JSON.stringify(schema.const)}\``;
  }
  if (schema.enum !== undefined) {
    return schema.enum.map((value) => `\`${String(value)}\``).join(", ");
  }
  const alternatives = schema.anyOf ?? schema.oneOf;
  if (alternatives !== undefined) {
    return [...new Set(alternatives.map((alternative) => (alternative.properties?.["kind"] === undefined && alternative.oneOf === undefined ? typeOf(alternative) : "a kind")))].join(" or ");
  }
  if (schema.type === "array") {
    return schema.prefixItems === undefined ? `list of ${typeof schema.items === "object" ? typeOf(schema.items) : "values"}` : `[${schema.prefixItems.map(typeOf).join(", ")}]`;
  }
  if (schema.type === "object") {
    return typeof schema.additionalProperties === "object" ? `${typeOf(schema.additionalProperties)} by name` : "object";
  }
  return `${[schema.type ?? "value"].flat().join(" or ")}${rangeOf(schema)}`;
}

function rangeOf({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Schema): string {
  const isBounded = (bound: number | undefined): bound is number => bound !== undefined && Math.abs(bound) < Number.MAX_SAFE_INTEGER;
  const low = isBounded(minimum) ? `${minimum}…` : isBounded(exclusiveMinimum) ? `above ${exclusiveMinimum}…` : "";
  const high = isBounded(maximum) ? String(maximum) : isBounded(exclusiveMaximum) ? `below ${exclusiveMaximum}` : "";
  return low === "" && high === "" ? "" : ` ${low === "" ? "…" : low}${high}`;
}

/** The schema of a record's values. */
function valuesOf(schema: Schema | undefined): Schema {
  return typeof schema?.additionalProperties === "object" ? schema.additionalProperties : {};
}

/** Of alternatives, the one that is an object. */
function objectOf(schema: Schema): Schema {
  return objectsOf(schema)[0] ?? schema;
}

function objectsOf(schema: Schema): readonly Schema[] {
  return schema.properties !== undefined ? [schema] : [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].flatMap(objectsOf);
}
