/** The part of the live page that holds it together: choices, fallback, boxes in step, numbers. */
export const MAIN_SCRIPT = `
const id = (name) => document.getElementById(name);
const video = id("video"), image = id("image"), canvas = id("boxes"), note = id("note");
const PLAYERS = { webrtc: playWebRtc, mse: playMse, mjpeg: playJpegs };
const state = { view: "original", transport: "auto", player: undefined, attempt: undefined, camera: undefined, delayMs: 0, isRunning: false };
const chosen = new URLSearchParams(location.search);
if (["original", "annotated"].includes(chosen.get("view"))) state.view = chosen.get("view");
if (["webrtc", "mse", "mjpeg"].includes(chosen.get("transport"))) state.transport = chosen.get("transport");

function say(text, detail) {
  note.hidden = !text;
  note.replaceChildren(text ?? "");
  if (detail) note.append(Object.assign(document.createElement("small"), { textContent: detail }));
}
function press() {
  for (const button of document.querySelectorAll("button[data-view]")) button.setAttribute("aria-pressed", String(button.dataset.view === state.view));
  for (const button of document.querySelectorAll("button[data-transport]")) button.setAttribute("aria-pressed", String(button.dataset.transport === state.transport));
}

/** Plays what was chosen; by itself it tries one way after another, and again when all are closed. */
async function play() {
  state.attempt?.abort();
  state.player?.stop();
  state.player = undefined;
  const attempt = (state.attempt = new AbortController()), { signal } = attempt, { view } = state;
  document.body.classList.remove("live");
  drawResult(canvas, undefined);
  if (!state.isRunning) { say(id("camera").hidden ? "Waiting for the stream …" : "Waiting for a camera …"); return; }
  say("Connecting …");
  const again = (ms) => { const timer = setTimeout(play, ms); signal.addEventListener("abort", () => clearTimeout(timer)); };
  const onLost = (reason) => { if (!signal.aborted) { say("Connecting again …", reason); document.body.classList.remove("live"); again(1000); } };
  const reasons = [];
  for (const name of state.transport === "auto" ? ["webrtc", "mse", "mjpeg"] : [state.transport]) {
    const isImage = name === "mjpeg";
    video.hidden = isImage; image.hidden = !isImage;
    try {
      const player = await PLAYERS[name]({ video, image, view, signal, onLost });
      if (signal.aborted) { player.stop(); return; }
      state.player = player;
      state.delayMs = 0;
      meter.restart();
      document.body.classList.add("live");
      id("transport").textContent = player.name;
      say(undefined);
      return;
    } catch (error) {
      if (signal.aborted) return;
      reasons.push(error.message);
      if (error.status === 503) break; // There is no picture yet: another way would show none either.
    }
  }
  say("No picture", reasons.join(" · "));
  again(1500);
}

/** Frames shown, how old they are, and how far results lag behind them. */
const meter = {
  shown: [], ages: [], lags: [], bytes: undefined,
  restart() { this.shown = []; this.ages = []; this.lags = []; this.bytes = undefined; },
  mark(list, value) { list.push({ at: performance.now(), value }); while (list.length && list[0].at < performance.now() - 2000) list.shift(); },
  middle(list, share) { const sorted = list.map(({ value }) => value).sort((a, b) => a - b); return sorted[Math.floor(sorted.length * share)]; },
};
let clockOffsetMs = Infinity;

/** Called for every picture that is shown. */
function onFrame(now, metadata) {
  video.requestVideoFrameCallback(onFrame);
  if (!state.player) return;
  meter.mark(meter.shown, 1);
  const ptsUs = state.player.mediaTime(metadata), last = results.at(-1);
  if (ptsUs === undefined || !last) { drawResult(canvas, state.view === "original" && id("draw").ariaPressed === "true" ? last : undefined); return; }
  const found = resultAt(ptsUs);
  if (last.capturedAt && clockOffsetMs !== Infinity) {
    const shownAtMs = Date.now() + Math.max(0, metadata.expectedDisplayTime - performance.now()) - clockOffsetMs;
    meter.mark(meter.ages, shownAtMs - (Date.parse(last.capturedAt) + (ptsUs - last.ptsUs) / 1000));
  }
  meter.mark(meter.lags, (ptsUs - last.ptsUs) / 1000);
  state.shown = { ptsUs, offUs: found ? found.offUs : undefined, boxes: found?.result.detections ?? [] };
  drawResult(canvas, state.view === "original" && id("draw").ariaPressed === "true" ? found?.result : undefined);
}
video.requestVideoFrameCallback(onFrame);

/** Pictures wait, as short as possible, until the results for them are there: only then do boxes and picture agree. */
setInterval(() => {
  const late = meter.middle(meter.lags, 0.9);
  if (!state.player || late === undefined || meter.lags.length < 10) return;
  const isWanted = state.view === "original" && id("draw").ariaPressed === "true" && results.some((one) => one.detections || one.poses);
  const change = !isWanted ? -state.delayMs : late > 5 ? late + 15 : late < -80 ? -20 : 0;
  const delayMs = Math.min(600, Math.max(0, state.delayMs + change));
  if (delayMs !== state.delayMs) { state.delayMs = delayMs; state.player.delay(delayMs); meter.lags = []; }
}, 700);

setInterval(async () => {
  const show = (name, text) => { id(name).textContent = text ?? "–"; };
  const fps = meter.shown.filter(({ at }) => at > performance.now() - 1000).length;
  show("fps", fps > 0 ? fps : undefined);
  const age = meter.middle(meter.ages, 0.5);
  show("age", age === undefined ? undefined : Math.max(0, Math.round(age)) + " ms");
  show("size", video.videoWidth > 0 && !video.hidden ? video.videoWidth + " × " + video.videoHeight : undefined);
  const stats = await state.player?.stats();
  if (stats?.bytes !== undefined) {
    const before = meter.bytes;
    meter.bytes = { at: performance.now(), value: stats.bytes };
    if (before) show("rate", ((stats.bytes - before.value) * 8 / (meter.bytes.at - before.at) / 1000).toFixed(1) + " Mbit/s");
  } else show("rate", undefined);
}, 1000);

const feed = new EventSource("results");
feed.addEventListener("error", () => { state.isRunning = false; });
const noteClock = (event) => { const sent = Number(event.lastEventId); if (sent > 0) clockOffsetMs = Math.min(clockOffsetMs, Date.now() - sent); };
feed.addEventListener("result", (event) => {
  noteClock(event);
  const result = JSON.parse(event.data);
  keepResult(result);
  if (!image.hidden) drawResult(canvas, undefined);
  const counts = new Map();
  for (const { label } of result.detections ?? []) counts.set(label, (counts.get(label) ?? 0) + 1);
  id("found").replaceChildren(...[...counts].slice(0, 8).map(([label, count]) => Object.assign(document.createElement("span"), { textContent: count + " × " + label })));
});
feed.addEventListener("status", (event) => {
  noteClock(event);
  const { resultsPerSecond, isRunning } = JSON.parse(event.data);
  if (isRunning && !state.isRunning) { state.isRunning = true; void play(); }
  id("analysed").textContent = resultsPerSecond ? resultsPerSecond.toFixed(1) : "–";
});

for (const button of document.querySelectorAll("button[data-view]")) button.addEventListener("click", () => { state.view = button.dataset.view; press(); play(); });
for (const button of document.querySelectorAll("button[data-transport]")) button.addEventListener("click", () => { state.transport = button.dataset.transport; press(); play(); });
id("draw").addEventListener("click", () => { id("draw").ariaPressed = String(id("draw").ariaPressed !== "true"); });
id("full").addEventListener("click", () => document.fullscreenElement ? document.exitFullscreen() : id("stage").requestFullscreen());

id("camera").disabled = !navigator.mediaDevices;
id("camera").title = navigator.mediaDevices ? "" : "Browsers lend the camera to pages on https:// or localhost only";
function cameraOff() { state.camera?.(); state.camera = undefined; id("self").hidden = true; id("camera").classList.remove("on"); id("camera").textContent = "Use my camera"; }
id("camera").addEventListener("click", async () => {
  if (state.camera) { cameraOff(); return; }
  id("camera").disabled = true;
  try {
    state.camera = await sendCamera(id("self"), cameraOff);
    id("self").hidden = false;
    id("camera").classList.add("on");
    id("camera").textContent = "Stop my camera";
  } catch (error) { say("The camera cannot be sent", error.message); }
  id("camera").disabled = false;
});
addEventListener("pagehide", () => { state.camera?.(); state.player?.stop(); });
press();
void play();
`;
