/** What a service is made of. Paths are absolute. */
export interface ServiceSettings {
  /** Of the service: `vedette`. Several may run beside one another. */
  readonly name: string;
  /** The Node.js program. */
  readonly node: string;
  /** The `vedette` program. */
  readonly program: string;
  readonly config: string;
  /** Who it runs as. */
  readonly user: string;
  /** Folders outside its own state that it may write to: recordings. */
  readonly writable: readonly string[];
}

/** One thing to do to the machine. */
export type ServiceStep =
  | { readonly do: "write"; readonly path: string; readonly text: string; readonly mode: number }
  | { readonly do: "remove"; readonly path: string }
  /** `mayFail`: that it is not running is no reason not to go on. */
  | { readonly do: "run"; readonly command: readonly [string, ...string[]]; readonly mayFail?: boolean };

/** What can be asked of a service. */
export type ServiceAction = "install" | "remove" | "start" | "stop" | "restart" | "status" | "logs";
