/** NVSS's lines, character for character: scripts read them. Rates in frames and bytes a second. */

const MIB = 2 ** 20;

const fixed = (value: number): string => (value === Infinity ? "inf" : value.toFixed(2));
const peer = (address: string, port: number): string => `('${address}', ${port})`;

/** What the receiving server says (port 8089). */
export const webcamServer = {
  waiting: "webcam server: waiting for connections",
  listening: (address: string, port: number): string => `webcam server: listening to client ${peer(address, port)}`,
  reading: (fps: number, bytesPerS: number): string => `webcam server reading data: ${fixed(fps)} FPS \t  ${fixed(bytesPerS / MIB)} MiB/s`,
  skippedFull: "webcam server: skipped frame (queue full)",
  skippedDecode: "webcam server: skipped frame (jpeg decode error)",
} as const;

/** What the sending server says (port 8090). */
export const streamServer = {
  waiting: "stream server: waiting for connections ",
  listening: (address: string, port: number): string => `stream server: listening to client ${peer(address, port)}`,
  sending: (fps: number, bytesPerS: number, budget: number, quality: number): string =>
    `stream server sending data: ${fixed(fps)} FPS \t ${" ".repeat(31)}${fixed(bytesPerS / MIB)}/${fixed(budget / MIB)} MiB/s \t ${quality} Quality`,
  skippedFull: "stream server: frame skipped (queue full)",
  skippedSend: "stream server: frame skipped (send failed)",
} as const;

/** What the camera's end says. */
export const webcamClient = {
  sending: (fps: number, cameraFps: number, bytesPerS: number, budget: number, quality: number): string =>
    `webcam client sending data: ${fixed(fps)}/${fixed(cameraFps)} FPS \t ${fixed(bytesPerS / MIB)}/${fixed(budget / MIB)} MiB/s \t ${quality} Quality`,
  skippedSend: "webcam client: frame skipped (send failed)",
} as const;

/** What the viewer's end says. */
export const streamClient = {
  receiving: (fps: number, bytesPerS: number): string => `stream client receiving data: ${fixed(fps)} FPS \t ${fixed(bytesPerS / MIB)} MiB/s`,
  skippedDecode: "stream client: skipped frame (jpeg decode error)",
} as const;

/** The rate of the loop between the two. */
export function inferenceLoop(fps: number): string {
  return `${fixed(fps)} FPS inference loop`;
}
