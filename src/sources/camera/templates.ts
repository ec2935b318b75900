/** What an address of a camera's maker is made of. */
export interface CameraPlace {
  readonly host: string;
  readonly port: number;
  /** From 1, as users count; templates turn it into what the maker counts. */
  readonly channel: number;
  /** 0 for the main stream, 1 and up for smaller ones. */
  readonly subtype: number;
  /** Recorders with named channels. */
  readonly area: string | undefined;
}

/** One maker's addresses. */
export interface CameraTemplate {
  readonly scheme: "rtsp" | "nuuo";
  readonly port: number;
  readonly highestSubtype: number;
  path(place: CameraPlace): string;
}

const rtsp = (highestSubtype: number, path: CameraTemplate["path"]): CameraTemplate => ({ scheme: "rtsp", port: 554, highestSubtype, path });

/** Where each maker's cameras and recorders have their streams: from their manuals. */
export const TEMPLATES = {
  dahua: rtsp(4, ({ channel, subtype }) => `/cam/realmonitor?channel=${String(channel)}&subtype=${String(subtype)}`),
  // Hanwha's recorders count channels from 0.
  wisenet: rtsp(0, ({ channel }) => `/LiveChannel/${String(channel - 1)}/media.smp`),
  wyze: rtsp(0, () => "/live"),
  hikvision: rtsp(2, ({ channel, subtype }) => `/Streaming/Channels/${String(channel)}0${String(subtype + 1)}`),
  axis: rtsp(0, ({ channel }) => `/axis-media/media.amp?camera=${String(channel)}`),
  reolink: rtsp(1, ({ channel, subtype }) => `/h264Preview_${String(channel).padStart(2, "0")}_${subtype === 0 ? "main" : "sub"}`),
  nuuo: { scheme: "nuuo", port: 5250, highestSubtype: 2, path: ({ area = "", subtype }) => `/${encodeURIComponent(area)}?profile=${["Original", "Low", "Minimum"][subtype] ?? "Original"}` },
} as const satisfies Record<string, CameraTemplate>;

/** A maker with a template. */
export type CameraVendor = keyof typeof TEMPLATES;

/** The makers. */
export const CAMERA_VENDORS = Object.keys(TEMPLATES) as [CameraVendor, ...CameraVendor[]];
