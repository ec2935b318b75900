import { AVMEDIA_TYPE_VIDEO } from "node-av/constants";
import { Codec, getFFmpegInfo } from "node-av/lib";
import { availableHardware } from "./hwaccel.ts";

/** What the media layer can do on this machine. */
export interface MediaAbilities {
  readonly ffmpegVersion: string;
  /** Video decoders and encoders of this build; that a hardware one is listed does not mean that its device is here. */
  readonly decoders: readonly string[];
  readonly encoders: readonly string[];
  /** Accelerators whose device could be opened. */
  readonly hwaccels: readonly string[];
}

/** Looks what this build and this machine offer: for `vedette doctor`. Opening devices takes a moment. */
export function probeAvailable(): MediaAbilities {
  const codecs = Codec.getCodecList().filter((codec) => codec.type === AVMEDIA_TYPE_VIDEO);
  const names = (list: readonly Codec[]): string[] => list.map((codec) => codec.name ?? "").filter((name) => name !== "");
  return {
    ffmpegVersion: getFFmpegInfo().version,
    decoders: names(codecs.filter((codec) => codec.isDecoder())),
    encoders: names(codecs.filter((codec) => codec.isEncoder())),
    hwaccels: availableHardware(),
  };
}
