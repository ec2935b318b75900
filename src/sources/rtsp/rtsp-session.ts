import { randomInt } from "node:crypto";
import type { Clock } from "../../contracts/clock.ts";
import type { Logger } from "../../contracts/log.ts";
import type { PacketSession } from "../../contracts/source.ts";
import type { Packet, Track } from "../../domain/packet.ts";
import { VedetteError } from "../../errors.ts";
import type { RtpInfo } from "../../protocols/rtsp/headers.ts";
import type { ControlConnection } from "./control-connection.ts";
import type { RtspSourceConfig } from "./config.ts";
import { play } from "./negotiation.ts";
import type { Description, ReadyTrack } from "./negotiation.ts";
import { PacketQueue } from "./packet-queue.ts";
import { toSourceError } from "./rtsp-errors.ts";
import { TrackReceiver } from "./track-receiver.ts";
import type { UdpPair } from "../../runtime/udp-pair.ts";

/** What a session takes over: it owns the connection and the sockets from `start` on. */
export interface RtspSessionParts {
  readonly connection: ControlConnection;
  readonly description: Description;
  readonly tracks: readonly ReadyTrack[];
  readonly sockets: readonly UdpPair[];
  readonly config: RtspSourceConfig;
  readonly source: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** How often gaps, silence and counters are looked at. */
const TICK_MS = 50;
const SUMMARY_MS = 1000;
const REPORT_MS = 5000;
/** A server that does not answer TEARDOWN is left without it. */
const TEARDOWN_MS = 300;
const FIRST_PICTURE_MS = 5000;

/** One playing connection. */
export class RtspSession implements PacketSession {
  readonly delivers = "packets";
  readonly isLive = true;
  readonly #parts: RtspSessionParts;
  readonly #queue = new PacketQueue(0);
  readonly #stop = new AbortController();
  readonly #firstTrack = Promise.withResolvers<undefined>();
  readonly #tracks: Track[];
  #receivers: TrackReceiver[] = [];
  #startedMs = 0;
  #heardMs = 0;
  #tick: Disposable | undefined;
  #reportedMs = 0;
  #keptAliveMs = 0;
  #summedMs = 0;
  #summary = "";
  #disposed: Promise<void> | undefined;

  constructor(parts: RtspSessionParts) {
    this.#parts = parts;
    this.#tracks = parts.tracks.map(({ track }) => track);
  }

  get tracks(): readonly Track[] {
    return this.#tracks;
  }

  get packets(): AsyncIterable<Packet> {
    return this.#queue;
  }

  get durationS(): number | undefined {
    return this.#parts.description.durationS;
  }

