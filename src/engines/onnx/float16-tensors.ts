import { Tensor as OrtTensor } from "onnxruntime-node";

/**
 * onnxruntime-common decides once, at its first tensor, how float16 is held. Where JavaScript has Float16Array it takes
 * that, and onnxruntime-node 1.30 then sees an empty tensor ("not enough space: expected 301056, got 0"). Deciding while
 * Float16Array is out of sight makes it raw bits in a Uint16Array, which works.
 */
export function settleFloat16(): void {
  const descriptor = Object.getOwnPropertyDescriptor(globalThis, "Float16Array");
  Reflect.deleteProperty(globalThis, "Float16Array");
  try {
    new OrtTensor("uint8", new Uint8Array(1), [1]);
  } finally {
    if (descriptor !== undefined) {
      Object.defineProperty(globalThis, "Float16Array", descriptor);
    }
  }
}
