import { randomBytes } from "node:crypto";
import { VedetteError } from "../../errors.ts";
import { authorize, strongestChallenge } from "../../protocols/rtsp/authentication.ts";
import type { Credentials } from "../../protocols/rtsp/authentication.ts";
import {
  getCapabilities, getDeviceInformation, getProfiles, getServices, getSnapshotUri, getStreamUri, getSystemDateAndTime,
  parseDateAndTime, parseDeviceInformation, parseMediaServices, parseProfiles, parseUri,
} from "../../protocols/onvif/services.ts";
import type { MediaServices, MediaVersion, OnvifCall, OnvifProfile } from "../../protocols/onvif/services.ts";
import { parseSoap, soapEnvelope, SoapFault } from "../../protocols/onvif/soap.ts";
import { XmlError } from "../../protocols/xml/xml.ts";
import type { XmlElement } from "../../protocols/xml/xml.ts";
import { deviceError, httpExchange } from "../../runtime/http-exchange.ts";
import type { HttpAnswer } from "../../runtime/http-exchange.ts";

/** Which device, and how to talk to it. */
export interface OnvifTarget {
  readonly host: string;
  readonly port: number;
  readonly isTls: boolean;
  /** Path of the device service. */
  readonly path: string;
  readonly credentials: Credentials | undefined;
  readonly timeoutMs: number;
  readonly rejectUnauthorized: boolean;
}

/** Answers above this are refused. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/** Asks one device about its profiles and where their streams are. Holds no connection. */
export class OnvifClient {
  /** For people: without credentials. */
  readonly name: string;
  readonly #target: OnvifTarget;
  readonly #base: string;
  readonly #now: () => number;
  /** The device's clock minus ours. */
  #clockOffsetMs: number | undefined;
  #media: MediaServices | undefined;
  /** What the device calls itself: behind address translation it is not what we reach it by. */
  #ownHost: string | undefined;

  constructor(target: OnvifTarget, now: () => number) {
    const host = target.host.includes(":") ? `[${target.host}]` : target.host;
    this.name = `onvif://${host}:${String(target.port)}`;
    this.#target = target;
    this.#base = `${target.isTls ? "https" : "http"}://${host}:${String(target.port)}`;
    this.#now = now;
  }

