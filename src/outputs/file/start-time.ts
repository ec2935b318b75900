import type { Packet } from "../../domain/packet.ts";
import { mediaTimeUs } from "../../domain/time.ts";

/** Streams that start within this keep their times in the recording, so that its times are those of the results. */
const NEAR_ZERO_US = 10_000_000;

/**
 * Packets of a stream that has been running for long, or that counts from 1970, moved to start at zero: players would
 * show nothing for that long. Others pass unchanged.
 */
export async function* startingNearZero(packets: AsyncIterable<Packet>): AsyncGenerator<Packet, void, undefined> {
  let shiftUs: number | undefined;
  for await (const packet of packets) {
    shiftUs ??= Math.abs(packet.ptsUs) <= NEAR_ZERO_US ? 0 : packet.ptsUs;
    yield shiftUs === 0 ? packet : { ...packet, ptsUs: mediaTimeUs(packet.ptsUs - shiftUs), dtsUs: mediaTimeUs(packet.dtsUs - shiftUs) };
  }
}
