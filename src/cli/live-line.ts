import { shadowText } from "../pipeline/shadow.ts";
import type { StreamSnapshot } from "../pipeline/stats.ts";

/** One line about running streams: a terminal's last line, rewritten, or a plain line now and then for a pipe. */
export class LiveLine implements Disposable {
  readonly #snapshots: () => readonly StreamSnapshot[];
  readonly #out: NodeJS.WriteStream;
  readonly #timer: NodeJS.Timeout;

  constructor(snapshots: () => readonly StreamSnapshot[], out: NodeJS.WriteStream = process.stderr) {
    this.#snapshots = snapshots;
    this.#out = out;
    this.#timer = setInterval(() => this.#print(), out.isTTY ? 250 : 5000);
    this.#timer.unref();
  }

  /** Writes a whole line above the live one. */
  note(text: string): void {
    this.#clear();
    this.#out.write(`${text}\n`);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#clear();
  }

  #print(): void {
    const text = this.#snapshots().map(liveText).join("  |  ");
    if (this.#out.isTTY) {
      this.#out.write(`\r\x1b[K${text.slice(0, this.#out.columns - 1)}`);
    } else {
      this.#out.write(`${text}\n`);
    }
  }

  #clear(): void {
    if (this.#out.isTTY) {
      this.#out.write("\r\x1b[K");
    }
  }
}

/** `gate  24.9 fps in  24.9 analysed  dropped mailbox_full 12  age p95 34 ms  41 %` */
export function liveText(snapshot: StreamSnapshot): string {
  const dropped = Object.entries(snapshot.dropped).map(([reason, count]) => `${reason} ${count}`);
  return [
    snapshot.stream,
    `${snapshot.fpsIn.toFixed(1)} fps in`,
    `${snapshot.fpsAnalysed.toFixed(1)} analysed`,
    ...(dropped.length > 0 ? [`dropped ${dropped.join(", ")}`] : []),
    `age p95 ${snapshot.ageMs.p95.toFixed(0)} ms`,
    ...(snapshot.shadow === undefined ? [] : [shadowText(snapshot.shadow)]),
    ...(snapshot.progress === undefined ? [] : [`${(snapshot.progress * 100).toFixed(0)} %`]),
  ].join("  ");
}

/** The closing sentence of a run. */
export function summaryText(snapshot: StreamSnapshot): string {
  const { frames, analysed, elapsedS, ageMs, dropped, shadow } = snapshot;
  const rate = elapsedS > 0 ? analysed / elapsedS : 0;
  const drops = Object.entries(dropped).map(([reason, count]) => `${count} ${reason}`);
  return (
    `${snapshot.stream}: ${frames} frames, ${analysed} analysed in ${elapsedS.toFixed(1)} s (${rate.toFixed(1)} fps)` +
    (drops.length > 0 ? `, dropped: ${drops.join(", ")}` : "") +
    (analysed > 0 ? `, age p50 ${ageMs.p50.toFixed(0)} ms p95 ${ageMs.p95.toFixed(0)} ms` : "") +
    (shadow === undefined ? "" : `\n${snapshot.stream}: ${shadowText(shadow)}`)
  );
}
