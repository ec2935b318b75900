import { createHash } from "node:crypto";
import type { View } from "../../contracts/output.ts";

const STYLE = `
:root { color-scheme: dark; --line: #2a313c; --dim: #93a0b1; --live: #35d07f; --bad: #ff6b5e; }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: flex; flex-direction: column; background: #0f1319; color: #e8edf4;
  font: 15px/1.45 system-ui, "DejaVu Sans", sans-serif; }
header, footer { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 18px; padding: 12px 20px; }
header { border-bottom: 1px solid var(--line); }
footer { border-top: 1px solid var(--line); color: var(--dim); min-height: 48px; }
h1 { margin: 0; font-size: 17px; font-weight: 600; overflow-wrap: anywhere; }
#dot { width: 10px; height: 10px; border-radius: 50%; background: var(--bad); flex: none; }
.live #dot { background: var(--live); box-shadow: 0 0 8px var(--live); }
dl { display: flex; gap: 18px; margin: 0; }
dl div { display: flex; gap: 6px; align-items: baseline; }
dt { color: var(--dim); font-size: 13px; }
dd { margin: 0; font-variant-numeric: tabular-nums; }
nav { margin-left: auto; display: flex; gap: 8px; }
button, nav a { font: inherit; font-size: 13px; color: inherit; background: #1b212b; border: 1px solid var(--line); border-radius: 6px;
  padding: 5px 11px; cursor: pointer; text-decoration: none; }
button:hover, nav a:hover { background: #262e3a; }
button:focus-visible, nav a:focus-visible { outline: 2px solid #4aa8ff; outline-offset: 1px; }
button[aria-pressed="true"] { background: #e8edf4; color: #0f1319; }
main { flex: 1; display: grid; place-items: center; padding: 16px; min-height: 0; position: relative; }
img { width: 100%; height: calc(100vh - 140px); min-height: 200px; object-fit: contain; }
main:fullscreen { padding: 0; background: #000; }
main:fullscreen img { width: 100vw; height: 100vh; }
#content { flex: 1; display: flex; min-height: 0; }
#content main { min-width: 0; }
aside { width: 290px; flex: none; border-left: 1px solid var(--line); padding: 14px 16px; overflow-y: auto; max-height: calc(100vh - 110px); }
aside h2 { margin: 0 0 8px; font-size: 13px; font-weight: 600; color: var(--dim); text-transform: uppercase; letter-spacing: .06em; }
aside ol { list-style: none; margin: 0; padding: 0; }
aside li { padding: 7px 0; border-bottom: 1px solid #1b212b; font-size: 14px; }
aside time { color: var(--dim); font-variant-numeric: tabular-nums; margin-right: 8px; font-size: 13px; }
@media (max-width: 760px) { #content { flex-direction: column; } aside { width: auto; border-left: 0; border-top: 1px solid var(--line); } img { height: auto; } }
#lost { position: absolute; padding: 10px 18px; border-radius: 8px; background: #000c; color: #fff; }
[hidden] { display: none; }
#found span { margin-right: 14px; white-space: nowrap; color: #e8edf4; }
`;

