import type { UseCase } from "./definition.ts";

/** Leaves every picture as it is. */
export const passthrough: UseCase = {
  name: "passthrough",
  summary: "leaves the picture as it is",
  create: () => ({ draw: () => undefined }),
};