  /** Sends PLAY. Where the description leaves the size open, waits for the first picture, so that the track is whole. */
  async start(signal: AbortSignal): Promise<void> {
    const { connection, description, source, clock } = this.#parts;
    this.#startedMs = clock.monotonicMs();
    this.#heardMs = this.#startedMs;
    this.#reportedMs = this.#startedMs;
    this.#keptAliveMs = this.#startedMs;
    this.#receivers = this.#makeReceivers([]);
    // Media may come before the answer to PLAY.
    const early: (() => void)[] = [];
    let isPlaying = false;
    this.#listen((deliver) => (isPlaying ? deliver() : early.length < 2000 && early.push(deliver)));
    const info = await play(connection, description, source, signal);
    this.#receivers = this.#makeReceivers(info);
    isPlaying = true;
    for (const deliver of early) {
      deliver();
    }
    void connection.closed.then((error) => this.#onClosed(error));
    this.#schedule();
    const video = this.#tracks[0];
    if (video?.kind === "video" && video.width === 0) {
      await this.#waitForSize(signal);
    }
  }

  async #waitForSize(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    const limit = AbortSignal.any([signal, this.#stop.signal]);
    try {
      await Promise.race([this.#firstTrack.promise, clock.sleep(FIRST_PICTURE_MS, limit)]);
    } catch (error) {
      if (signal.aborted) {
        await this[Symbol.asyncDispose]();
        throw error;
      }
    }
  }

  #makeReceivers(info: readonly RtpInfo[]): TrackReceiver[] {
    const { tracks, config, clock } = this.#parts;
    const hasInfo = info.length >= tracks.length;
    return tracks.map(
      (track, index) =>
        new TrackReceiver({
          index,
          track: track.track,
          payloadType: track.payloadType,
          clockRateHz: track.clockRateHz,
          depayloader: track.depayloader,
          startTimestamp: hasInfo ? (info.find(({ url }) => url === track.url) ?? info[index])?.timestamp : undefined,
          reorderWaitMs: track.udp === undefined ? 0 : config.reorderMs,
          captureClock: config.captureClock,
          sessionMs: () => clock.monotonicMs() - this.#startedMs,
          now: () => clock.now(),
          ssrc: randomInt(2 ** 32),
        }),
    );
  }

  #listen(run: (deliver: () => void) => void): void {
    const { tracks, connection } = this.#parts;
    const channels = new Map<number, (data: Uint8Array) => void>();
    for (const [index, { transport, udp }] of tracks.entries()) {
      const onRtp = (data: Uint8Array): void => run(() => this.#rtp(index, data));
      const onRtcp = (data: Uint8Array): void => run(() => this.#rtcp(index, data));
      if (udp === undefined) {
        const [rtp, rtcp] = transport.interleaved ?? [index * 2, index * 2 + 1];
        channels.set(rtp, onRtp).set(rtcp, onRtcp);
      } else {
        const server = connection.remoteAddress.replace(/^::ffff:/, "");
        const fromServer = (deliver: (data: Uint8Array) => void) => (data: Uint8Array, from: { address: string }) => {
          if (from.address === (transport.source ?? server) || from.address === server) {
            deliver(data);
          }
        };
        udp.rtp.on("message", fromServer(onRtp)).on("error", () => undefined);
        udp.rtcp.on("message", fromServer(onRtcp)).on("error", () => undefined);
        this.#punch(index);
      }
    }
    connection.listen((channel, data) => channels.get(channel)?.(data));
  }

  /** Opens the way through a firewall or address translation: packets go out where others shall come in. */
  #punch(index: number): void {
    const track = this.#parts.tracks[index];
    const ports = track?.transport.serverPorts;
    if (track?.udp !== undefined && ports !== undefined) {
      const { remoteAddress } = this.#parts.connection;
      track.udp.rtp.send(Uint8Array.of(0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), ports[0], remoteAddress, () => undefined);
      track.udp.rtcp.send(this.#receivers[index]?.report() ?? new Uint8Array(), ports[1], remoteAddress, () => undefined);
    }
  }

  #rtp(index: number, data: Uint8Array): void {
    this.#heardMs = this.#parts.clock.monotonicMs();
    this.#deliver(this.#receivers[index]?.rtp(data) ?? []);
  }

  #deliver(packets: readonly Packet[]): void {
    for (const packet of packets) {
      if (packet.newTrack !== undefined && this.#tracks[packet.track] !== undefined) {
        this.#tracks[packet.track] = packet.newTrack;
      }
      this.#queue.push(packet);
      if (packet.track === 0 && packet.isKeyframe) {
        this.#firstTrack.resolve(undefined);
      }
    }
  }

  #rtcp(index: number, data: Uint8Array): void {
    const receiver = this.#receivers[index];
    receiver?.rtcp(data);
    if (index === 0 && receiver?.hasEnded === true) {
      this.#queue.end();
    }
  }

