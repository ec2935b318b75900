import { randomUUID } from "node:crypto";
import { createSocket } from "node:dgram";
import type { Socket } from "node:dgram";
import { once } from "node:events";
import { networkInterfaces } from "node:os";
import type { Clock } from "../../contracts/clock.ts";
import { DEVICE_TYPES, DISCOVERY_GROUP, parseProbeMatches, probeMessage } from "../../protocols/onvif/discovery.ts";
import type { DiscoveredDevice } from "../../protocols/onvif/discovery.ts";
import { XmlError } from "../../protocols/xml/xml.ts";

/** How to look for devices. */
export interface DiscoverOptions {
  readonly clock: Clock;
  /** How long answers are waited for. */
  readonly timeoutMs: number;
  /** Where probes go: the multicast group on every interface, or one address. */
  readonly target?: { readonly address: string; readonly port: number };
}

/** What came of it. */
export interface Discovery {
  readonly devices: readonly DiscoveredDevice[];
  /** Answers that were no XML. */
  readonly rubbish: number;
}

/** A network with more answers than this is no network of cameras. */
const MAX_DEVICES = 1024;
/** Multicast is lost easily on wireless links: asked twice. */
const REPEAT_MS = 500;

/** Asks the network for ONVIF devices and collects who answers in time. Rejects with the signal's reason when aborted. */
export async function discoverOnvif(options: DiscoverOptions, signal: AbortSignal): Promise<Discovery> {
  const { clock, timeoutMs, target } = options;
  const found = new Map<string, DiscoveredDevice>();
  let rubbish = 0;
  const probes = DEVICE_TYPES.map((type) => ({ id: randomUUID(), type })).map(({ id, type }) => ({ id, message: Buffer.from(probeMessage(id, type)) }));
  const ids = new Set(probes.map(({ id }) => id));
  const onMessage = (message: Buffer): void => {
    try {
      for (const device of parseProbeMatches(message.toString("utf8"), ids)) {
        if (found.size < MAX_DEVICES) {
          found.set(device.endpoint, device);
        }
      }
    } catch (error) {
      if (!(error instanceof XmlError)) {
        throw error;
      }
      rubbish++;
    }
  };
  const sockets = await openSockets(target !== undefined);
  try {
    const { address, port } = target ?? DISCOVERY_GROUP;
    const ask = (): void => {
      for (const { message } of probes) {
        // An interface that is down now is no reason to stop asking on the others.
        sockets.forEach((socket) => socket.send(message, port, address, () => undefined));
      }
    };
    sockets.forEach((socket) => socket.on("message", onMessage));
    ask();
    const firstMs = Math.min(REPEAT_MS, timeoutMs);
    await clock.sleep(firstMs, signal);
    if (timeoutMs > firstMs) {
      ask();
      await clock.sleep(timeoutMs - firstMs, signal);
    }
  } finally {
    await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => void socket.close(() => resolve()))));
  }
  return { devices: [...found.values()], rubbish };
}

/** One socket per interface: multicast leaves by one interface only. */
async function openSockets(isUnicast: boolean): Promise<Socket[]> {
  const locals = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family, internal }) => family === "IPv4" && !internal)
    .map(({ address }) => address);
  return Promise.all(
    (isUnicast ? ["0.0.0.0"] : locals).map(async (local) => {
      const socket = createSocket("udp4");
      // Told by `send` already.
      socket.on("error", () => undefined);
      socket.bind(0, local);
      await once(socket, "listening");
      if (!isUnicast) {
        socket.setMulticastInterface(local);
        // One hop would end at the first router; recorders often stand behind one.
        socket.setMulticastTTL(4);
      }
      return socket;
    }),
  );
}
