/**
 * The part of the live page that plays: WebRTC, MP4 over WebSocket, or plain JPEGs. Each player is
 * `{ stop(), delay(ms), mediaTime(metadata), stats() }`; starting one rejects when it cannot show a picture.
 */
export const PLAYERS_SCRIPT = `
const FIRST_PICTURE_MS = 6000;
class Refused extends Error { constructor(status, text) { super(text); this.status = status; } }
const firstPicture = (video, signal) => new Promise((resolve, reject) => {
  const timer = setTimeout(() => reject(new Error("no picture came")), FIRST_PICTURE_MS);
  signal.addEventListener("abort", () => { clearTimeout(timer); reject(signal.reason); }, { once: true });
  video.requestVideoFrameCallback(() => { clearTimeout(timer); resolve(); });
});
/** Sends an offer; gives the connection's address, for taking leave. */
async function negotiate(connection, path, headers, signal) {
  await connection.setLocalDescription(await connection.createOffer());
  const answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/sdp", ...headers }, body: connection.localDescription.sdp, signal });
  const text = await answer.text();
  if (answer.status !== 201) throw new Refused(answer.status, text.trim());
  const session = new URL(answer.headers.get("Location"), location.href).href, etag = answer.headers.get("ETag");
  connection.onicecandidate = ({ candidate }) => {
    if (!candidate || !candidate.candidate) return;
    const body = "a=ice-ufrag:" + candidate.usernameFragment + "\\r\\na=mid:" + candidate.sdpMid + "\\r\\na=" + candidate.candidate + "\\r\\n";
    fetch(session, { method: "PATCH", headers: { "Content-Type": "application/trickle-ice-sdpfrag", "If-Match": etag, ...headers }, body }).catch(() => {});
  };
  await connection.setRemoteDescription({ type: "answer", sdp: text });
  return () => fetch(session, { method: "DELETE", headers, keepalive: true }).catch(() => {});
}
async function playWebRtc({ video, view, signal, onLost }) {
  const connection = new RTCPeerConnection();
  let leave = () => {};
  const stop = () => { connection.onconnectionstatechange = null; connection.close(); leave(); video.srcObject = null; };
  try {
    const { receiver } = connection.addTransceiver("video", { direction: "recvonly" });
    connection.ontrack = ({ track }) => { video.srcObject = new MediaStream([track]); video.play().catch(() => {}); };
    leave = await negotiate(connection, "whep?view=" + view, {}, signal);
    await firstPicture(video, signal);
    connection.onconnectionstatechange = () => { if (["failed", "closed", "disconnected"].includes(connection.connectionState)) onLost("the connection was lost"); };
    return {
      name: "WebRTC", stop,
      delay: (ms) => { if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = ms; },
      mediaTime: (metadata) => metadata.rtpTimestamp === undefined ? undefined : mediaTimeOf(metadata.rtpTimestamp),
      stats: async () => {
        for (const report of (await receiver.getStats()).values()) if (report.type === "inbound-rtp") return { bytes: report.bytesReceived, lost: report.packetsLost };
        return {};
      },
    };
  } catch (error) { stop(); throw error; }
}
async function playMse({ video, view, signal, onLost }) {
  const Source = window.ManagedMediaSource ?? window.MediaSource;
  if (!Source) throw new Error("this browser has no Media Source Extensions");
  const source = new Source(), queue = [];
  let buffer, offsetUs = 0, tailS = 0, bytes = 0, delayMs = 0, isOver = false, refused = "";
  video.disableRemotePlayback = true;
  video.src = URL.createObjectURL(source);
  const socket = new WebSocket(location.href.replace(/^http/, "ws").replace(/[^/]*$/, "") + "mse?view=" + view);
  socket.binaryType = "arraybuffer";
  const stop = () => { isOver = true; socket.onclose = null; socket.close(); URL.revokeObjectURL(video.src); video.removeAttribute("src"); video.load(); };
  const feed = () => {
    if (isOver || !buffer || buffer.updating || source.readyState !== "open") return;
    try {
      const range = buffer.buffered;
      if (range.length && video.currentTime - range.start(0) > 20) return buffer.remove(0, video.currentTime - 8);
      if (queue.length) buffer.appendBuffer(queue.shift());
    } catch (error) { onLost(String(error)); }
  };
  /** Stays right behind the newest picture: a little faster or slower, a jump when far off. */
  const follow = () => {
    const range = video.buffered;
    if (isOver || !range.length) return;
    const end = range.end(range.length - 1) - tailS, behind = end - video.currentTime, wanted = 0.06 + delayMs / 1000;
    if (behind > wanted + 0.5 || behind < -0.15) video.currentTime = Math.max(range.start(range.length - 1), end - wanted);
    else video.playbackRate = behind > wanted + 0.05 ? 1.08 : behind < wanted - 0.04 ? 0.92 : 1;
    if (video.paused) video.play().catch(() => {});
  };
  const opened = new Promise((resolve) => source.addEventListener("sourceopen", resolve, { once: true }));
  socket.onmessage = async ({ data }) => {
    if (typeof data === "string") {
      const start = JSON.parse(data), type = "video/mp4; codecs=\\"" + start.codec + "\\"";
      offsetUs = start.offsetUs;
      tailS = start.tailUs / 1e6;
      await opened;
      if (isOver) return;
      if (!Source.isTypeSupported(type)) { refused = "this browser cannot play " + type; socket.close(); return; }
      if (buffer) buffer.changeType(type); else { buffer = source.addSourceBuffer(type); buffer.addEventListener("updateend", () => { follow(); feed(); }); }
    } else { bytes += data.byteLength; queue.push(data); if (queue.length > 900) onLost("the browser is too slow"); }
    feed();
  };
  try {
    await Promise.race([firstPicture(video, signal), new Promise((_, reject) => { socket.onclose = (event) => reject(new Refused(event.code === 4006 ? 406 : 503, refused || event.reason || "the WebSocket was closed")); })]);
    socket.onclose = () => onLost("the stream has ended");
    return { name: "MSE", stop, delay: (ms) => { delayMs = ms; }, mediaTime: (metadata) => Math.round(metadata.mediaTime * 1e6) - offsetUs, stats: async () => ({ bytes }) };
  } catch (error) { stop(); throw error; }
}
async function playJpegs({ image, view, signal, onLost }) {
  const stop = () => { image.onerror = null; image.removeAttribute("src"); };
  await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("no picture came")), FIRST_PICTURE_MS);
    signal.addEventListener("abort", () => { clearTimeout(timer); reject(signal.reason); }, { once: true });
    image.onload = () => { clearTimeout(timer); resolve(); };
    image.onerror = () => { clearTimeout(timer); reject(new Error("the pictures cannot be loaded")); };
    image.src = "video_feed?view=" + view + "&t=" + Date.now();
  }).catch((error) => { stop(); throw error; });
  image.onerror = () => onLost("the stream has ended");
  return { name: "MJPEG", stop, delay: () => {}, mediaTime: () => undefined, stats: async () => ({}) };
}
/** Sends this machine's camera; gives what ends it. Asks for the token where one is wanted. */
async function sendCamera(preview, onLost) {
  const media = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } } });
  const connection = new RTCPeerConnection();
  let leave = () => {};
  const stop = () => { connection.onconnectionstatechange = null; connection.close(); leave(); media.getTracks().forEach((track) => track.stop()); preview.srcObject = null; };
  try {
    const transceiver = connection.addTransceiver(media.getVideoTracks()[0], { direction: "sendonly", streams: [media] });
    const capabilities = RTCRtpSender.getCapabilities?.("video")?.codecs ?? [];
    const rank = (codec) => codec.mimeType === "video/H264" ? 0 : codec.mimeType === "video/VP8" ? 1 : 2;
    transceiver.setCodecPreferences?.([...capabilities].sort((a, b) => rank(a) - rank(b)));
    for (let token = ""; ;) {
      try { leave = await negotiate(connection, "whip", token ? { Authorization: "Bearer " + token } : {}); break; }
      catch (error) {
        if (error.status !== 401 || !(token = prompt("Token for sending a camera") ?? "")) throw error;
      }
    }
    preview.srcObject = media;
    connection.onconnectionstatechange = () => { if (["failed", "closed", "disconnected"].includes(connection.connectionState)) onLost(); };
    return stop;
  } catch (error) { stop(); throw error; }
}
`;
