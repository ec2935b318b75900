import { Session } from "node:inspector";
import type { Worker } from "node:worker_threads";
import { userPlace } from "./fault-place.ts";
import type { Place } from "./messages.ts";

/** Messages of the inspector inside a worker that are of use here (https://chromedevtools.github.io/devtools-protocol/v8/Debugger/). */
interface DebuggerMessage {
  readonly id?: number;
  readonly method?: string;
  readonly params?: {
    readonly scriptId?: string;
    readonly url?: string;
    readonly callFrames?: readonly { readonly location: { readonly scriptId: string; readonly lineNumber: number } }[];
  };
}

/**
 * Terminates a thread that is stuck, and tells in which line of the user's code: pauses it from outside first, as a
 * debugger does. Undefined when it runs nothing, or cannot be paused within `withinMs`.
 */
export async function stopThread(worker: Worker, withinMs: number): Promise<Place | undefined> {
  const { threadId } = worker;
  const session = new Session();
  session.connect();
  const scripts = new Map<string, string>();
  const { promise, resolve } = Promise.withResolvers<Place | undefined>();
  const timer = setTimeout(() => resolve(undefined), withinMs);
  // A paused thread cannot be terminated (Node 24.21): it has to run again first.
  let onResumed = (): void => undefined;
  let resume = (): Promise<void> => Promise.resolve();
  session.on("NodeWorker.receivedMessageFromWorker", ({ params }) => {
    const { id, method, params: details } = JSON.parse(params.message) as DebuggerMessage;
    if (id === 3) {
      onResumed();
    }
    if (method === "Debugger.scriptParsed" && details?.scriptId !== undefined) {
      scripts.set(details.scriptId, details.url ?? "");
    } else if (method === "Debugger.paused") {
      const places = (details?.callFrames ?? []).map(({ location }) => userPlace(scripts.get(location.scriptId) ?? "", location.lineNumber + 1));
      resolve(places.find((place) => place !== undefined));
    }
  });
  session.on("NodeWorker.attachedToWorker", ({ params: { sessionId, workerInfo } }) => {
    // workerId counts what the inspector has met; only the title has the thread's own number.
    if (workerInfo.title.startsWith(`[worker ${threadId}] `)) {
      const send = (id: number, method: string): void => {
        session.post("NodeWorker.sendMessageToWorker", { sessionId, message: JSON.stringify({ id, method }) });
      };
      const resumed = Promise.withResolvers<undefined>();
      onResumed = () => resumed.resolve(undefined);
      resume = () => {
        send(3, "Debugger.disable");
        return resumed.promise;
      };
      send(1, "Debugger.enable");
      send(2, "Debugger.pause");
    }
  });
  session.post("NodeWorker.enable", { waitForDebuggerOnStart: false });
  const place = await promise;
  clearTimeout(timer);
  await resume();
  session.disconnect();
  await worker.terminate();
  return place;
}
