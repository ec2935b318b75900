// After `npm pack`: package.json and the bundled runtime's are again what they were (see scripts/prepack.ts).
import { existsSync, renameSync } from "node:fs";

for (const file of ["package.json", "node_modules/onnxruntime-node/package.json"]) {
  if (existsSync(`${file}.orig`)) {
    renameSync(`${file}.orig`, file);
  }
}
