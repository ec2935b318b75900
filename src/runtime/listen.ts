import { isIP } from "node:net";
import type { AddressInfo, Server } from "node:net";
import { VedetteError } from "../errors.ts";

/** Where to listen. */
export interface ListenAddress {
  /** A name or address of this machine; `0.0.0.0` and `::` for all of them. */
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
}

/** Whether only this machine can reach an address. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

/** `host:port`, with brackets around IPv6. */
export function formatAddress({ host, port }: ListenAddress): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/**
 * Refuses to listen where strangers could connect without a credential, unless that was asked for: throws
 * `E_NOT_LOOPBACK`.
 */
export function requireGuard(address: ListenAddress, guard: { readonly hasCredentials: boolean; readonly allowAnonymous: boolean }): void {
  if (!isLoopback(address.host) && !guard.hasCredentials && !guard.allowAnonymous) {
    throw new VedetteError("E_NOT_LOOPBACK", { address: formatAddress(address) });
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EADDRNOTAVAIL: "it is not an address of this machine",
  ENOTFOUND: "no such host",
  EAI_AGAIN: "the name cannot be resolved now",
};

/** Binds the server. Throws `E_ADDRESS_IN_USE` or `E_ADDRESS_REFUSED`. */
export async function listen(server: Server, address: ListenAddress): Promise<AddressInfo> {
  await new Promise<void>((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => {
      const shown = formatAddress(address);
      reject(
        error.code === "EADDRINUSE"
          ? new VedetteError("E_ADDRESS_IN_USE", { address: shown }, { cause: error })
          : new VedetteError("E_ADDRESS_REFUSED", { address: shown, reason: REASONS[error.code ?? ""] ?? error.message }, { cause: error }),
      );
    };
    server.once("error", fail);
    server.listen({ host: address.host, port: address.port }, () => {
      server.off("error", fail);
      resolve();
    });
  });
  // A server on TCP has an address of this form; pipes are not used here.
  return server.address() as AddressInfo;
}
