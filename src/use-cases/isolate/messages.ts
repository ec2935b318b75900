import type { LogLevel } from "../../contracts/log.ts";

/** What a use case may export. */
export const HOOKS = ["prepare", "interpret", "draw", "onResult"] as const;

/** Name of one of the functions. */
export type Hook = (typeof HOOKS)[number];

/** A line of the user's own code. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

/** What went wrong in the user's code. */
export interface Fault {
  readonly reason: string;
  readonly place: Place | undefined;
}

/** To the use case's thread; one call at a time. */
export interface Call {
  readonly id: number;
  readonly hook: Hook;
  readonly args: readonly unknown[];
}

/** From the use case's thread. */
export type FromUseCase =
  | { readonly type: "loading" }
  | { readonly type: "loaded"; readonly hooks: readonly Hook[]; readonly hints: unknown }
  | { readonly type: "refused"; readonly fault: Fault }
  | { readonly type: "returned"; readonly id: number; readonly value: unknown }
  | { readonly type: "threw"; readonly id: number; readonly fault: Fault }
  | { readonly type: "log"; readonly level: LogLevel; readonly text: string };
