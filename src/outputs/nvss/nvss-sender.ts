import { readFile } from "node:fs/promises";
import { sendFrames } from "./frame-sender.ts";
import { VedetteError } from "../../errors.ts";
import { encodeFrame } from "../../protocols/nvss/framing.ts";
import { webcamClient } from "../../protocols/nvss/lines.ts";
import { encodeToken } from "../../protocols/nvss/token.ts";
import { formatAddress } from "../../runtime/listen.ts";
import { connectTcp } from "../../runtime/tcp.ts";
import type { NvssOutputConfig } from "./nvss-server.ts";
import type { KindContext } from "../../contracts/kinds.ts";
import type { Output, StreamTaps } from "../../contracts/output.ts";

const CONNECT_TIMEOUT_MS = 5000;
/** Pauses between attempts: doubled from the first to the last. */
const RETRY_MS = { first: 250, last: 5000 } as const;

/** Sends frames to a receiving server: what NVSS's WebcamClient was, but it connects again when the server comes back. */
export class NvssSender implements Output {
  readonly #config: NvssOutputConfig;
  readonly #context: KindContext;
  readonly #closing = new AbortController();

  constructor(config: NvssOutputConfig, context: KindContext) {
    this.#config = config;
    this.#context = context;
  }

  get name(): string {
    return `nvss-connect://${formatAddress(this.#config)}`;
  }

  /** Connecting is left to `run`: a server that is not up yet is waited for. */
  open(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    return Promise.resolve();
  }

  async run(taps: StreamTaps, signal: AbortSignal): Promise<void> {
    const ended = new AbortController();
    const until = AbortSignal.any([signal, this.#closing.signal, ended.signal]);
    const watching = this.#watchEnd(taps, ended, until);
    const isOver = (): boolean => until.aborted;
    let pauseMs: number = RETRY_MS.first;
    while (!isOver()) {
      try {
        await this.#connectAndSend(taps, until);
        pauseMs = RETRY_MS.first;
      } catch (error) {
        if (!isOver()) {
          this.#context.log.warn(`${webcamClient.skippedSend}: ${error instanceof VedetteError ? error.message : String(error)}`);
        }
      }
      await this.#context.clock.sleep(pauseMs, until).catch(() => undefined);
      pauseMs = Math.min(pauseMs * 2, RETRY_MS.last);
    }
    await watching;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    return Promise.resolve();
  }

  /** The end of the results is the stream's end: then nobody needs another connection. */
  async #watchEnd(taps: StreamTaps, ended: AbortController, until: AbortSignal): Promise<void> {
    for await (const _ of taps.results({ whenSlow: "skip", capacity: 1, signal: until })) {
      continue;
    }
    ended.abort();
  }

  async #connectAndSend(taps: StreamTaps, signal: AbortSignal): Promise<void> {
    const { host, port, tls, token, view, quality, maxRate, queue } = this.#config;
    const { clock, log } = this.#context;
    const security = tls === undefined ? undefined : { rejectUnauthorized: true, ca: tls.ca === undefined ? undefined : await readFile(tls.ca, "utf8") };
    const socket = await connectTcp({ host, port, tls: security, timeoutMs: CONNECT_TIMEOUT_MS }, signal);
    if (token !== undefined) {
      socket.write(encodeFrame(encodeToken(token)));
    }
    const line = (fps: number, bytesPerS: number, budget: number, used: number): string => webcamClient.sending(fps, fps, bytesPerS, budget, used);
    await sendFrames(taps, socket, { view, quality, maxRate, queue, clock, log, line }, signal);
  }
}
