import type { DownloadProgress } from "../models/download.ts";

/** Progress of a download: a terminal's last line, rewritten; for a pipe one line per tenth. */
export class DownloadLine implements Disposable {
  readonly #out: NodeJS.WriteStream;
  #shownPercent = -1;
  #startedMs = Date.now();

  constructor(out: NodeJS.WriteStream = process.stderr) {
    this.#out = out;
  }

  show({ name, receivedBytes, totalBytes }: DownloadProgress): void {
    const percent = Math.floor((receivedBytes / Math.max(1, totalBytes)) * 100);
    const step = this.#out.isTTY ? 1 : 10;
    if (percent < this.#shownPercent + step && percent !== 100) {
      return;
    }
    this.#shownPercent = percent;
    const seconds = Math.max(0.001, (Date.now() - this.#startedMs) / 1000);
    const text = `${name}  ${percent} %  ${(receivedBytes / 1e6).toFixed(1)} of ${(totalBytes / 1e6).toFixed(1)} MB  ${(receivedBytes / 1e6 / seconds).toFixed(1)} MB/s`;
    this.#out.write(this.#out.isTTY ? `\r\x1b[K${text}` : `${text}\n`);
  }

  /** Replaces the line by its outcome. */
  done(text: string): void {
    this[Symbol.dispose]();
    this.#out.write(`${text}\n`);
  }

  [Symbol.dispose](): void {
    if (this.#out.isTTY) {
      this.#out.write("\r\x1b[K");
    }
  }
}
