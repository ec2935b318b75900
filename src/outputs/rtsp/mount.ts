import type { Clock } from "../../contracts/clock.ts";
import type { Logger } from "../../contracts/log.ts";
import type { StreamTaps, View } from "../../contracts/output.ts";
import type { Credentials } from "../../protocols/rtsp/authentication.ts";

/** One output's place on a server. */
export interface Mount {
  readonly path: string;
  readonly view: View;
  readonly hasMetadata: boolean;
  /** Who may look; undefined lets everybody. */
  readonly users: readonly Credentials[] | undefined;
  readonly sessionTimeoutS: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** The stream, while it runs. */
  taps: StreamTaps | undefined;
  /** Aborts when the stream ends or the output stops: every viewer is let go. */
  ended: AbortSignal;
}

/** What a request's address asks for. */
export interface Target {
  readonly path: string;
  readonly view: View | undefined;
  /** Index of a track, for SETUP of one. */
  readonly track: number | undefined;
  /** The address without a track, as the client wrote it. */
  readonly base: string;
}

/**
 * Takes a request's address apart: `rtsp://host:port/ds/trackID=0?view=original`. Clients that append the track to the
 * whole address (`/ds?view=original/trackID=0`) are understood too. Undefined when it makes no sense.
 */
export function parseTarget(uri: string): Target | undefined {
  const [, origin, rest = ""] = /^(rtsps?:\/\/[^/?#]*)?([^#]*)/i.exec(uri) ?? [];
  if (origin === undefined && !rest.startsWith("/")) {
    return undefined;
  }
  const track = /\/trackID=(\d{1,3})(?=$|[/?])/.exec(rest);
  const [path = "", query = ""] = rest.replace(/\/trackID=\d{1,3}(?=$|[/?])/, "").split(/\?(.*)/s);
  const view = new URLSearchParams(query.replace(/\/+$/, "")).get("view");
  const clean = path.replace(/\/+$/, "") || "/";
  return {
    path: safeDecode(clean),
    view: view === "original" || view === "annotated" ? view : undefined,
    track: track === null ? undefined : Number(track[1]),
    base: `${(origin ?? "").replace(/\/\/[^/@]*@/, "//")}${clean === "/" ? "" : clean}`,
  };
}

function safeDecode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    // A lone percent sign stands for itself.
    return path;
  }
}
