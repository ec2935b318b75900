import type { Socket as UdpSocket } from "node:dgram";
import type { Socket } from "node:net";

/** Bytes left free before each RTP packet for the interleaving header. */
export const HEADROOM_BYTES = 4;

/** How one track's packets reach the receiver. */
export interface MediaRoute {
  /** Packets with {@link HEADROOM_BYTES} free bytes in front. */
  rtp(packets: readonly Buffer[]): Promise<void> | void;
  /** A whole RTCP packet. */
  rtcp(packet: Uint8Array): void;
}

/** Interleaved with the messages of the connection (RFC 2326 §10.12). */
export function interleavedRoute(socket: Socket, [rtpChannel, rtcpChannel]: readonly [number, number]): MediaRoute {
  return {
    rtp: (packets) => {
      for (const packet of packets) {
        packet.writeUInt8(0x24, 0);
        packet.writeUInt8(rtpChannel, 1);
        packet.writeUInt16BE(packet.length - HEADROOM_BYTES, 2);
      }
      // One write for a picture: one system call, and no interleaving with another track's in between.
      if (socket.writable) {
        socket.write(packets.length === 1 ? (packets[0] ?? Buffer.alloc(0)) : Buffer.concat(packets));
      }
    },
    rtcp: (packet) => {
      if (socket.writable) {
        socket.write(Buffer.concat([Uint8Array.of(0x24, rtcpChannel, packet.length >> 8, packet.length & 255), packet]));
      }
    },
  };
}

/** A keyframe's hundred packets at once would overflow the receiver's socket: they go in bursts. */
const BURST = 24;

/** Datagrams to the receiver's ports. */
export function udpRoute(rtp: UdpSocket, rtcp: UdpSocket, address: string, [rtpPort, rtcpPort]: readonly [number, number]): MediaRoute {
  const send = (socket: UdpSocket, packet: Uint8Array, port: number): Promise<void> =>
    new Promise((resolve) => {
      // A receiver that has gone answers with ICMP errors; its session ends by its connection or its timeout.
      socket.send(packet, port, address, () => resolve());
    });
  return {
    rtp: async (packets) => {
      for (let start = 0; start < packets.length; start += BURST) {
        const burst = packets.slice(start, start + BURST);
        await Promise.all(burst.map((packet) => send(rtp, packet.subarray(HEADROOM_BYTES), rtpPort)));
      }
    },
    rtcp: (packet) => void send(rtcp, packet, rtcpPort),
  };
}
