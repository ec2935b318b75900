import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import type { View } from "../../contracts/output.ts";
import { challengeLines, isAuthorized } from "../../protocols/rtsp/authentication.ts";
import { writeRtpInfo } from "../../protocols/rtsp/headers.ts";
import { header, writeResponse } from "../../protocols/rtsp/message.ts";
import type { HeaderFields, RtspRequest } from "../../protocols/rtsp/message.ts";
import { RtspParser, RtspSyntaxError } from "../../protocols/rtsp/parser.ts";
import { parseTransports, writeTransport } from "../../protocols/rtsp/transport.ts";
import type { RtspTransport } from "../../protocols/rtsp/transport.ts";
import { writeSdp } from "../../protocols/sdp/sdp.ts";
import type { UdpPair } from "../../runtime/udp-pair.ts";
import { parseTarget } from "./mount.ts";
import type { Mount, Target } from "./mount.ts";
import { feedOf } from "./feed-of.ts";
import { TrackSender } from "./track-sender.ts";
import { ViewerSession } from "./viewer-session.ts";

/** What a connection may ask of its server. */
export interface ViewerSurroundings {
  readonly mount: (path: string) => Mount | undefined;
  /** Sockets for viewers of this address's family, shared by all. */
  readonly udp: (address: string) => Promise<UdpPair>;
  readonly monotonicMs: () => number;
}

const REALM = "Vedette";
/** Requests carry no more than a few lines of parameters. */
const LIMITS = { headerBytes: 16 * 1024, bodyBytes: 64 * 1024 };
const METHODS = "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER";
/** Requests that may wait while one is answered. */
const MAX_PIPELINED = 32;
/** How long DESCRIBE waits for the stream's tracks, and keeps the encoder running for the PLAY that follows. */
const DESCRIBE_MS = 8000;

interface Reply {
  readonly status: number;
  readonly headers?: HeaderFields;
  readonly body?: string;
  /** Run after the reply was written. */
  readonly afterwards?: () => void;
}

/** One client's control connection. */
export class ViewerConnection {
  readonly #socket: Socket;
  readonly #surroundings: ViewerSurroundings;
  readonly #parser = new RtspParser(LIMITS);
  readonly #nonce = randomBytes(16).toString("hex");
  readonly #stop = new AbortController();
  readonly #requests: RtspRequest[] = [];
  #answering: Promise<void> | undefined;
  #session: ViewerSession | undefined;
  /** Tracks as they were described, so that SETUP finds the same. */
  #described: { readonly mount: Mount; readonly view: View; readonly senders: readonly TrackSender[]; readonly release: () => void } | undefined;
  /** When a whole request, or anything of a session, came last. */
  #heardMs: number;

  constructor(socket: Socket, surroundings: ViewerSurroundings) {
    this.#socket = socket;
    this.#surroundings = surroundings;
    this.#heardMs = surroundings.monotonicMs();
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("error", () => this.close());
    socket.on("close", () => this.close());
  }

  get session(): ViewerSession | undefined {
    return this.#session;
  }

  /** Since when nothing was heard of it. */
  get heardMs(): number {
    return Math.max(this.#heardMs, this.#session?.aliveMs ?? 0);
  }

  /** Ends everything at once. */
  close(): void {
    this.#stop.abort();
    this.#described?.release();
    this.#session?.stop();
    this.#socket.destroy();
  }

  /** Resolves when nothing of it runs any more. */
  async closed(): Promise<void> {
    this.close();
    await this.#answering;
    await this.#session?.done;
    if (!this.#socket.closed) {
      await new Promise<void>((resolve) => {
        this.#socket.once("close", () => resolve());
      });
    }
  }

  #receive(chunk: Buffer): void {
    try {
      for (const item of this.#parser.push(chunk)) {
        this.#heardMs = this.#surroundings.monotonicMs();
        if (item.kind === "request") {
          this.#requests.push(item);
        }
      }
      if (this.#requests.length > MAX_PIPELINED) {
        throw new RtspSyntaxError(400, "too many requests at once");
      }
      if (this.#requests.length > 0) {
        this.#answering ??= this.#answerAll();
      }
    } catch (error) {
      const status = error instanceof RtspSyntaxError ? error.status : 500;
      this.#stop.abort();
      this.#session?.stop();
      this.#socket.end(writeResponse(status, [["Connection", "close"]]));
      // Whoever goes on sending after that is not listened to.
      this.#socket.removeAllListeners("data").resume();
    }
  }

