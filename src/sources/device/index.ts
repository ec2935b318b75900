import { z } from "zod";
import { defineSource } from "../../contracts/kinds.ts";
import { DeviceSource } from "./device-source.ts";

const schema = z.strictObject({
  kind: z.literal("device"),
  device: z.string().min(1).describe("Number of the camera, counted from 0, or its name: /dev/video0"),
  size: z
    .string()
    .regex(/^\d+x\d+$/, "expected WIDTHxHEIGHT")
    .optional()
    .describe("Picture size, WIDTHxHEIGHT; the device's own when left out"),
  fps: z.number().positive().optional().describe("Frames per second; the device's own when left out"),
  pixelFormat: z.string().optional().describe("What the device should send, as FFmpeg names it: mjpeg, h264, yuyv422, nv12"),
});

/** A camera of this machine: Video4Linux, AVFoundation or DirectShow. */
export const deviceSource = defineSource({
  kind: "device",
  schema,
  addresses: ["device:0", "/dev/video0"],
  fromAddress: (address) => {
    const device = address.startsWith("device:") ? address.slice("device:".length) : address.startsWith("/dev/video") ? address : "";
    return device === "" ? undefined : { kind: "device" as const, device };
  },
  create: (config, context) => new DeviceSource({ ...config, clock: context.clock, platform: process.platform }),
});
