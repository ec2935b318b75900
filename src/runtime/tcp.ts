import { connect as connectPlain, isIP } from "node:net";
import type { Socket } from "node:net";
import { connect as connectTls } from "node:tls";

/** Where to, and how. */
export interface TcpTarget {
  readonly host: string;
  readonly port: number;
  /** TLS when given. `ca`: certificates in PEM form to trust besides nobody else. */
  readonly tls?: { readonly rejectUnauthorized: boolean; readonly ca?: string | undefined } | undefined;
  readonly timeoutMs: number;
}

/**
 * Connects, with TLS where asked. The caller owns the socket. Rejects with the system's error (`ECONNREFUSED` …), with
 * `ETIMEDOUT` after `timeoutMs`, or with the signal's reason; nothing stays open then.
 */
export async function connectTcp(target: TcpTarget, signal: AbortSignal): Promise<Socket> {
  signal.throwIfAborted();
  const { host, port, tls } = target;
  // Server names of TLS are names, never addresses (RFC 6066 §3).
  const socket =
    tls === undefined
      ? connectPlain({ host, port, noDelay: true })
      : connectTls({ host, port, rejectUnauthorized: tls.rejectUnauthorized, ...(tls.ca === undefined ? {} : { ca: tls.ca }), ...(isIP(host) === 0 ? { servername: host } : {}) });
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => {
    reject(Object.assign(new Error(`no connection within ${String(target.timeoutMs)} ms`), { code: "ETIMEDOUT" }));
  }, target.timeoutMs);
  const onAbort = (): void => reject(signal.reason as Error);
  signal.addEventListener("abort", onAbort, { once: true });
  socket.once(tls === undefined ? "connect" : "secureConnect", () => resolve(undefined));
  socket.once("error", reject);
  try {
    await promise;
    socket.setNoDelay(true);
    return socket;
  } catch (error) {
    // Destroying may report once more; nobody listens for it any longer.
    socket.on("error", () => undefined);
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
    socket.off("error", reject);
  }
}
