import type { Socket } from "node:net";

/** What may wait in a socket before its feed is held up (and then skips to a keyframe). */
const MAX_UNSENT_BYTES = 512 * 1024;

/**
 * Waits while the other side does not take what was sent; until the signal or the socket's end at the latest. True when it
 * had to wait and the other side then took everything.
 */
export async function socketDrained(socket: Socket, signal: AbortSignal): Promise<boolean> {
  let hasDrained = false;
  while (socket.writableLength > MAX_UNSENT_BYTES && !signal.aborted && !socket.destroyed) {
    await new Promise<void>((resolve) => {
      const go = (): void => {
        hasDrained = socket.writableLength === 0;
        socket.off("drain", go).off("close", go);
        signal.removeEventListener("abort", go);
        resolve();
      };
      socket.once("drain", go).once("close", go);
      signal.addEventListener("abort", go, { once: true });
    });
  }
  return hasDrained;
}