const SCRIPT = `
const id = (name) => document.getElementById(name);
const picture = id("picture"), lost = id("lost");
let view = document.body.dataset.view, retry;
const show = () => { clearTimeout(retry); picture.src = "video_feed?view=" + view + "&t=" + Date.now(); };
const press = () => document.querySelectorAll("button[data-view]").forEach((b) => b.setAttribute("aria-pressed", String(b.dataset.view === view)));
document.querySelectorAll("button[data-view]").forEach((b) => b.addEventListener("click", () => { view = b.dataset.view; press(); show(); }));
id("full").addEventListener("click", () => document.fullscreenElement ? document.exitFullscreen() : id("main").requestFullscreen());
picture.addEventListener("error", () => { clearTimeout(retry); retry = setTimeout(show, 2000); });
let isLive = false;
const live = (now) => { if (now && !isLive) show(); isLive = now; document.body.classList.toggle("live", now); lost.hidden = now; };
const feed = new EventSource("results");
feed.addEventListener("open", () => live(true));
feed.addEventListener("error", () => live(false));
feed.addEventListener("status", (event) => {
  const status = JSON.parse(event.data);
  id("pictures").textContent = status.picturesPerSecond ? status.picturesPerSecond.toFixed(1) : "–";
  id("results").textContent = status.resultsPerSecond ? status.resultsPerSecond.toFixed(1) : "–";
  id("age").textContent = status.ageMs === null ? "–" : status.ageMs + " ms";
});
feed.addEventListener("result", (event) => {
  const result = JSON.parse(event.data), counts = new Map();
  for (const { label } of result.detections ?? []) counts.set(label, (counts.get(label) ?? 0) + 1);
  const texts = [...counts].map(([label, count]) => count + " × " + label);
  for (const { label, score } of (result.classes ?? []).slice(0, 3)) texts.push(label + " " + Math.round(score * 100) + "%");
  if (result.poses) texts.push(result.poses.length + " × pose");
  const found = id("found");
  found.replaceChildren(...texts.slice(0, 12).map((text) => Object.assign(document.createElement("span"), { textContent: text })));
  if (texts.length === 0) found.textContent = "nothing found";
});
const sentence = ({ rule, type, detection, data }) => {
  const who = detection ? detection.label + (detection.trackId === undefined ? "" : " #" + detection.trackId) : "";
  const what = type.slice(type.indexOf(".") + 1).replaceAll("_", " ");
  const more = Object.entries(data ?? {}).filter(([, value]) => typeof value !== "object").slice(0, 2).map(([key, value]) => key + " " + value).join(", ");
  return [who, what, rule].filter(Boolean).join(" ") + (more ? " (" + more + ")" : "");
};
const seen = new Set();
feed.addEventListener("rule", (message) => {
  const event = JSON.parse(message.data);
  if (seen.has(event.id)) return;
  seen.add(event.id);
  const item = document.createElement("li"), at = document.createElement("time");
  at.textContent = event.capturedAt ? new Date(event.capturedAt).toLocaleTimeString([], { hour12: false }) : "";
  item.append(at, sentence(event));
  id("events").prepend(item);
  while (id("events").childElementCount > 100) id("events").lastElementChild.remove();
  id("happened").hidden = false;
});
press();
`;

const hash = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/** What the page may load and run: itself, and nothing from anywhere else (CSP level 3). */
export const PAGE_POLICY = [
  "default-src 'none'",
  "img-src 'self' data:",
  "connect-src 'self'",
  `script-src ${hash(SCRIPT)}`,
  `style-src ${hash(STYLE)}`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'self'",
].join("; ");

/** The page that shows the live picture. Complete in itself: it needs nothing but this server. */
export function page(stream: string, view: View): string {
  const name = escapeHtml(stream);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${name} · Vedette</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
<body data-view="${view}">
<header>
  <span id="dot"></span>
  <h1>${name}</h1>
  <dl>
    <div><dt>picture</dt><dd><span id="pictures">–</span> fps</dd></div>
    <div><dt>analysed</dt><dd><span id="results">–</span> fps</dd></div>
    <div><dt>age</dt><dd id="age">–</dd></div>
  </dl>
  <nav>
    <button type="button" data-view="annotated">Annotated</button>
    <button type="button" data-view="original">Original</button>
    <button type="button" id="full">Full screen</button>
    <a href="snapshot.jpg" target="_blank">Snapshot</a>
    <a href="live">Live</a>
  </nav>
</header>
<div id="content">
<main id="main"><img id="picture" alt="Live picture of ${name}"><div id="lost" role="status">Waiting for the stream …</div></main>
<aside id="happened" hidden><h2>Events</h2><ol id="events"></ol></aside>
</div>
<footer><div id="found" aria-live="off"></div></footer>
<script>${SCRIPT}</script>
</body>
</html>
`;
}

/** Text for markup: names come from configurations. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.codePointAt(0) ?? 0};`);
}
