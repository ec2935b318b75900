import type { KindContext } from "../../contracts/kinds.ts";
import type { PacketSession, Source } from "../../contracts/source.ts";
import type { Packet, VideoTrack } from "../../domain/packet.ts";
import { mediaTimeUs, wallTimeMs } from "../../domain/time.ts";
import { VedetteError } from "../../errors.ts";
import { printable } from "../../protocols/onvif/discovery.ts";
import { query } from "../../protocols/nuuo/channels.ts";
import type { NuuoChannel, NuuoMatch } from "../../protocols/nuuo/channels.ts";
import { LiveStreamError, LiveStreamParser } from "../../protocols/nuuo/live.ts";
import { deviceError } from "../../runtime/http-exchange.ts";
import type { NuuoSourceConfig } from "./config.ts";
import { NuuoClient, SessionExpired } from "./nuuo-client.ts";
import { PictureJoiner } from "./pictures.ts";
import type { Picture } from "./pictures.ts";
import { SmoothedTimes } from "./smoothed-times.ts";

type Surroundings = Pick<KindContext, "clock" | "log">;

/** A session that expired is renewed so often without a picture in between. */
const MAX_RENEWALS = 3;
const RENEWAL_WAIT_MS = 1000;
/** A recorder's clock that is off by more is not believed. */
const MAX_CLOCK_ERROR_MS = 10_000;

/** A camera behind a NUUO recorder, Titan or Crystal. */
export class NuuoSource implements Source {
  readonly name: string;
  readonly #config: NuuoSourceConfig;
  readonly #context: Surroundings;

  constructor(config: NuuoSourceConfig, context: Surroundings) {
    this.#config = config;
    this.#context = context;
    this.name = `${clientOf(config).name}/${encodeURIComponent(config.area)}`;
  }

  async open(signal: AbortSignal): Promise<PacketSession> {
    const client = clientOf(this.#config);
    const match = this.#choose(await client.channels(signal));
    const stop = new AbortController();
    const pictures = livePictures(client, match, this.#context, stop.signal);
    const close = async (): Promise<void> => {
      stop.abort(new Error("closed"));
      await pictures.return(undefined).catch(() => undefined);
    };
    const onAbort = (): void => stop.abort(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      const first = await pictures.next();
      if (first.done === true || first.value.newTrack === undefined) {
        throw new VedetteError("E_SOURCE_BROKEN", { source: this.name, reason: "it ended before the first keyframe" });
      }
      const track = { ...first.value.newTrack, frameRate: match.profile.frameRate };
      const packets = toPackets(first.value, pictures, track, this.#context, stop.signal);
      return { delivers: "packets", isLive: true, tracks: [track], packets, durationS: undefined, [Symbol.asyncDispose]: close };
    } catch (error) {
      await close();
      signal.throwIfAborted();
      throw error;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  #choose(channels: readonly NuuoChannel[]): NuuoMatch {
    const { area, profile, codec, exact } = this.#config;
    const [match, ...more] = query(channels, { area, profile, codec, exact });
    if (match === undefined) {
      const offered = channels.slice(0, 20).map((channel) => `${printable(channel.area)} (${channel.profiles.map(({ name, codecs }) => `${name} ${codecs.join("/")}`.trim()).join(", ")})`);
      const asked = `area ${JSON.stringify(area)} with profile ${profile}${codec === undefined ? "" : ` in ${codec}`}`;
      throw new VedetteError("E_SOURCE_NO_STREAM", { source: this.name, reason: `nothing matches ${asked}; it has ${offered.length === 0 ? "no cameras" : offered.join("; ")}` });
    }
    if (more.length > 0) {
      this.#context.log.warn("several areas match, the first is taken", { area: printable(match.channel.area), others: more.length });
    }
    return match;
  }
}

/** The client for what is configured. */
export function clientOf({ host, port, user, password, model, timeoutMs }: NuuoSourceConfig): NuuoClient {
  return new NuuoClient({ host, port, user, password: password.reveal(), model, timeoutMs });
}

/** Pictures of a camera, over as many connections as sessions of the recorder last. Throws a coded error when it breaks. */
async function* livePictures(client: NuuoClient, match: NuuoMatch, { clock, log }: Surroundings, signal: AbortSignal): AsyncGenerator<Picture, undefined> {
  const joiner = new PictureJoiner(match.codec);
  let renewals = 0;
  while (true) {
    let received = 0;
    try {
      using answer = await client.live(match, signal);
      const parser = new LiveStreamParser();
      joiner.restart();
      for await (const chunk of answer.body) {
        for (const part of parser.push(chunk)) {
          const picture = part.media === "video" && part.codec === match.codec ? joiner.push(part) : undefined;
          if (picture !== undefined) {
            received++;
            renewals = 0;
            yield picture;
          }
        }
      }
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof SessionExpired)) {
        throw error instanceof LiveStreamError ? new VedetteError("E_WIRE", { where: client.name, expected: "live video", got: error.message }, { cause: error }) : cut(error, client.name);
      }
      if (++renewals > MAX_RENEWALS) {
        throw new VedetteError("E_SOURCE_BROKEN", { source: client.name, reason: `it refuses every new session (${String(MAX_RENEWALS)} tried)` }, { cause: error });
      }
      log.warn("the recorder's session has expired, logging in again", { attempt: renewals });
      await clock.sleep(RENEWAL_WAIT_MS, signal);
      await client.logIn(signal);
      continue;
    }
    // It closed: the session may have ended, which the next answer tells. One that never sends pictures is broken.
    if (received === 0) {
      throw new VedetteError("E_SOURCE_BROKEN", { source: client.name, reason: "it closed the connection without sending a picture" });
    }
  }
}

/** A connection that worked and broke is not "unreachable". */
function cut(error: unknown, source: string): VedetteError {
  const known = deviceError(error, source);
  return known.code === "E_SOURCE_UNREACHABLE" && !(error instanceof VedetteError)
    ? new VedetteError("E_SOURCE_BROKEN", { source, reason: String(known.details["reason"]) }, { cause: error })
    : known;
}

async function* toPackets(first: Picture, rest: AsyncGenerator<Picture, undefined>, track: VideoTrack, { clock }: Surroundings, signal: AbortSignal): AsyncGenerator<Packet, undefined> {
  const times = new SmoothedTimes(track.frameRate);
  const originMs = first.timeMs ?? clock.now();
  let picture: Picture | undefined = first;
  let isFirst = true;
  while (picture !== undefined) {
    const nowMs = clock.now();
    const stampMs = picture.timeMs ?? nowMs;
    const ptsUs = mediaTimeUs(times.next((stampMs - originMs) * 1000));
    const isBelievable = Math.abs(stampMs - nowMs) <= MAX_CLOCK_ERROR_MS;
    yield {
      track: 0,
      data: picture.data,
      ptsUs,
      dtsUs: ptsUs,
      durationUs: 0,
      isKeyframe: picture.isKeyframe,
      capturedAtMs: isBelievable ? wallTimeMs(stampMs) : nowMs,
      ...(picture.newTrack === undefined || isFirst ? {} : { newTrack: { ...picture.newTrack, frameRate: track.frameRate } }),
    };
    isFirst = false;
    try {
      const next: IteratorResult<Picture, undefined> = await rest.next();
      picture = next.done === true ? undefined : next.value;
    } catch (error) {
      // Closed by its owner: the end, not a failure.
      if (signal.aborted) {
        return;
      }
      throw error;
    }
  }
}
