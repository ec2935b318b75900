import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { listSupportedBackends } from "onnxruntime-node";
import { VedetteError } from "../../errors.ts";
import type { ProviderName } from "./messages.ts";

/**
 * What `auto` tries, best first. TensorRT is left out because it compiles a model for minutes at its first start, WebGPU
 * because it also comes up on software drivers that are slower than the processor: both must be asked for.
 */
const AUTOMATIC: readonly ProviderName[] = ["cuda", "dml", "coreml", "cpu"];

/** Providers to try in this order, and why others were not considered. */
export interface ProviderChoice {
  readonly candidates: readonly ProviderName[];
  readonly passedOver: readonly string[];
}

/** Providers that this installation can load, as far as can be told without loading them. */
export function availableProviders(): readonly string[] {
  return listSupportedBackends()
    .map(({ name }) => name)
    .filter((name) => missingLibrary(name) === undefined);
}

/** What to try for a wish. Throws `E_ENGINE_UNAVAILABLE` when it cannot be met here. */
export function chooseProviders(wish: ProviderName | "auto"): ProviderChoice {
  const built = listSupportedBackends().map(({ name }) => name);
  if (wish === "auto") {
    const known = AUTOMATIC.filter((name) => built.includes(name));
    const passedOver = known.flatMap((name) => {
      const library = missingLibrary(name);
      return library === undefined ? [] : [`${name}: ${library} is not installed`];
    });
    return { candidates: known.filter((name) => missingLibrary(name) === undefined), passedOver };
  }
  if (!built.includes(wish)) {
    throw unavailable(wish, `ONNX Runtime has none for ${process.platform}/${process.arch}`);
  }
  const library = missingLibrary(wish);
  if (library !== undefined) {
    throw unavailable(wish, `${library} is not installed (docs/gpu.md says how to add it)`);
  }
  return { candidates: [wish], passedOver: [] };
}

/** The error for a provider that was asked for by name and cannot run. */
export function unavailable(provider: ProviderName, reason: string): VedetteError {
  return new VedetteError("E_ENGINE_UNAVAILABLE", { provider, reason, available: availableProviders().join(", ") });
}

/** NVIDIA's providers are libraries of their own, too large for npm. Asking for a missing one makes ONNX Runtime shout. */
function missingLibrary(provider: string): string | undefined {
  if (provider !== "cuda" && provider !== "tensorrt") {
    return undefined;
  }
  const root = dirname(createRequire(import.meta.url).resolve("onnxruntime-node/package.json"));
  const folder = join(root, "bin", "napi-v6", process.platform, process.arch);
  const names = process.platform === "win32"
    ? ["onnxruntime_providers_shared.dll", `onnxruntime_providers_${provider}.dll`]
    : ["libonnxruntime_providers_shared.so", `libonnxruntime_providers_${provider}.so`];
  return names.findLast((name) => !existsSync(join(folder, name)));
}
