export { openMedia, type OpenMediaOptions } from "./demuxer.ts";
export { createDecoder, type Decoder } from "./decoder.ts";
export type { DecoderOptions } from "./decoder-options.ts";
export { createFrameReader } from "./frame-reader.ts";
export { createEncoder, type Encoder } from "./encoder.ts";
export type { EncoderOptions } from "./encoder-options.ts";
export { createMuxer, createStreamMuxer, type Muxer, type MuxerOptions } from "./muxer.ts";
export { frameFromPicture } from "./drawable.ts";
export { aliveFrames, onLeakedFrame, type FrameTimes } from "./media-frame.ts";