  /** Maker, model and firmware. */
  async describe(signal: AbortSignal): Promise<string> {
    return parseDeviceInformation(await this.#ask(this.#target.path, getDeviceInformation, signal));
  }

  /** All profiles with video. */
  async profiles(signal: AbortSignal): Promise<OnvifProfile[]> {
    return this.#askMedia(getProfiles, (answer) => {
      const found = parseProfiles(answer);
      return found.length === 0 ? undefined : found;
    }, "at least one profile with video", signal);
  }

  /** RTSP address of a profile's stream, without credentials. */
  async streamUri(profile: string, signal: AbortSignal): Promise<string> {
    const uri = await this.#askMedia((version) => getStreamUri(version, profile), parseUri, "the address of a stream", signal);
    if (!/^rtsps?:\/\/[^\s/]+/i.test(uri)) {
      throw new VedetteError("E_WIRE", { where: this.name, expected: "an rtsp:// address", got: JSON.stringify(uri.slice(0, 100)) });
    }
    return this.#reachable(uri);
  }

  /** HTTP address of a profile's still picture. */
  async snapshotUri(profile: string, signal: AbortSignal): Promise<string> {
    const uri = await this.#askMedia((version) => getSnapshotUri(version, profile), parseUri, "the address of a picture", signal);
    if (!/^https?:\/\/[^\s/]+/i.test(uri)) {
      throw new VedetteError("E_WIRE", { where: this.name, expected: "an http:// address", got: JSON.stringify(uri.slice(0, 100)) });
    }
    return this.#reachable(uri);
  }

  /** A profile's still picture, as the camera sends it (JPEG). */
  async snapshot(profile: string, signal: AbortSignal): Promise<Buffer> {
    const answer = await this.#exchange(await this.snapshotUri(profile, signal), undefined, signal);
    if (answer.status !== 200 || answer.body[0] !== 0xff || answer.body[1] !== 0xd8) {
      throw new VedetteError("E_WIRE", { where: this.name, expected: "a JPEG picture", got: `status ${String(answer.status)}, ${answer.headers["content-type"] ?? "no type"}` });
    }
    return answer.body;
  }

  /** The newer media service first: it knows H.265. What it does not answer, the older one may. */
  async #askMedia<Value>(call: (version: MediaVersion) => OnvifCall, read: (answer: XmlElement | undefined) => Value | undefined, expected: string, signal: AbortSignal): Promise<Value> {
    const services = await this.#services(signal);
    let failure: VedetteError | undefined;
    for (const version of [2, 1] as const) {
      const address = services[version];
      if (address === undefined) {
        continue;
      }
      try {
        const value = read(await this.#ask(pathOf(address), call(version), signal));
        if (value !== undefined) {
          return value;
        }
      } catch (error) {
        if (!(error instanceof VedetteError) || error.code === "E_SOURCE_CREDENTIALS") {
          throw error;
        }
        failure = error;
      }
    }
    throw failure ?? new VedetteError("E_WIRE", { where: this.name, expected, got: "none" });
  }

  async #services(signal: AbortSignal): Promise<MediaServices> {
    if (this.#media !== undefined) {
      return this.#media;
    }
    let media: MediaServices = {};
    let failure: unknown;
    for (const call of [getServices, getCapabilities]) {
      try {
        media = parseMediaServices(await this.#ask(this.#target.path, call, signal));
        failure = undefined;
      } catch (error) {
        signal.throwIfAborted();
        failure = error;
        if (!(error instanceof VedetteError) || error.code !== "E_WIRE") {
          break;
        }
      }
      if (media[1] !== undefined || media[2] !== undefined) {
        break;
      }
    }
    if (failure !== undefined) {
      throw failure as Error;
    }
    const address = media[2] ?? media[1];
    if (address === undefined) {
      throw new VedetteError("E_WIRE", { where: this.name, expected: "a media service", got: "a device without one" });
    }
    this.#ownHost = URL.canParse(address) ? new URL(address).hostname : undefined;
    this.#media = media;
    return media;
  }

  /** The address with the host we reach the device by, where it names itself by another. */
  #reachable(uri: string): string {
    const [, scheme = "", host = "", rest = ""] = /^(\w+:\/\/)(?:[^/@]*@)?(\[[^\]]+\]|[^/:?#]+)(.*)$/s.exec(uri) ?? [];
    const ours = this.#target.host.includes(":") ? `[${this.#target.host}]` : this.#target.host;
    return `${scheme}${host === this.#ownHost ? ours : host}${rest}`;
  }

  /** One question to the service at `path` of the device; the answer's body. */
  async #ask(path: string, call: OnvifCall, signal: AbortSignal): Promise<XmlElement | undefined> {
    if (this.#clockOffsetMs === undefined && call !== getSystemDateAndTime) {
      await this.#readClock(signal);
    }
    const { credentials } = this.#target;
    const isSigned = credentials !== undefined && call !== getSystemDateAndTime;
    const created = new Date(this.#now() + (this.#clockOffsetMs ?? 0)).toISOString();
    const body = soapEnvelope(call.body, isSigned ? { credentials, nonce: randomBytes(16), created } : undefined);
    const answer = await this.#exchange(`${this.#base}${path}`, { action: call.action, body }, signal);
    try {
      return parseSoap(answer.body.toString("utf8"));
    } catch (error) {
      if (error instanceof SoapFault) {
        throw error.isUnauthorized
          ? new VedetteError("E_SOURCE_CREDENTIALS", { source: this.name }, { cause: error })
          : new VedetteError("E_WIRE", { where: `${this.name} ${call.action.split("/").at(-1) ?? ""}`, expected: "an answer", got: `the fault "${error.message.slice(0, 200)}"` }, { cause: error });
      }
      if (error instanceof XmlError) {
        const got = answer.status === 200 ? error.message : `status ${String(answer.status)}`;
        throw new VedetteError("E_WIRE", { where: this.name, expected: "an ONVIF answer", got }, { cause: error });
      }
      throw error;
    }
  }

  /** A device that does not tell its time is believed to have ours. */
  async #readClock(signal: AbortSignal): Promise<void> {
    this.#clockOffsetMs = 0;
    try {
      const device = parseDateAndTime(await this.#ask(this.#target.path, getSystemDateAndTime, signal));
      this.#clockOffsetMs = device === undefined ? 0 : device - this.#now();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof VedetteError) || (error.code !== "E_WIRE" && error.code !== "E_SOURCE_CREDENTIALS")) {
        throw error;
      }
    }
  }

  /** One exchange; answers HTTP's own challenges too, which some devices put before SOAP's. */
  async #exchange(url: string, request: { readonly action: string; readonly body: string } | undefined, signal: AbortSignal): Promise<HttpAnswer> {
    const { credentials, timeoutMs, rejectUnauthorized } = this.#target;
    const method = request === undefined ? "GET" : "POST";
    const send = (authorization?: string): Promise<HttpAnswer> =>
      httpExchange(
        {
          url,
          method,
          timeoutMs,
          rejectUnauthorized,
          headers: {
            ...(request === undefined ? {} : { "Content-Type": `application/soap+xml; charset=utf-8; action="${request.action}"` }),
            ...(authorization === undefined ? {} : { Authorization: authorization }),
          },
          ...(request === undefined ? {} : { body: request.body }),
        },
        MAX_ANSWER_BYTES,
        signal,
      );
    try {
      const answer = await send();
      if (answer.status !== 401) {
        return answer;
      }
      const challenge = strongestChallenge([answer.headers["www-authenticate"] ?? ""]);
      if (challenge === undefined || credentials === undefined) {
        throw new VedetteError("E_SOURCE_CREDENTIALS", { source: this.name });
      }
      const { pathname, search } = new URL(url);
      const again = await send(authorize(challenge, credentials, { method, uri: pathname + search, count: 1, cnonce: randomBytes(8).toString("hex") }));
      if (again.status === 401) {
        throw new VedetteError("E_SOURCE_CREDENTIALS", { source: this.name });
      }
      return again;
    } catch (error) {
      signal.throwIfAborted();
      throw deviceError(error, this.name);
    }
  }
}

/** Only the path of a service's address is used: host and port stay those that the user gave. */
function pathOf(address: string): string {
  return URL.canParse(address) ? new URL(address).pathname + new URL(address).search : address.startsWith("/") ? address : "/onvif/media_service";
}
