import { Device } from "node-av/lib";

/** A camera of this machine. */
export interface Camera {
  /** What the operating system calls it: `/dev/video0` on Linux, a name elsewhere. */
  readonly id: string;
  /** For people. */
  readonly name: string;
}

/** The cameras of this machine, in the system's order. Empty where none can be listed. */
export async function listCameras(): Promise<readonly Camera[]> {
  const devices = await Device.list();
  return devices.filter((device) => device.type === "video").map(({ name, description }) => ({ id: name, name: description }));
}
