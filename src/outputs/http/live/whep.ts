import type { Clock } from "../../../contracts/clock.ts";
import type { Logger } from "../../../contracts/log.ts";
import type { StreamTaps, View } from "../../../contracts/output.ts";
import type { IceSettings } from "../../../webrtc/ice-settings.ts";
import { OfferRefused, SessionEndpoint } from "../../../webrtc/session-endpoint.ts";
import { openViewerSession } from "../../../webrtc/viewer-session.ts";

/** What WHEP needs of the output. */
export interface WhepOptions {
  /** For viewers who do not ask with `?view=`. */
  readonly view: View;
  readonly ice: IceSettings;
  readonly maxSessions: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** The stream; undefined while it does not run. */
  readonly taps: () => Promise<StreamTaps | undefined> | undefined;
}

/** `/whep`: viewers over WebRTC. */
export function createWhep({ view, ice, maxSessions, clock, log, taps }: WhepOptions): SessionEndpoint {
  return new SessionEndpoint({
    path: "/whep",
    maxSessions,
    ice,
    clock,
    open: async (request) => {
      const wished = request.query.get("view") ?? view;
      if (wished !== "original" && wished !== "annotated") {
        throw new OfferRefused(400, "expected view=original or view=annotated");
      }
      const stream = await taps();
      if (stream === undefined) {
        throw new OfferRefused(503, "the stream does not run yet");
      }
      return openViewerSession(request, { taps: stream, view: wished, ice, clock, log });
    },
  });
}
