import type { Clock } from "../../contracts/clock.ts";
import type { PacketSession } from "../../contracts/source.ts";
import type { Packet } from "../../domain/packet.ts";

/**
 * Plays a session at its own speed, as a camera would: each packet leaves when its decoding time has come, counted from
 * the first, and counts as captured then.
 */
export function paced(session: PacketSession, clock: Clock, signal: AbortSignal): PacketSession {
  const closing = new AbortController();
  const stop = AbortSignal.any([signal, closing.signal]);
  async function* packets(): AsyncGenerator<Packet, void, undefined> {
    let start: { readonly dtsUs: number; readonly atMs: number } | undefined;
    for await (const packet of session.packets) {
      start ??= { dtsUs: packet.dtsUs, atMs: clock.monotonicMs() };
      const waitMs = start.atMs + (packet.dtsUs - start.dtsUs) / 1000 - clock.monotonicMs();
      if (waitMs > 0) {
        await clock.sleep(waitMs, stop).catch((error: unknown) => {
          if (!stop.aborted) {
            throw error;
          }
        });
      }
      if (stop.aborted) {
        return;
      }
      yield { ...packet, capturedAtMs: clock.now() };
    }
  }
  return {
    delivers: "packets",
    isLive: true,
    tracks: session.tracks,
    durationS: session.durationS,
    packets: packets(),
    [Symbol.asyncDispose]: async () => {
      closing.abort();
      await session[Symbol.asyncDispose]();
    },
  };
}
