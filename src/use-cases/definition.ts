import type { Drawer } from "../contracts/drawer.ts";
import type { TaskName } from "../domain/model.ts";

/** A use case that comes with Vedette, chosen by its name: `--use-case NAME`. */
export interface UseCase {
  readonly name: string;
  /** One line for help texts. */
  readonly summary: string;
  /** The task whose models it goes with; none when it needs no model. */
  readonly task?: TaskName;
  /** The engine that does its work without a model, by its kind. */
  readonly engine?: string;
  /** What draws its annotated view. One per stream: a drawer may remember the last frame. */
  create(): Drawer;
}
