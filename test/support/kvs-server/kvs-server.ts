// Kinesis Video Streams as its public API reference describes it, on loopback: control plane, PutMedia, GetMedia, HLS.
// Strict: what a request or a byte stream does wrong is answered as the service would, and written down in `problems`.
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { join } from "node:path";
import { MediaChecker, Violation, type ReceivedFragment } from "./media-checker.ts";
import { signatureProblem, signedAtMs, type Identity } from "./signature.ts";
import { storedFragment } from "./stored-media.ts";

/** What the server does with a fragment instead of storing it. */
export type FragmentFault =
  /** An error acknowledgement, then the end of the connection. */
  | { readonly error: number }
  /** The connection is cut as the fragment begins, or when it has come whole and nothing was said yet. */
  | "cut-early"
  | "cut-late"
  /** Nothing is said any more, nothing is read on this connection. */
  | "silent";

/** How a request is refused before anything of it is read. */
export interface RequestFault {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A stream of the server. */
export interface ServedStream {
  status: string;
  retentionHours: number;
  readonly stored: ReceivedFragment[];
}

/** One PutMedia request. */
export interface PutRequest {
  readonly headers: IncomingMessage["headers"];
  readonly receivedAtMs: number;
  fragments: number;
  isOpen: boolean;
  cut(): void;
}

export const IDENTITY: Identity = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" };
export const REGION = "eu-central-1";
/** The environment of a client that this server knows. */
export const CLIENT_ENV = { AWS_ACCESS_KEY_ID: IDENTITY.accessKeyId, AWS_SECRET_ACCESS_KEY: IDENTITY.secretAccessKey, AWS_REGION: REGION, AWS_EC2_METADATA_DISABLED: "true" };

/** Starts with no streams. Times are those of this machine plus `clockOffsetMs`. */
export class KvsServer implements AsyncDisposable {
  readonly streams = new Map<string, ServedStream>();
  /** Everything that was not as it should be. */
  readonly problems: string[] = [];
  readonly puts: PutRequest[] = [];
  /** Calls of the control plane, in order. */
  readonly calls: string[] = [];
  /** Asked for every fragment when it begins; `index` counts all fragments that ever began. */
  fault: (fragment: ReceivedFragment, index: number) => FragmentFault | undefined = () => undefined;
  /** Taken one by one by PutMedia requests. */
  readonly requestFaults: RequestFault[] = [];
  /** Taken one by one by other requests. */
  readonly controlFaults: RequestFault[] = [];
  identity: Identity = IDENTITY;
  clockOffsetMs = 0;
  ackDelayMs = 0;
  /** Acknowledgements leave byte by byte. */
  tearsAcks = false;
  /** Connections are not accepted: as if the network were cut. */
  isDown = false;
  hlsFolder: string | undefined;
  /** Whether media is only counted: for measurements. */
  keepsFrames = true;
  receivedBytes = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #index = 0;
  #number = 91343852333181432392682062000000000000000000000n;

