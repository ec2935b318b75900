import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { CameraFeed } from "./camera-feed.ts";
import type { KindContext } from "../../contracts/kinds.ts";
import type { PacketSession, Source } from "../../contracts/source.ts";
import type { Packet, VideoTrack } from "../../domain/packet.ts";
import { describeCodecs, readVideoOffer } from "../../protocols/webrtc/offer.ts";
import type { OfferedCodec } from "../../protocols/webrtc/offer.ts";
import type { CaptureClockMode } from "../../protocols/rtp/capture-clock.ts";
import { Broadcast } from "../../runtime/broadcast.ts";
import { allowOrigin } from "../../runtime/cross-origin.ts";
import { mountHttp } from "../../runtime/http-listener.ts";
import { formatAddress, requireGuard } from "../../runtime/listen.ts";
import { SessionTimeline } from "../../runtime/session-timeline.ts";
import { foreignRequest } from "../../runtime/web-origin.ts";
import type { IceSettings } from "../../webrtc/ice-settings.ts";
import { Peer } from "../../webrtc/peer.ts";
import { OfferRefused, SessionEndpoint } from "../../webrtc/session-endpoint.ts";
import type { OfferRequest, OpenedSession } from "../../webrtc/session-endpoint.ts";

/** How a WHIP source is set up. */
export interface WhipSourceConfig {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly token?: string | undefined;
  readonly origins: readonly string[];
  readonly captureClock: CaptureClockMode;
  readonly reorderMs: number;
  readonly ice: IceSettings;
}

/** Some ten seconds of video may wait for a late consumer; then it goes on at a keyframe. */
const CAPACITY = 300;
const MAX_CONNECTIONS = 64;

/** Waits for a browser or an encoder to send its camera (WHIP, RFC 9725). A new camera takes the place of the last one. */
export class WhipSource implements Source {
  readonly waitsForPeers = true;
  readonly #config: WhipSourceConfig;
  readonly #context: KindContext;

  constructor(config: WhipSourceConfig, context: KindContext) {
    this.#config = config;
    this.#context = context;
  }

  get name(): string {
    return `whip://${formatAddress(this.#config)}${this.#config.path}`;
  }

