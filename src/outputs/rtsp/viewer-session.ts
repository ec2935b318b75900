import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import type { PacketFeed, View } from "../../contracts/output.ts";
import type { RtspTransport } from "../../protocols/rtsp/transport.ts";
import type { UdpPair } from "../../runtime/udp-pair.ts";
import { pumpMedia } from "./media-pump.ts";
import { interleavedRoute, udpRoute } from "./media-route.ts";
import type { MediaRoute } from "./media-route.ts";
import type { Mount } from "./mount.ts";
import { socketDrained } from "./socket-drained.ts";
import type { TrackSender } from "./track-sender.ts";
import { feedOf } from "./feed-of.ts";

/** What a session is made of. */
export interface ViewerSessionOptions {
  readonly mount: Mount;
  readonly view: View;
  readonly senders: readonly TrackSender[];
  readonly socket: Socket;
  readonly monotonicMs: () => number;
}

/** One viewer of one view: set up track by track, then playing. */
export class ViewerSession {
  readonly id = randomBytes(8).toString("hex").toUpperCase();
  readonly mount: Mount;
  readonly view: View;
  readonly senders: readonly TrackSender[];
  readonly #socket: Socket;
  readonly #monotonicMs: () => number;
  readonly #routes = new Map<TrackSender, MediaRoute>();
  readonly #urls = new Map<TrackSender, string>();
  readonly #stop = new AbortController();
  #playing: { readonly stop: AbortController; readonly done: Promise<void> } | undefined;
  #pending: AbortController | undefined;
  #isTcp = false;
  #aliveMs = 0;
  #peers = new Set<string>();

  constructor(options: ViewerSessionOptions) {
    this.mount = options.mount;
    this.view = options.view;
    this.senders = options.senders;
    this.#socket = options.socket;
    this.#monotonicMs = options.monotonicMs;
  }

  get isPlaying(): boolean {
    return this.#playing !== undefined;
  }

  /** When the viewer last took or said something. */
  get aliveMs(): number {
    return this.#aliveMs;
  }

  /** Resolves when nothing of it runs. */
  get done(): Promise<void> {
    return this.#playing?.done ?? Promise.resolve();
  }

  /** Agrees on how a track travels. Datagrams go to the address of the connection, whatever else was asked for. */
  addRoute(
    sender: TrackSender,
    asked: RtspTransport,
    pair: UdpPair | undefined,
    { address, url }: { readonly address: string; readonly url: string },
  ): RtspTransport {
    this.#urls.set(sender, url);
    if (pair === undefined || asked.clientPorts === undefined) {
      const first = this.#routes.size * 2;
      const channels = asked.interleaved ?? ([first, first + 1] as const);
      this.#isTcp = true;
      this.#routes.set(sender, interleavedRoute(this.#socket, channels));
      return { lower: "tcp", isMulticast: false, isRecord: false, interleaved: channels };
    }
    this.#routes.set(sender, udpRoute(pair.rtp, pair.rtcp, address, asked.clientPorts));
    this.#peers.add(`${address}:${String(asked.clientPorts[1])}`);
    return { lower: "udp", isMulticast: false, isRecord: false, clientPorts: asked.clientPorts, serverPorts: pair.ports };
  }

  /** A receiver report came from there; true when it is this viewer. */
  heard(peer: string): boolean {
    const isMine = this.#peers.has(peer);
    if (isMine) {
      this.#aliveMs = this.#monotonicMs();
    }
    return isMine;
  }

  /** What the first packets will carry, for the tracks that were set up. */
  rtpInfo(): { url: string; sequence: number; timestamp: number }[] {
    return [...this.#routes.keys()].map((sender) => ({ url: this.#urls.get(sender) ?? "", ...sender.rtp.next }));
  }

  /** Takes a place at the stream, before the answer to PLAY is written. */
  async subscribe(): Promise<PacketFeed | undefined> {
    const { taps, ended } = this.mount;
    this.#pending = new AbortController();
    return taps === undefined ? undefined : feedOf(taps, this.view, AbortSignal.any([this.#pending.signal, this.#stop.signal, ended]));
  }

  /** Starts sending. */
  play(feed: PacketFeed): void {
    const { taps } = this.mount;
    const stop = this.#pending ?? new AbortController();
    if (taps === undefined || this.#playing !== undefined) {
      stop.abort();
      return;
    }
    const signal = AbortSignal.any([stop.signal, this.#stop.signal, this.mount.ended]);
    const { clock, log } = this.mount;
    const drained = (until: AbortSignal): Promise<void> => this.#drained(until);
    const run = async (): Promise<void> => {
      try {
        const ending = await pumpMedia({ clock, taps, feed, routes: this.#routes, drained }, signal);
        if (ending === "changed" || !(stop.signal.aborted || this.#stop.signal.aborted)) {
          this.#sayGoodbye();
        }
      } catch (error) {
        log.warn("a viewer was let go", { reason: error instanceof Error ? error.message : String(error) });
        this.#sayGoodbye();
      } finally {
        stop.abort();
      }
    };
    this.#aliveMs = this.#monotonicMs();
    this.#playing = { stop, done: run() };
  }

  /** Stops sending; PLAY goes on from the next keyframe. */
  async pause(): Promise<void> {
    const playing = this.#playing;
    playing?.stop.abort();
    await playing?.done;
    this.#playing = undefined;
    for (const sender of this.#routes.keys()) {
      sender.rtp.pause(this.#monotonicMs());
      sender.hasBegun = false;
    }
  }

  /** Ends it; {@link done} says when. */
  stop(): void {
    this.#stop.abort();
    this.#pending?.abort();
  }

  /** The stream is over: tells the viewer, and closes the connection once it was told. */
  #sayGoodbye(): void {
    for (const [sender, route] of this.#routes) {
      route.rtcp(sender.rtp.bye(this.mount.clock.monotonicMs()));
    }
    this.#socket.end();
  }

  /** Waits while a viewer over TCP does not take what was sent. */
  async #drained(signal: AbortSignal): Promise<void> {
    if (!this.#isTcp) {
      return;
    }
    if (this.#socket.writableLength === 0) {
      this.#aliveMs = this.#monotonicMs();
    }
    if (await socketDrained(this.#socket, signal)) {
      this.#aliveMs = this.#monotonicMs();
    }
  }
}