  private constructor() {
    this.#server = createServer({ keepAliveTimeout: 1000, requestTimeout: 0 }, (request, response) => void this.#serve(request, response));
    this.#server.on("connection", (socket) => {
      if (this.isDown) {
        socket.destroy();
        return;
      }
      this.#sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => this.#sockets.delete(socket));
    });
  }

  static async start(port = 0): Promise<KvsServer> {
    const server = new KvsServer();
    server.#server.listen(port, "127.0.0.1");
    await once(server.#server, "listening");
    return server;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  add(name: string, retentionHours = 24): ServedStream {
    const stream: ServedStream = { status: "ACTIVE", retentionHours, stored: [] };
    this.streams.set(name, stream);
    return stream;
  }

  /** Cuts everything that is open. */
  cutAll(): void {
    for (const socket of this.#sockets) {
      socket.destroy();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cutAll();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.sendDate = false;
    response.setHeader("Date", new Date(Date.now() + this.clockOffsetMs).toUTCString());
    request.on("error", () => undefined);
    response.on("error", () => undefined);
    const path = new URL(request.url ?? "/", "http://x").pathname;
    if (path.startsWith("/hls/") && this.hlsFolder !== undefined) {
      response.end(readFileSync(join(this.hlsFolder, path.slice("/hls/".length).replaceAll("/", ""))));
      return;
    }
    if (path === "/putMedia") {
      this.#put(request, response);
      return;
    }
    const parts: Buffer[] = [];
    for await (const part of request) {
      parts.push(part as Buffer);
    }
    this.#control(path, Buffer.concat(parts), request, response);
  }

  #control(path: string, body: Buffer, request: IncomingMessage, response: ServerResponse): void {
    this.calls.push(path);
    const fault = this.controlFaults.shift();
    if (fault !== undefined) {
      refuse(response, fault);
      return;
    }
    const denied = this.#denied(request, body, []);
    if (denied !== undefined) {
      refuse(response, denied);
      return;
    }
    const fields = JSON.parse(body.toString()) as { StreamName?: string; DataRetentionInHours?: number; APIName?: string; StartSelector?: StartSelector };
    const name = fields.StreamName ?? "";
    if (path === "/createStream") {
      this.add(name, fields.DataRetentionInHours);
      json(response, { StreamARN: `arn:aws:kinesisvideo:${REGION}:111122223333:stream/${name}/1` });
      return;
    }
    const stream = this.streams.get(name);
    if (stream === undefined) {
      refuse(response, { status: 404, headers: { "x-amzn-ErrorType": "ResourceNotFoundException" }, body: JSON.stringify({ Message: `The requested stream is not found or not active.` }) });
    } else if (path === "/describeStream") {
      json(response, { StreamInfo: { StreamName: name, StreamARN: `arn:aws:kinesisvideo:${REGION}:111122223333:stream/${name}/1`, Status: stream.status, DataRetentionInHours: stream.retentionHours, MediaType: "video/h264", Version: "v" } });
    } else if (path === "/getDataEndpoint") {
      json(response, { DataEndpoint: this.endpoint });
    } else if (path === "/getHLSStreamingSessionURL") {
      json(response, { HLSStreamingSessionURL: `${this.endpoint}/hls/stream.m3u8?SessionToken=hidden` });
    } else if (path === "/getMedia") {
      this.#get(stream, fields.StartSelector, response);
    } else {
      refuse(response, { status: 404 });
    }
  }

  /** Stored fragments from the start that was asked for, then the end. */
  #get(stream: ServedStream, selector: StartSelector | undefined, response: ServerResponse): void {
    const { StartSelectorType: type, ContinuationToken: token, StartTimestamp: start } = selector ?? {};
    if (type === undefined) {
      this.problems.push("getMedia without a start selector");
    }
    response.writeHead(200, { "content-type": "video/x-matroska" });
    const from = type === "CONTINUATION_TOKEN" ? Number(token) + 1 : type?.endsWith("_TIMESTAMP") === true ? Number(start) * 1000 : 0;
    for (const fragment of stream.stored.filter(({ timecodeMs }) => timecodeMs >= from)) {
      response.write(storedFragment(fragment));
    }
    response.end();
  }

  #denied(request: IncomingMessage, body: Buffer | "", mustSign: readonly string[]): RequestFault | undefined {
    const nowMs = Date.now() + this.clockOffsetMs;
    if (Math.abs(signedAtMs(request) - nowMs) > 5 * 60_000) {
      return { status: 403, headers: { "x-amzn-ErrorType": "InvalidSignatureException" }, body: JSON.stringify({ message: `Signature expired: ${String(request.headers["x-amz-date"])} is now earlier than …` }) };
    }
    const problem = signatureProblem(request, body, this.identity, { region: REGION, mustSign });
    if (problem === undefined) {
      return undefined;
    }
    this.problems.push(`${String(request.url)}: ${problem}`);
    return { status: 403, headers: { "x-amzn-ErrorType": "InvalidSignatureException" }, body: JSON.stringify({ message: problem }) };
  }

  #put(request: IncomingMessage, response: ServerResponse): void {
    const fault = this.requestFaults.shift();
    const { headers } = request;
    const put: PutRequest = { headers, receivedAtMs: Date.now(), fragments: 0, isOpen: true, cut: () => request.socket.destroy() };
    this.puts.push(put);
    request.on("close", () => {
      put.isOpen = false;
    });
    for (const problem of headerProblems(headers)) {
      this.problems.push(problem);
    }
    const denied = fault ?? this.#denied(request, "", ["x-amzn-stream-name", "x-amzn-producer-start-timestamp", "x-amzn-fragment-acknowledgment-required", "x-amzn-fragment-timecode-type"]);
    const stream = this.streams.get(String(headers["x-amzn-stream-name"]));
    if (denied !== undefined || stream === undefined) {
      refuse(response, denied ?? { status: 404, headers: { "x-amzn-ErrorType": "ResourceNotFoundException" }, body: "{}" });
      return;
    }
    response.writeHead(200, { "content-type": "application/json" });
    response.flushHeaders();
    new Receiver(this, stream, put, request, response).start();
  }

  /** The next fragment's place in the order of all, and its number. */
  next(): { readonly index: number; readonly number: string } {
    this.#number += 1n;
    return { index: this.#index++, number: String(this.#number) };
  }
}

interface StartSelector {
  readonly StartSelectorType?: string;
  readonly ContinuationToken?: string;
  readonly StartTimestamp?: number;
}

/** One PutMedia connection. */
class Receiver {
  readonly #server: KvsServer;
  readonly #stream: ServedStream;
  readonly #put: PutRequest;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #numbers = new Map<ReceivedFragment, string>();
  readonly #faults = new Map<ReceivedFragment, FragmentFault>();
  #isOver = false;
  #startMs = 0;

