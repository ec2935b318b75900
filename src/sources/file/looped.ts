import type { PacketSession } from "../../contracts/source.ts";
import type { Packet } from "../../domain/packet.ts";
import { mediaTimeUs } from "../../domain/time.ts";

/** What stands in for the last picture's length where the file does not give it. */
const UNKNOWN_DURATION_US = 40_000;

/**
 * Plays a session again and again. Each round begins where the one before ended, so that times never go backwards. A
 * round without a packet ends it: there would be nothing to wait for.
 */
export async function looped(open: () => Promise<PacketSession>): Promise<PacketSession> {
  let current = await open();
  let isClosing = false;
  const lastDtsUs = new Map<number, number>();
  async function* rounds(): AsyncGenerator<Packet, void, undefined> {
    let offsetUs = 0;
    while (true) {
      // The video's length counts: audio is often a little longer, and its decoding times are kept rising below.
      let endUs = -Infinity;
      let startUs = Infinity;
      for await (const packet of current.packets) {
        if (current.tracks[packet.track]?.kind === "video") {
          startUs = Math.min(startUs, packet.ptsUs);
          endUs = Math.max(endUs, packet.ptsUs + (packet.durationUs > 0 ? packet.durationUs : UNKNOWN_DURATION_US));
        }
        const dtsUs = Math.max(packet.dtsUs + offsetUs, (lastDtsUs.get(packet.track) ?? -Infinity) + 1);
        lastDtsUs.set(packet.track, dtsUs);
        yield { ...packet, ptsUs: mediaTimeUs(packet.ptsUs + offsetUs), dtsUs: mediaTimeUs(dtsUs) };
      }
      await current[Symbol.asyncDispose]();
      // Disposal may come while the round ends.
      if (endUs === -Infinity || (isClosing)) {
        return;
      }
      offsetUs += endUs - startUs;
      current = await open();
    }
  }
  return {
    delivers: "packets",
    isLive: false,
    tracks: current.tracks,
    durationS: undefined,
    packets: rounds(),
    [Symbol.asyncDispose]: async () => {
      isClosing = true;
      await current[Symbol.asyncDispose]();
    },
  };
}
