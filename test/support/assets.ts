// Real models and clips, where they are: tests that need them say so in one line and are skipped elsewhere.
import { join } from "node:path";

const root = process.env["VEDETTE_TEST_ASSETS"];

/** `{ skip }` for `test(name, needsAssets, …)`: skipped, with the reason, without VEDETTE_TEST_ASSETS. */
export const needsAssets: { readonly skip: string | false } = {
  skip: root === undefined ? "needs VEDETTE_TEST_ASSETS (the folder of real models and clips)" : false,
};

/** Path of a file in the assets folder, e.g. `asset("models/mnist/mnist.onnx")`. Only inside tests that need assets. */
export function asset(path: string): string {
  if (root === undefined) {
    throw new Error("VEDETTE_TEST_ASSETS is not set");
  }
  return join(root, path);
}
