import { VedetteError } from "../../errors.ts";
import { isCrystal, parseDevices, parseLogin, parseServers, parseTitanTree } from "../../protocols/nuuo/channels.ts";
import type { NuuoChannel, NuuoMatch } from "../../protocols/nuuo/channels.ts";
import { NUUO_PROFILES } from "../../protocols/nuuo/channels.ts";
import { crystalLive, deviceList, login, serverList, syncOemString, titanLive, titanTree } from "../../protocols/nuuo/requests.ts";
import type { NuuoRequest } from "../../protocols/nuuo/requests.ts";
import { XmlError } from "../../protocols/xml/xml.ts";
import { deviceError, httpExchange, openHttp } from "../../runtime/http-exchange.ts";
import type { OpenAnswer } from "../../runtime/http-exchange.ts";

/** Which recorder, and as whom. */
export interface NuuoTarget {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** Left out: found out by asking. */
  readonly model?: "titan" | "crystal" | undefined;
  /** Longest wait for an answer, and longest silence of a stream. */
  readonly timeoutMs: number;
}

/** The tree of a large site is some megabytes. */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;

/** Crystal no longer knows the session. */
export class SessionExpired extends Error {
  override readonly name = "SessionExpired";
}

/** Talks to one recorder. Holds no connection; its session, if any, lives at the recorder and ends there by itself. */
export class NuuoClient {
  /** For people: without credentials. */
  readonly name: string;
  readonly #target: NuuoTarget;
  #model: "titan" | "crystal" | undefined;
  #sessionId: string | undefined;

  constructor(target: NuuoTarget) {
    this.#target = target;
    this.#model = target.model;
    this.name = `nuuo://${bracketed(target.host)}:${String(target.port)}`;
  }

  /** Every camera; logs in first where that is needed. */
  async channels(signal: AbortSignal): Promise<NuuoChannel[]> {
    this.#model ??= await this.#detect(signal);
    if (this.#model === "titan") {
      return this.#ask(titanTree, parseTitanTree, signal);
    }
    const sessionId = await this.logIn(signal);
    const servers = await this.#ask(serverList(sessionId), parseServers, signal);
    const channels: NuuoChannel[] = [];
    for (const serverId of servers) {
      channels.push(...(await this.#ask(deviceList(sessionId, serverId), (text) => parseDevices(text, serverId), signal)));
    }
    return channels;
  }

  /** Begins a session: what was the session before is forgotten. */
  async logIn(signal: AbortSignal): Promise<string> {
    const session = await this.#ask(login, (text) => parseLogin(text) ?? null, signal);
    if (session === null) {
      throw new VedetteError("E_SOURCE_CREDENTIALS", { source: this.name });
    }
    this.#sessionId = session.sessionId;
    return session.sessionId;
  }

  /** Live video of a camera that {@link channels} gave. Throws {@link SessionExpired} when logging in again may help. */
  async live({ channel, profile }: NuuoMatch, signal: AbortSignal): Promise<OpenAnswer> {
    const { port, timeoutMs } = this.#target;
    let answer: OpenAnswer;
    try {
      if (this.#model === "titan") {
        answer = await openHttp({ url: this.#url(port, titanLive(channel.cameraId, profile.name)), method: "GET", headers: this.#headers(), timeoutMs }, signal);
      } else {
        const index = Math.max(0, NUUO_PROFILES.findIndex((name) => name === profile.name));
        const { path, agent, body } = crystalLive(this.#sessionId ?? "", channel, index);
        answer = await openHttp({ url: this.#url(port + 1, path), method: "POST", headers: this.#headers(agent), body, timeoutMs }, signal);
      }
    } catch (error) {
      signal.throwIfAborted();
      throw deviceError(error, this.name);
    }
    if (answer.status === 200) {
      return answer;
    }
    answer[Symbol.dispose]();
    if (answer.status === 400 && this.#model === "crystal") {
      throw new SessionExpired("the recorder answered 400");
    }
    throw this.#refused(answer.status, "live video");
  }

  async #detect(signal: AbortSignal): Promise<"titan" | "crystal"> {
    try {
      const { body } = await this.#exchange(syncOemString, signal);
      return isCrystal(body.toString("utf8")) ? "crystal" : "titan";
    } catch (error) {
      // Titan may cut the connection at a question it does not know; what is not there at all shows at the next one.
      signal.throwIfAborted();
      if (error instanceof VedetteError && error.code !== "E_SOURCE_CREDENTIALS") {
        return "titan";
      }
      throw error;
    }
  }

  async #ask<Value>(request: NuuoRequest, read: (text: string) => Value, signal: AbortSignal): Promise<Value> {
    const { status, body } = await this.#exchange(request, signal);
    if (status !== 200) {
      throw this.#refused(status, request.path === "" ? "the device tree" : request.path);
    }
    try {
      return read(body.toString("utf8"));
    } catch (error) {
      throw error instanceof XmlError ? new VedetteError("E_WIRE", { where: this.name, expected: "a NUUO answer", got: error.message }, { cause: error }) : error;
    }
  }

  async #exchange({ path, agent, body }: NuuoRequest, signal: AbortSignal): Promise<{ status: number; body: Buffer }> {
    const { port, timeoutMs } = this.#target;
    try {
      const answer = await httpExchange({ url: this.#url(port, path), method: "POST", headers: this.#headers(agent), body, timeoutMs }, MAX_ANSWER_BYTES, signal);
      if (answer.status === 401 || answer.status === 403) {
        throw new VedetteError("E_SOURCE_CREDENTIALS", { source: this.name });
      }
      return answer;
    } catch (error) {
      signal.throwIfAborted();
      throw deviceError(error, this.name);
    }
  }

  #refused(status: number, what: string): VedetteError {
    return status === 401 || status === 403
      ? new VedetteError("E_SOURCE_CREDENTIALS", { source: this.name })
      : new VedetteError("E_SOURCE_BROKEN", { source: this.name, reason: `${what} was answered with status ${String(status)}` });
  }

  #url(port: number, path: string): string {
    return `http://${bracketed(this.#target.host)}:${String(port)}/api/${path}`;
  }

  #headers(agent: NuuoRequest["agent"] = "gSOAP/2.7"): Record<string, string> {
    const { user, password } = this.#target;
    return {
      Authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`,
      "User-Agent": agent,
      Connection: "Keep-Alive",
      "Content-Type": "text/xml; charset=utf-8",
    };
  }
}

function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
