/**
 * The part of the live page that keeps results and draws them: each displayed picture gets the boxes of its own media
 * time, from its own result or between those before and after it.
 */
export const OVERLAY_SCRIPT = `
const KEEP_US = 6e6, HOLD_US = 1e6, SAME_US = 2000;
const results = [];
/** Results come in order; a stream that starts over brings smaller times. */
function keepResult(result) {
  const last = results.at(-1);
  if (last && result.ptsUs < last.ptsUs) results.length = 0;
  results.push(result);
  while (results[0].ptsUs < result.ptsUs - KEEP_US) results.shift();
}
/** Media time of an RTP timestamp, which counts 90 kHz in 32 bits: the one nearest to what is known. */
function mediaTimeOf(rtpTimestamp) {
  const last = results.at(-1);
  if (!last) return undefined;
  const known = Number(BigInt.asUintN(32, BigInt(Math.round(last.ptsUs * 0.09))));
  return last.ptsUs + ((rtpTimestamp - known) | 0) / 0.09;
}
/** What to draw on the picture of this media time, and how far its result is from it. */
function resultAt(ptsUs) {
  let at = results.length - 1;
  while (at >= 0 && results[at].ptsUs > ptsUs + SAME_US) at--;
  const before = results[at], after = results[at + 1];
  if (!before) return undefined;
  if (Math.abs(before.ptsUs - ptsUs) <= SAME_US) return { result: before, offUs: 0 };
  if (after && after.ptsUs - before.ptsUs < HOLD_US) return { result: between(before, after, (ptsUs - before.ptsUs) / (after.ptsUs - before.ptsUs)), offUs: 0 };
  return ptsUs - before.ptsUs < HOLD_US ? { result: before, offUs: ptsUs - before.ptsUs } : undefined;
}
/** Boxes on their way from one result to the next: same identity, or same label and nearest. */
function between(before, after, share) {
  const left = [...(after.detections ?? [])];
  const detections = (before.detections ?? []).map((one) => {
    const at = left.findIndex((other) => one.trackId !== undefined ? other.trackId === one.trackId : other.label === one.label && overlap(one.box, other.box) > 0.2);
    if (at < 0) return one;
    const [other] = left.splice(at, 1);
    return { ...one, box: one.box.map((value, i) => value + (other.box[i] - value) * share) };
  });
  return { ...before, detections };
}
function overlap(a, b) {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]), height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  if (width <= 0 || height <= 0) return 0;
  const area = (box) => (box[2] - box[0]) * (box[3] - box[1]);
  return (width * height) / (area(a) + area(b) - width * height);
}
const COLORS = ["#4aa8ff", "#ffb454", "#35d07f", "#ff6b8b", "#b78cff", "#4de3e3", "#ffe066", "#ff8f5a"];
const colorOf = (one) => COLORS[Math.abs((one.trackId ?? one.classId ?? 0) | 0) % COLORS.length];
/** Draws in source pixels, over the picture as it lies in its element. */
function drawResult(canvas, result) {
  const ratio = devicePixelRatio || 1, width = Math.round(canvas.clientWidth * ratio), height = Math.round(canvas.clientHeight * ratio);
  if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
  const pen = canvas.getContext("2d");
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.clearRect(0, 0, width, height);
  if (!result || !result.width) return;
  const scale = Math.min(width / result.width, height / result.height);
  const left = (width - result.width * scale) / 2, top = (height - result.height * scale) / 2;
  const x = (value) => left + value * scale, y = (value) => top + value * scale;
  const size = Math.max(11 * ratio, Math.min(16 * ratio, height / 36));
  pen.font = "600 " + size + "px system-ui, sans-serif";
  pen.textBaseline = "middle";
  pen.lineJoin = "round";
  for (const one of result.detections ?? []) {
    const [x1, y1, x2, y2] = one.box, color = colorOf(one);
    pen.lineWidth = Math.max(2, 2 * ratio);
    pen.strokeStyle = color;
    pen.strokeRect(x(x1), y(y1), (x2 - x1) * scale, (y2 - y1) * scale);
    label(pen, (one.trackId === undefined ? "" : "#" + one.trackId + " ") + one.label + " " + Math.round(one.score * 100) + "%", x(x1) - pen.lineWidth / 2, y(y1), size, color);
    points(pen, one.keypoints, x, y, color, ratio);
  }
  for (const pose of result.poses ?? []) points(pen, pose.keypoints, x, y, "#35d07f", ratio);
  (result.classes ?? []).slice(0, 3).forEach((one, at) => label(pen, one.label + " " + Math.round(one.score * 100) + "%", left + 10 * ratio, top + (at + 1.2) * size * 1.9, size, "#e9eff7"));
}
function label(pen, text, left, bottom, size, color) {
  const width = pen.measureText(text).width + size * 0.8, height = size * 1.5, top = Math.max(0, bottom - height);
  pen.fillStyle = color;
  pen.beginPath(); pen.roundRect(left, top, width, height, [size * 0.3, size * 0.3, size * 0.3, 0]); pen.fill();
  pen.fillStyle = "#06101a";
  pen.fillText(text, left + size * 0.4, top + height / 2);
}
function points(pen, keypoints, x, y, color, ratio) {
  pen.fillStyle = color;
  for (const point of keypoints ?? []) if (point.score > 0.3) { pen.beginPath(); pen.arc(x(point.x), y(point.y), 3 * ratio, 0, 7); pen.fill(); }
}
`;