  /** Answers what waits, in order. The first `await` comes before the end, so that `#answering` is set by then. */
  async #answerAll(): Promise<void> {
    for (let request = this.#requests.shift(); request !== undefined && !this.#stop.signal.aborted; request = this.#requests.shift()) {
      const { status, headers = [], body, afterwards } = await this.#answer(request);
      if (this.#socket.writable) {
        const all: HeaderFields = [["CSeq", header(request, "cseq") ?? "0"], ["Server", "Vedette"], ...headers];
        this.#socket.write(writeResponse(status, all, body === undefined ? undefined : Buffer.from(body)));
      }
      afterwards?.();
    }
    this.#answering = undefined;
  }

  async #answer(request: RtspRequest): Promise<Reply> {
    if (request.headers.has("require")) {
      return { status: 551, headers: [["Unsupported", header(request, "require") ?? ""]] };
    }
    if (request.method === "OPTIONS") {
      return { status: 200, headers: [["Public", METHODS], ...this.#sessionHeader()] };
    }
    const target = parseTarget(request.uri);
    const mount = this.#session?.mount ?? (target === undefined ? undefined : this.#surroundings.mount(target.path));
    if (target === undefined || mount === undefined) {
      return { status: 404 };
    }
    const { users } = mount;
    const { method } = request;
    if (users !== undefined && !isAuthorized(header(request, "authorization"), { method, realm: REALM, nonce: this.#nonce, users })) {
      return { status: 401, headers: challengeLines(REALM, this.#nonce).map((line) => ["WWW-Authenticate", line] as const) };
    }
    try {
      return (await this.#handlers[method]?.(request, target, mount)) ?? { status: 501, headers: [["Allow", METHODS]] };
    } catch (error) {
      mount.log.warn("a request failed", { method, reason: error instanceof Error ? error.message : String(error) });
      return { status: 500 };
    }
  }

  readonly #handlers: Readonly<Record<string, (request: RtspRequest, target: Target, mount: Mount) => Reply | Promise<Reply>>> = {
    DESCRIBE: (_, target, mount) => this.#describe(target, mount),
    SETUP: (request, target, mount) => this.#setUp(request, target, mount),
    PLAY: (request) => this.#inSession(request, (session) => this.#play(session)),
    PAUSE: (request) =>
      this.#inSession(request, async (session) => {
        await session.pause();
        return { status: 200, headers: this.#sessionHeader() };
      }),
    TEARDOWN: (request) =>
      this.#inSession(request, async (session) => {
        session.stop();
        await session.done;
        this.#session = undefined;
        return { status: 200 };
      }),
    GET_PARAMETER: () => ({ status: 200, headers: this.#sessionHeader() }),
    SET_PARAMETER: (request) => (request.body.length === 0 ? { status: 200, headers: this.#sessionHeader() } : { status: 451 }),
  };

  async #describe(target: Target, mount: Mount): Promise<Reply> {
    const view = target.view ?? mount.view;
    const senders = await this.#tracks(mount, view);
    if (senders === undefined) {
      return { status: 503 };
    }
    const query = target.view === undefined ? "" : `?view=${target.view}`;
    const media = senders.map((sender, index) => sender.describe(`${target.base}/trackID=${String(index)}${query}`));
    const sdp = writeSdp(
      { name: mount.taps?.stream ?? "Vedette", attributes: [{ name: "tool", value: "Vedette" }, { name: "control", value: "*" }, { name: "range", value: "npt=now-" }], media },
      { sessionId: Math.floor(mount.clock.now()), version: 1 },
    );
    return { status: 200, headers: [["Content-Type", "application/sdp"], ["Content-Base", `${target.base}/`]], body: sdp };
  }

  /** The view's tracks. What encodes them is kept running until PLAY, or for a while. */
  async #tracks(mount: Mount, view: View): Promise<readonly TrackSender[] | undefined> {
    if (this.#described?.mount === mount && this.#described.view === view) {
      return this.#described.senders;
    }
    this.#described?.release();
    const hold = new AbortController();
    const timer = mount.clock.timer(DESCRIBE_MS, () => hold.abort());
    const release = (): void => {
      timer[Symbol.dispose]();
      hold.abort();
    };
    const feed = mount.taps === undefined ? undefined : await feedOf(mount.taps, view, AbortSignal.any([hold.signal, this.#stop.signal, mount.ended]));
    const senders = feed === undefined ? [] : TrackSender.forTracks(feed.tracks, mount.hasMetadata);
    if (!senders.some(({ isVideo }) => isVideo) || this.#stop.signal.aborted) {
      release();
      return undefined;
    }
    this.#described = { mount, view, senders, release };
    return senders;
  }

  async #setUp(request: RtspRequest, target: Target, mount: Mount): Promise<Reply> {
    if (this.#session?.isPlaying === true) {
      return { status: 455 };
    }
    const view = this.#viewFor(target, mount);
    const senders = this.#session?.senders ?? (await this.#tracks(mount, view));
    const sender = senders?.[target.track ?? 0];
    const asked = chooseTransport(header(request, "transport"));
    if (senders === undefined || sender === undefined || asked === undefined) {
      return { status: senders === undefined ? 503 : sender === undefined ? 404 : 461 };
    }
    const address = (this.#socket.remoteAddress ?? "").replace(/^::ffff:/, "");
    const pair = asked.lower === "udp" ? await this.#surroundings.udp(address) : undefined;
    this.#session ??= new ViewerSession({ mount, view, senders, socket: this.#socket, monotonicMs: this.#surroundings.monotonicMs });
    const agreed = this.#session.addRoute(sender, asked, pair, { address, url: request.uri });
    return { status: 200, headers: [["Transport", writeTransport({ ...agreed, ssrc: sender.rtp.ssrc })], ...this.#sessionHeader()] };
  }

  #viewFor(target: Target, mount: Mount): View {
    return this.#session?.view ?? target.view ?? this.#described?.view ?? mount.view;
  }

  async #play(session: ViewerSession): Promise<Reply> {
    const target = this.#described;
    const feed = session.isPlaying ? undefined : await session.subscribe();
    if (!session.isPlaying && feed === undefined) {
      return { status: 503 };
    }
    target?.release();
    this.#described = undefined;
    const info = session.rtpInfo();
    return {
      status: 200,
      headers: [["Range", "npt=0.000-"], ["RTP-Info", writeRtpInfo(info)], ...this.#sessionHeader()],
      afterwards: () => {
        if (feed !== undefined) {
          session.play(feed);
        }
      },
    };
  }

  async #inSession(request: RtspRequest, run: (session: ViewerSession) => Promise<Reply>): Promise<Reply> {
    const id = header(request, "session")?.split(";")[0]?.trim();
    return this.#session === undefined || (id !== undefined && id !== this.#session.id) ? { status: 454 } : run(this.#session);
  }

  #sessionHeader(): HeaderFields {
    return this.#session === undefined ? [] : [["Session", `${this.#session.id};timeout=${String(this.#session.mount.sessionTimeoutS)}`]];
  }
}

/** The first transport of the client's list that is offered here: unicast, by TCP or UDP. */
function chooseTransport(value: string | undefined): RtspTransport | undefined {
  return parseTransports(value ?? "").find(
    (transport) => !transport.isMulticast && !transport.isRecord && (transport.lower === "tcp" || transport.clientPorts !== undefined),
  );
}
