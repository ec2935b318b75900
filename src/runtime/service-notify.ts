import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Clock } from "../contracts/clock.ts";
import type { Logger } from "../contracts/log.ts";

const run = promisify(execFile);

/** What a service manager is told. Disposing it says that the service is stopping, and ends the watchdog. */
export interface ServiceNotifier extends AsyncDisposable {
  /** The service works from now on; `status` is one line for `systemctl status`. */
  ready(status: string): Promise<void>;
}

/** Surroundings of a notifier; `program` is replaced in tests. */
export interface NotifierOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly clock: Clock;
  readonly log: Logger;
  readonly program?: string;
}

/** Longest wait for one message. */
const MESSAGE_MS = 5000;

/**
 * Tells systemd how this process is (sd_notify(3)). Node.js has no datagram sockets of the Unix kind, so the messages go
 * through systemd's own `systemd-notify`, which needs `NotifyAccess=all` in the unit; the watchdog starts it from a timer
 * of this process, so that a hanging event loop is noticed. Without `NOTIFY_SOCKET` nothing is done.
 */
export function serviceNotifier({ env, clock, log, program = "systemd-notify" }: NotifierOptions): ServiceNotifier {
  const isServed = (env["NOTIFY_SOCKET"] ?? "") !== "";
  const stop = new AbortController();
  let beating: Promise<void> | undefined;
  const send = async (...messages: readonly string[]): Promise<void> => {
    if (!isServed) {
      return;
    }
    try {
      await run(program, messages, { env, timeout: MESSAGE_MS });
    } catch (error) {
      log.warn("the service manager could not be told", { message: messages[0] ?? "", reason: error instanceof Error ? error.message : String(error) });
    }
  };
  const beat = async (intervalMs: number): Promise<void> => {
    while (!stop.signal.aborted) {
      await send("WATCHDOG=1");
      await clock.sleep(intervalMs, stop.signal).catch(() => undefined);
    }
  };
  return {
    ready: async (status) => {
      await send("READY=1", `STATUS=${status.replace(/\s+/g, " ")}`);
      const intervalMs = watchdogMs(env);
      if (isServed && intervalMs !== undefined && beating === undefined) {
        beating = beat(intervalMs);
      }
    },
    [Symbol.asyncDispose]: async () => {
      if (!stop.signal.aborted) {
        stop.abort();
        await beating;
        await send("STOPPING=1");
      }
    },
  };
}

/** A third of the time after which systemd would kill us: one late message is no reason. Undefined without a watchdog. */
function watchdogMs(env: NodeJS.ProcessEnv): number | undefined {
  const us = Number(env["WATCHDOG_USEC"]);
  const isOurs = env["WATCHDOG_PID"] === undefined || env["WATCHDOG_PID"] === String(process.pid);
  return isOurs && Number.isFinite(us) && us > 0 ? us / 3000 : undefined;
}