  constructor(server: KvsServer, stream: ServedStream, put: PutRequest, request: IncomingMessage, response: ServerResponse) {
    this.#server = server;
    this.#stream = stream;
    this.#put = put;
    this.#request = request;
    this.#response = response;
  }

  start(): void {
    this.#startMs = Number(this.#request.headers["x-amzn-producer-start-timestamp"]) * 1000;
    const checker = new MediaChecker({ began: (fragment) => this.#began(fragment), ended: (fragment) => this.#ended(fragment) });
    this.#request.on("data", (bytes: Buffer) => {
      this.#server.receivedBytes += bytes.length;
      this.#guard(() => {
        if (!this.#isOver) {
          checker.push(bytes);
        }
      });
    });
    this.#request.on("end", () => {
      this.#guard(() => {
        if (!this.#isOver) {
          checker.finish();
          this.#isOver = true;
          setTimeout(() => this.#response.end(), this.#server.ackDelayMs);
        }
      });
    });
  }

  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof Violation)) {
        throw error;
      }
      this.#server.problems.push(error.message);
      this.#fail(undefined, error.errorId);
    }
  }

  #began(fragment: ReceivedFragment): void {
    if (this.#put.fragments++ === 0 && Math.abs(fragment.timecodeMs - this.#startMs) > 1) {
      this.#server.problems.push(`the producer's start is ${this.#startMs}, the first fragment's ${fragment.timecodeMs}`);
    }
    const { index, number } = this.#server.next();
    this.#numbers.set(fragment, number);
    const fault = this.#server.fault(fragment, index);
    if (fault === undefined) {
      this.#say({ EventType: "BUFFERING", FragmentTimecode: fragment.timecodeMs, FragmentNumber: number });
    } else if (fault === "cut-early") {
      this.#isOver = true;
      this.#put.cut();
    } else if (fault === "silent") {
      this.#isOver = true;
      this.#request.pause();
    } else {
      this.#faults.set(fragment, fault);
    }
  }

  #ended(fragment: ReceivedFragment): void {
    const fault = this.#faults.get(fragment);
    const number = this.#numbers.get(fragment) ?? "";
    if (fault === "cut-late") {
      this.#isOver = true;
      this.#put.cut();
      return;
    }
    if (typeof fault === "object") {
      this.#fail(fragment, fault.error);
      return;
    }
    if (!this.#server.keepsFrames) {
      fragment.frames.length = 0;
    }
    if (this.#stream.retentionHours > 0) {
      this.#stream.stored.push(fragment);
    }
    const about = { FragmentTimecode: fragment.timecodeMs, FragmentNumber: number };
    this.#say({ EventType: "RECEIVED", ...about });
    if (this.#stream.retentionHours > 0) {
      this.#say({ EventType: "PERSISTED", ...about });
    }
  }

  #fail(fragment: ReceivedFragment | undefined, id: number): void {
    this.#isOver = true;
    this.#say({ EventType: "ERROR", ...(fragment === undefined ? {} : { FragmentTimecode: fragment.timecodeMs, FragmentNumber: this.#numbers.get(fragment) }), ErrorId: id, ErrorCode: `ERROR_${id}` });
    setTimeout(() => this.#response.end(), this.#server.ackDelayMs);
  }

  #say(ack: object): void {
    const line = Buffer.from(`${JSON.stringify(ack)}\n`);
    const send = (): void => {
      if (!this.#server.tearsAcks) {
        this.#response.write(line);
        return;
      }
      for (const byte of line) {
        this.#response.write(Buffer.of(byte));
      }
    };
    if (this.#server.ackDelayMs > 0) {
      setTimeout(send, this.#server.ackDelayMs);
    } else {
      send();
    }
  }
}

function* headerProblems(headers: IncomingMessage["headers"]): Generator<string> {
  const expected: Record<string, RegExp> = {
    "x-amzn-producer-start-timestamp": /^\d{10}\.\d{3}$/,
    "x-amzn-fragment-acknowledgment-required": /^1$/,
    "x-amzn-fragment-timecode-type": /^ABSOLUTE$/,
    "transfer-encoding": /^chunked$/,
    connection: /^keep-alive$/i,
    "user-agent": /./,
    "content-type": /./,
  };
  for (const [name, pattern] of Object.entries(expected)) {
    if (!pattern.test(String(headers[name] ?? ""))) {
      yield `header ${name} is ${String(headers[name])}`;
    }
  }
  const named = ["x-amzn-stream-name", "x-amzn-stream-arn"].filter((name) => headers[name] !== undefined);
  if (named.length !== 1) {
    yield `the stream is named ${named.length} times`;
  }
  if (headers["content-length"] !== undefined) {
    yield "a content-length";
  }
}

function json(response: ServerResponse, body: object): void {
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

function refuse(response: ServerResponse, fault: RequestFault): void {
  response.writeHead(fault.status, { "content-type": "application/json", connection: "close", ...fault.headers });
  response.end(fault.body ?? "");
}
