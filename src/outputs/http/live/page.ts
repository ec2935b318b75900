import { createHash } from "node:crypto";
import { escapeHtml } from "../page.ts";
import { MAIN_SCRIPT } from "./main-script.ts";
import { OVERLAY_SCRIPT } from "./overlay-script.ts";
import { PLAYERS_SCRIPT } from "./players-script.ts";
import { LIVE_STYLE } from "./style.ts";

const SCRIPT = `"use strict";\n${OVERLAY_SCRIPT}${PLAYERS_SCRIPT}${MAIN_SCRIPT}`;

const hash = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/** What the page may load and run: itself, and nothing from anywhere else (CSP level 3). */
export const LIVE_PAGE_POLICY = [
  "default-src 'none'",
  "img-src 'self' data:",
  "media-src 'self' blob:",
  "connect-src 'self'",
  `script-src ${hash(SCRIPT)}`,
  `style-src ${hash(LIVE_STYLE)}`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'self'",
].join("; ");

/** What a live page starts with. */
export interface LivePageOptions {
  /** Whether the viewer's own camera can be sent to this address (`whip`). */
  readonly takesCamera: boolean;
}

/** The live page: WebRTC where it works, else MP4 over WebSocket, else JPEGs; boxes are drawn in the browser. */
export function livePage(stream: string, { takesCamera }: LivePageOptions): string {
  const name = escapeHtml(stream);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${name} · live · Vedette</title>
<link rel="icon" href="data:,">
<style>${LIVE_STYLE}</style>
<body>
<header>
  <div class="title"><span id="dot"></span><h1>${name}</h1></div>
  <div class="controls">
    <span class="group" role="group" aria-label="View">
      <button type="button" data-view="original" title="The camera's own picture, untouched; boxes are drawn here">Original</button>
      <button type="button" data-view="annotated" title="Boxes drawn into the picture and encoded">Annotated</button>
    </span>
    <span class="group" role="group" aria-label="Transport">
      <button type="button" data-transport="auto">Auto</button>
      <button type="button" data-transport="webrtc">WebRTC</button>
      <button type="button" data-transport="mse">MSE</button>
      <button type="button" data-transport="mjpeg">MJPEG</button>
    </span>
    <button type="button" id="draw" aria-pressed="true">Boxes</button>
    <button type="button" id="full">Full screen</button>
    <button type="button" id="camera"${takesCamera ? "" : " hidden"}>Use my camera</button>
  </div>
</header>
<main>
  <div id="stage">
    <video id="video" muted autoplay playsinline></video>
    <img id="image" alt="Live picture of ${name}" hidden>
    <canvas id="boxes"></canvas>
    <div id="note" role="status">Connecting …</div>
    <video id="self" muted autoplay playsinline hidden></video>
  </div>
</main>
<footer>
  <dl>
    <div><dt>by</dt><dd id="transport">–</dd></div>
    <div><dt>picture</dt><dd><span id="fps">–</span> fps</dd></div>
    <div><dt>age</dt><dd id="age">–</dd></div>
    <div><dt>analysed</dt><dd><span id="analysed">–</span> fps</dd></div>
    <div><dt>size</dt><dd id="size">–</dd></div>
    <div><dt>rate</dt><dd id="rate">–</dd></div>
  </dl>
  <div id="found" aria-live="off"></div>
</footer>
<script>${SCRIPT}</script>
</body>
</html>
`;
}
