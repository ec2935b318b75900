import type { ModelRegistry } from "./model-registry.ts";

/** Prometheus text of all models: requests, drops by reason, waiting, batch sizes, times. */
export function modelMetrics(registry: ModelRegistry): string {
  const served = registry.served().map((model) => ({ labels: `model_name="${escape(model.name)}",model_version="${escape(model.version)}"`, stats: model.stats }));
  const family = (name: string, type: string, help: string, lines: readonly string[]): string[] => (lines.length === 0 ? [] : [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines]);
  const summary = (name: string, help: string, pick: "waitMs" | "computeMs" | "ageMs"): string[] =>
    family(
      name,
      "summary",
      help,
      served.flatMap(({ labels, stats }) => {
        const { p50, p95, p99, sum, count } = stats[pick];
        const quantiles = [[0.5, p50], [0.95, p95], [0.99, p99]].map(([quantile, ms]) => `${name}{${labels},quantile="${String(quantile)}"} ${((ms ?? 0) * 1000).toFixed(0)}`);
        return [...quantiles, `${name}_sum{${labels}} ${(sum * 1000).toFixed(0)}`, `${name}_count{${labels}} ${count}`];
      }),
    );
  const lines = [
    ...family("ts_inference_requests_total", "counter", "Requests answered.", served.map(({ labels, stats }) => `ts_inference_requests_total{${labels}} ${stats.ageMs.count}`)),
    ...summary("ts_inference_latency_microseconds", "From arrival to answer.", "ageMs"),
    ...summary("ts_queue_latency_microseconds", "Waiting for the engine.", "waitMs"),
    ...summary("vedette_model_compute_microseconds", "One batch in the engine.", "computeMs"),
    ...family("vedette_model_batches_total", "counter", "Batches computed, by size.", served.flatMap(({ labels, stats }) => [...stats.sizes].map(([size, count]) => `vedette_model_batches_total{${labels},size="${size}"} ${count}`))),
    ...family("vedette_model_dropped_total", "counter", "Requests refused or dropped, by reason.", served.flatMap(({ labels, stats }) => [...stats.dropped].map(([reason, count]) => `vedette_model_dropped_total{${labels},reason="${reason}"} ${count}`))),
    ...family("vedette_model_waiting", "gauge", "Requests waiting now.", served.map(({ labels, stats }) => `vedette_model_waiting{${labels}} ${stats.waiting}`)),
  ];
  return `${lines.join("\n")}\n`;
}

function escape(value: string): string {
  return value.replace(/[\\"\n]/g, (character) => (character === "\n" ? "\\n" : `\\${character}`));
}
