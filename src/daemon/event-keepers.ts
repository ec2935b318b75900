import { resolve } from "node:path";
import { ClipRecorder } from "../clips/clip-recorder.ts";
import { EventKeeper } from "../events/event-keeper.ts";
import { EventStore } from "../events/event-store.ts";
import { toVedetteError } from "../errors.ts";
import type { StreamConfig } from "../config/schema.ts";
import type { Clock } from "../contracts/clock.ts";
import type { KindContext } from "../contracts/kinds.ts";
import type { Logger } from "../contracts/log.ts";
import type { Output } from "../contracts/output.ts";
import type { Retention } from "../events/event-store.ts";

/** What all streams of a process share about events: the store, opened when the first stream needs it. */
export class EventKeepers implements Disposable {
  readonly #options: { readonly dataDir: string; readonly clock: Clock; readonly log: Logger; readonly eventRetention?: Retention };
  #store: EventStore | undefined;
  #isUnwritable = false;

  constructor(options: { readonly dataDir: string; readonly clock: Clock; readonly log: Logger; readonly eventRetention?: Retention }) {
    this.#options = options;
  }

  /** What keeps events and clips of one stream; nothing for a stream without rules. */
  of({ rules, events }: StreamConfig, { stream, log, clock, baseDir }: KindContext): readonly Output[] {
    if (rules.length === 0) {
      return [];
    }
    const store = events.keep ? this.#open() : undefined;
    const { snapshot, snapshotQuality, clips } = events;
    return [
      ...(store === undefined ? [] : [new EventKeeper({ store, snapshot: snapshot === "none" ? undefined : snapshot, quality: snapshotQuality, log })]),
      ...(clips === undefined
        ? []
        : [
            new ClipRecorder({
              ...clips,
              folder: resolve(baseDir, clips.folder),
              stream,
              retention: { maxAgeMs: clips.maxAgeH === undefined ? undefined : clips.maxAgeH * 3_600_000, maxBytes: clips.maxBytes },
              clock,
              log,
              onClip: (ids, path) => {
                ids.forEach((id) => store?.attachClip(id, path));
                log.info("a clip is complete", { file: path, events: ids.length });
              },
            }),
          ]),
    ];
  }

  [Symbol.dispose](): void {
    this.#store?.[Symbol.dispose]();
    this.#store = undefined;
  }

  /** A machine whose disk takes nothing still watches: that is said once. */
  #open(): EventStore | undefined {
    const { dataDir, clock, log, eventRetention } = this.#options;
    if (this.#store === undefined && !this.#isUnwritable) {
      try {
        this.#store = new EventStore({ dataDir, clock, log, ...(eventRetention === undefined ? {} : { retention: eventRetention }) });
      } catch (error) {
        this.#isUnwritable = true;
        log.warn(`events are not kept: ${toVedetteError(error).message}`);
      }
    }
    return this.#store;
  }
}
