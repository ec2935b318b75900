/** ONNX Runtime's reason in one short line: without its source files, the model's path and line breaks. */
export function shortReason(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const line = text
    .replace(/^Load model from .+? failed:\s*/s, "")
    .replace(/\S*onnxruntime_src\/\S+:\d+\s+.*?\)\s*(?:const\s*)?(?=\S)/g, "")
    .replace(/\[ONNXRuntimeError\] : \d+ : [A-Z_]+ : /g, "")
    .replace(/\s+/g, " ")
    .trim();
  return line.length > 240 ? `${line.slice(0, 239)}…` : line === "" ? "no reason given" : line;
}