  #onClosed(error: Error | undefined): void {
    const { source, description } = this.#parts;
    const isOver = description.durationS !== undefined && error === undefined;
    const closed = new VedetteError("E_SOURCE_BROKEN", { source, reason: "the server closed the connection" });
    this.#queue.end(isOver || this.#stop.signal.aborted ? undefined : error === undefined ? closed : asBroken(error, source));
    this.#firstTrack.resolve(undefined);
  }

  #schedule(): void {
    this.#tick = this.#parts.clock.timer(TICK_MS, () => {
      if (!this.#stop.signal.aborted) {
        this.#onTick();
        this.#schedule();
      }
    });
  }

  #onTick(): void {
    const { clock, config, source, connection } = this.#parts;
    const nowMs = clock.monotonicMs();
    for (const receiver of this.#receivers) {
      this.#deliver(receiver.advance());
    }
    if (nowMs - this.#heardMs > config.readTimeoutMs) {
      this.#queue.end(new VedetteError("E_SOURCE_SILENT", { source, seconds: config.readTimeoutMs / 1000 }));
    }
    if (nowMs - this.#reportedMs >= REPORT_MS) {
      this.#reportedMs = nowMs;
      this.#sendReports();
    }
    // Twice as often as the server demands, and at least twice a minute for those that demand less than they say.
    if (nowMs - this.#keptAliveMs >= Math.min(30_000, (connection.sessionTimeoutS * 1000) / 2)) {
      this.#keptAliveMs = nowMs;
      void this.#keepAlive();
    }
    if (nowMs - this.#summedMs >= SUMMARY_MS) {
      this.#summedMs = nowMs;
      this.#summarise();
    }
  }

  #sendReports(): void {
    const { tracks, connection } = this.#parts;
    for (const [index, { transport, udp }] of tracks.entries()) {
      const report = this.#receivers[index]?.report();
      if (report !== undefined && udp === undefined) {
        connection.sendInterleaved((transport.interleaved ?? [0, index * 2 + 1])[1], report);
      } else if (report !== undefined && transport.serverPorts !== undefined) {
        udp?.rtcp.send(report, transport.serverPorts[1], connection.remoteAddress, () => undefined);
      }
    }
  }

  async #keepAlive(): Promise<void> {
    const { connection, description, log } = this.#parts;
    try {
      await connection.request(description.canGetParameter ? "GET_PARAMETER" : "OPTIONS", description.url, [], this.#stop.signal);
    } catch (error) {
      // The connection's end is noticed through `closed`.
      log.debug("keep-alive failed", { reason: error instanceof Error ? error.message : String(error) });
    }
  }

  /** One line a second about what was lost, when something was. */
  #summarise(): void {
    const sum = { lost: 0, late: 0, damaged: 0, malformed: 0, skipped: this.#queue.skipped };
    for (const { counts } of this.#receivers) {
      sum.lost += counts.lost;
      sum.late += counts.late;
      sum.damaged += counts.damaged;
      sum.malformed += counts.malformed;
    }
    const summary = JSON.stringify(sum);
    if (summary !== this.#summary && this.#summary !== "") {
      this.#parts.log.warn("packets were lost", sum);
    }
    this.#summary = summary;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposed ??= this.#dispose();
    return this.#disposed;
  }

  async #dispose(): Promise<void> {
    const { connection, description, sockets } = this.#parts;
    this.#queue.end();
    this.#tick?.[Symbol.dispose]();
    try {
      await connection.request("TEARDOWN", description.url, [], AbortSignal.timeout(TEARDOWN_MS));
    } catch {
      // The server is gone already, or does not care: the connection is closed in any case.
    }
    this.#stop.abort();
    await Promise.all([connection[Symbol.asyncDispose](), ...sockets.map((pair) => pair[Symbol.asyncDispose]())]);
  }
}

/** A connection that worked and broke is not "unreachable". */
function asBroken(error: Error, source: string): VedetteError {
  const coded = toSourceError(error, source);
  return coded.code === "E_SOURCE_UNREACHABLE" ? new VedetteError("E_SOURCE_BROKEN", { source, reason: String(coded.details["reason"]) }, { cause: error }) : coded;
}
