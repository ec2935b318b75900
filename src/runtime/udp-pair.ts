import { createSocket } from "node:dgram";
import type { Socket } from "node:dgram";
import { once } from "node:events";
import { isIPv6 } from "node:net";

/** A pair of UDP sockets on an even port (RTP) and the odd one after it (RTCP), as RFC 3550 §11 wants. */
export interface UdpPair extends AsyncDisposable {
  readonly ports: readonly [rtp: number, rtcp: number];
  readonly rtp: Socket;
  readonly rtcp: Socket;
}

/** Packets wait in the system while this program is busy: a keyframe of a 4K camera comes in one burst. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;
const TRIES = 50;

/** Binds a pair in the family of `peerAddress`. The caller owns it. */
export async function bindUdpPair(peerAddress: string): Promise<UdpPair> {
  const type = isIPv6(peerAddress) ? "udp6" : "udp4";
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const rtp = await bind(type, 0);
    const port = rtp?.address().port ?? 0;
    const rtcp = rtp !== undefined && port % 2 === 0 ? await bind(type, port + 1) : undefined;
    if (rtp !== undefined && rtcp !== undefined) {
      return {
        rtp,
        rtcp,
        ports: [port, port + 1],
        [Symbol.asyncDispose]: async () => {
          await Promise.all([close(rtp), close(rtcp)]);
        },
      };
    }
    await Promise.all([close(rtp), close(rtcp)]);
  }
  throw Object.assign(new Error("no pair of free UDP ports"), { code: "EADDRINUSE" });
}

async function bind(type: "udp4" | "udp6", port: number): Promise<Socket | undefined> {
  const socket = createSocket({ type, recvBufferSize: RECEIVE_BUFFER_BYTES });
  try {
    socket.bind(port);
    await once(socket, "listening");
    return socket;
  } catch {
    // The port is taken: the caller tries another.
    await close(socket);
    return undefined;
  }
}

async function close(socket: Socket | undefined): Promise<void> {
  if (socket !== undefined) {
    await new Promise<void>((resolve) => {
      socket.close(() => resolve());
    });
  }
}