  /** Resolves with the first keyframe of the first camera. */
  async open(signal: AbortSignal): Promise<PacketSession> {
    signal.throwIfAborted();
    const { host, port, path, token } = this.#config;
    const { log, allowAnonymous } = this.#context;
    requireGuard({ host, port }, { hasCredentials: token !== undefined, allowAnonymous });
    const cameras = new WhipCameras(this.#config, this.#context);
    // Where no camera is connected nothing else would end the iteration.
    const stop = (): void => cameras.stop(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    const mount = {
      paths: [path, `${path}/`],
      answer: (request: IncomingMessage, response: ServerResponse) => this.#answer(request, response, cameras.endpoint),
      onProblem: (reason: string) => log.warn("a camera's request failed", { reason }),
    };
    const place = await mountHttp({ host, port }, mount, { maxConnections: MAX_CONNECTIONS }).catch((error: unknown) => {
      signal.removeEventListener("abort", stop);
      throw error;
    });
    const close = async (): Promise<void> => {
      signal.removeEventListener("abort", stop);
      await cameras[Symbol.asyncDispose]();
      await place[Symbol.asyncDispose]();
    };
    try {
      log.info("waiting for a camera", { address: `http://${formatAddress({ host, port: place.port })}${path}` });
      const track = await cameras.firstTrack;
      return { delivers: "packets", isLive: true, tracks: [track], packets: cameras.packets, durationS: undefined, [Symbol.asyncDispose]: close };
    } catch (error) {
      await close();
      throw error;
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse, endpoint: SessionEndpoint): Promise<void> {
    response.setHeader("X-Content-Type-Options", "nosniff");
    response.setHeader("Cache-Control", "no-store");
    if (allowOrigin(request, response, this.#config.origins)) {
      return;
    }
    const foreign = foreignRequest(request, this.#config);
    if (foreign !== undefined) {
      response.statusCode = 403;
      response.end(`${foreign}\n`);
      return;
    }
    if (request.method !== "OPTIONS" && !this.#isAuthorized(request.headers.authorization)) {
      response.statusCode = 401;
      response.setHeader("WWW-Authenticate", 'Bearer realm="Vedette"');
      response.end("a token is needed\n");
      return;
    }
    const url = URL.parse(`http://vedette${request.url ?? "/"}`);
    if (url === null || !endpoint.owns(url.pathname)) {
      response.statusCode = 404;
      response.end(`cameras are sent to ${this.#config.path}\n`);
      return;
    }
    await endpoint.answer(request, response, url);
  }

  /** RFC 6750 §2.1; digests have one length, so comparing takes the same time whatever was given. */
  #isAuthorized(header: string | undefined): boolean {
    const { token } = this.#config;
    const [, given = ""] = /^Bearer +(\S+)$/i.exec(header ?? "") ?? [];
    const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
    return token === undefined || timingSafeEqual(digest(given), digest(token));
  }
}

/** The cameras of one session, one after another on one timeline. */
class WhipCameras implements AsyncDisposable {
  readonly endpoint: SessionEndpoint;
  readonly packets: AsyncIterable<Packet>;
  readonly #config: WhipSourceConfig;
  readonly #context: KindContext;
  readonly #broadcast = new Broadcast<Packet>({ startsAt: ({ isKeyframe }) => isKeyframe });
  readonly #ending = new AbortController();
  readonly #first = Promise.withResolvers<VideoTrack>();
  readonly #timeline = new SessionTimeline();
  #endLast: (() => void) | undefined;

  constructor(config: WhipSourceConfig, context: KindContext) {
    this.#config = config;
    this.#context = context;
    this.packets = this.#broadcast.subscribe({ whenSlow: "skip", capacity: CAPACITY, signal: this.#ending.signal });
    // Nobody may be waiting for the first picture any more.
    this.#first.promise.catch(() => undefined);
    this.endpoint = new SessionEndpoint({ path: config.path, maxSessions: 8, ice: config.ice, clock: context.clock, open: (request) => this.#open(request) });
  }

  /** What the first keyframe of the first camera shows; rejects when the session ends before. */
  get firstTrack(): Promise<VideoTrack> {
    return this.#first.promise;
  }

  /** No more packets come. */
  stop(reason: unknown): void {
    this.#broadcast.end();
    this.#first.reject(reason);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop(new Error("closed"));
    this.#ending.abort();
    await this.endpoint[Symbol.asyncDispose]();
  }

  async #open(request: OfferRequest): Promise<OpenedSession> {
    const { clock, log } = this.#context;
    const offer = readVideoOffer(request.offer);
    if ("problem" in offer) {
      throw new OfferRefused(offer.problem === "malformed" ? 400 : 406, offer.reason);
    }
    if (offer.direction === "recvonly" || offer.direction === "inactive") {
      throw new OfferRefused(406, `the offer is ${offer.direction}, a camera's is sendonly`);
    }
    const codec = receivable(offer.codecs);
    const { reorderMs, captureClock, ice } = this.#config;
    const encoding = codec.encoding === "H264" ? "H264" : "VP8";
    const feed = new CameraFeed({ encoding, reorderMs, captureClock, clock, onKeyframeNeeded: (ssrc) => void peer.requestKeyframe(ssrc) });
    let isCurrent = true;
    const peer = await Peer.open(
      { offer: request.offer, codec, direction: "recvonly", ice, isLocalPeer: request.isLocalPeer, clock },
      {
        onConnected: () => log.info("camera connected", { codec: encoding }),
        onGone: (reason) => {
          log.info("camera left", { reason, ...feed.counts });
          request.onEnd();
        },
        onRtp: (packet) => {
          if (isCurrent) {
            this.#publish(feed.push(packet));
          }
        },
        onSenderReport: (wall, timestamp) => feed.senderReport(wall, timestamp),
      },
    );
    // A camera that comes back gets through although the connection it lost still looks open.
    this.#endLast?.();
    this.#endLast = () => {
      isCurrent = false;
      request.onEnd();
    };
    this.#timeline.break();
    return { answer: peer.answer, addCandidate: (candidate, mid) => peer.addCandidate(candidate, mid), [Symbol.asyncDispose]: () => peer[Symbol.asyncDispose]() };
  }

  #publish(packets: readonly Packet[]): void {
    for (const packet of packets) {
      if (packet.newTrack?.kind === "video") {
        this.#first.resolve(packet.newTrack);
      }
      // Its only reader skips: publishing never waits.
      void this.#broadcast.publish(this.#timeline.map(packet, this.#context.clock.monotonicMs()));
    }
  }
}

/** The first codec that is understood, in the peer's own order. */
function receivable(codecs: readonly OfferedCodec[]): OfferedCodec {
  const codec = codecs.find(({ encoding, packetizationMode }) => (encoding === "H264" && packetizationMode <= 1) || encoding === "VP8");
  if (codec === undefined) {
    throw new OfferRefused(406, `H.264 and VP8 are taken, and the offer has ${describeCodecs(codecs)}`);
  }
  return codec;
}
