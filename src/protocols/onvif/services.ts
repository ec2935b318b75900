import { at, childrenOf, descendants, escapeXml, textAt } from "../xml/xml.ts";
import type { XmlElement } from "../xml/xml.ts";
import { printable } from "./discovery.ts";

/**
 * Questions to the device, media and media2 services and how their answers are read.
 * https://www.onvif.org/ver10/device/wsdl/devicemgmt.wsdl, …/ver10/media/wsdl/media.wsdl, …/ver20/media/wsdl/media.wsdl
 */

const DEVICE = "http://www.onvif.org/ver10/device/wsdl";
const MEDIA = "http://www.onvif.org/ver10/media/wsdl";
const MEDIA2 = "http://www.onvif.org/ver20/media/wsdl";
const SCHEMA = "http://www.onvif.org/ver10/schema";

/** One question: the action of its HTTP header, the XML of its body. */
export interface OnvifCall {
  readonly action: string;
  readonly body: string;
}

function call(namespace: string, name: string, content = ""): OnvifCall {
  return { action: `${namespace}/${name}`, body: `<${name} xmlns="${namespace}">${content}</${name}>` };
}

/** Answered without credentials (Core §5.9.4): tells by how much the device's clock is off. */
export const getSystemDateAndTime = call(DEVICE, "GetSystemDateAndTime");
/** Where its services are. */
export const getServices = call(DEVICE, "GetServices", "<IncludeCapability>false</IncludeCapability>");
/** What older devices answer instead. */
export const getCapabilities = call(DEVICE, "GetCapabilities", "<Category>All</Category>");
/** Maker and model. */
export const getDeviceInformation = call(DEVICE, "GetDeviceInformation");

/** Which of the two media services: the newer one knows H.265. */
export type MediaVersion = 1 | 2;

/** All profiles. */
export function getProfiles(version: MediaVersion): OnvifCall {
  return version === 2 ? call(MEDIA2, "GetProfiles", "<Type>All</Type>") : call(MEDIA, "GetProfiles");
}

/** Address of a profile's stream, over RTSP. */
export function getStreamUri(version: MediaVersion, profile: string): OnvifCall {
  const token = `<ProfileToken>${escapeXml(profile)}</ProfileToken>`;
  return version === 2
    ? call(MEDIA2, "GetStreamUri", `<Protocol>RTSP</Protocol>${token}`)
    : call(MEDIA, "GetStreamUri", `<StreamSetup><Stream xmlns="${SCHEMA}">RTP-Unicast</Stream><Transport xmlns="${SCHEMA}"><Protocol>RTSP</Protocol></Transport></StreamSetup>${token}`);
}

/** Address of a profile's still picture. */
export function getSnapshotUri(version: MediaVersion, profile: string): OnvifCall {
  return call(version === 2 ? MEDIA2 : MEDIA, "GetSnapshotUri", `<ProfileToken>${escapeXml(profile)}</ProfileToken>`);
}

/** A device's UTC time in milliseconds since 1970; undefined when it does not say. */
export function parseDateAndTime(answer: XmlElement | undefined): number | undefined {
  const utc = descendants(answer, "UTCDateTime")[0];
  const number = (...path: string[]): number => Number(textAt(utc, ...path) ?? Number.NaN);
  const ms = Date.UTC(number("Date", "Year"), number("Date", "Month") - 1, number("Date", "Day"), number("Time", "Hour"), number("Time", "Minute"), number("Time", "Second"));
  return Number.isFinite(ms) ? ms : undefined;
}

/** Addresses of the media services. */
export type MediaServices = Readonly<Partial<Record<MediaVersion, string>>>;

/** From an answer to {@link getServices} or {@link getCapabilities}. */
export function parseMediaServices(answer: XmlElement | undefined): MediaServices {
  const services = childrenOf(answer, "Service");
  const address = (namespace: string): string | undefined => {
    const service = services.find((candidate) => textAt(candidate, "Namespace")?.replace(/\/$/, "") === namespace);
    return textAt(service, "XAddr");
  };
  const media = address(MEDIA) ?? textAt(answer, "Capabilities", "Media", "XAddr");
  const media2 = address(MEDIA2) ?? textAt(answer, "Capabilities", "Extension", "Media2", "XAddr");
  return { ...(media === undefined ? {} : { 1: media }), ...(media2 === undefined ? {} : { 2: media2 }) };
}

/** One profile of a device: what one of its channels can send. */
export interface OnvifProfile {
  readonly token: string;
  readonly name: string;
  /** The video source, one per channel of a recorder; undefined when it is not said. */
  readonly channel: string | undefined;
  /** As FFmpeg names it: h264, hevc, mjpeg, mpeg4. */
  readonly codec: string | undefined;
  readonly width: number;
  readonly height: number;
  readonly frameRate: number;
}

const CODECS: Readonly<Record<string, string>> = { h264: "h264", h265: "hevc", hevc: "hevc", jpeg: "mjpeg", mjpeg: "mjpeg", mpeg4: "mpeg4", "mpv4-es": "mpeg4" };

/** Profiles of either media service; those without video are left out. */
export function parseProfiles(answer: XmlElement | undefined): OnvifProfile[] {
  return childrenOf(answer, "Profiles").flatMap((profile) => {
    const token = profile.attributes.get("token");
    const encoder = at(profile, "VideoEncoderConfiguration") ?? at(profile, "Configurations", "VideoEncoder");
    const source = at(profile, "VideoSourceConfiguration") ?? at(profile, "Configurations", "VideoSource");
    if (token === undefined || token === "" || (encoder === undefined && source === undefined)) {
      return [];
    }
    const number = (...path: string[]): number => {
      const value = Number(textAt(encoder, ...path) ?? 0);
      return Number.isFinite(value) && value >= 0 ? value : 0;
    };
    return [
      {
        token,
        name: printable(textAt(profile, "Name") ?? token),
        channel: textAt(source, "SourceToken"),
        codec: CODECS[(textAt(encoder, "Encoding") ?? "").toLowerCase()],
        width: number("Resolution", "Width"),
        height: number("Resolution", "Height"),
        frameRate: number("RateControl", "FrameRateLimit"),
      },
    ];
  });
}

/** The address in an answer to {@link getStreamUri} or {@link getSnapshotUri}. */
export function parseUri(answer: XmlElement | undefined): string | undefined {
  return textAt(answer, "MediaUri", "Uri") ?? textAt(answer, "Uri");
}

/** Maker, model and firmware as one line. */
export function parseDeviceInformation(answer: XmlElement | undefined): string {
  return printable(["Manufacturer", "Model", "FirmwareVersion"].map((name) => textAt(answer, name) ?? "").filter((part) => part !== "").join(" "));
}
