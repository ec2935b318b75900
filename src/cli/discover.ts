import { Command } from "commander";
import { onInterrupt } from "./interrupt.ts";
import { usage } from "./report-error.ts";
import { VedetteError, toVedetteError } from "../errors.ts";
import { printable } from "../protocols/onvif/discovery.ts";
import type { DiscoveredDevice } from "../protocols/onvif/discovery.ts";
import { systemClock } from "../runtime/clock.ts";
import { nuuoSourceSchema, parseNuuoAddress } from "../sources/nuuo/config.ts";
import type { NuuoSourceConfig } from "../sources/nuuo/config.ts";
import { clientOf as nuuoClientOf } from "../sources/nuuo/nuuo-source.ts";
import { onvifSourceSchema, parseOnvifAddress } from "../sources/onvif/config.ts";
import type { OnvifSourceConfig } from "../sources/onvif/config.ts";
import { discoverOnvif } from "../sources/onvif/discover.ts";
import { clientOf } from "../sources/onvif/onvif-source.ts";

interface DiscoverFlags {
  readonly timeout: number;
  readonly user?: string;
  readonly passwordEnv: string;
  readonly probe?: string;
  readonly json?: boolean;
}

/** Where a stream is, as SOURCE of the other commands; without the password. */
interface Channel {
  readonly source: string;
  readonly name: string;
  readonly channel?: string | undefined;
  readonly codec?: string | undefined;
  readonly size?: string | undefined;
}

/** One device, and what it offers or why it does not say. */
interface Found {
  readonly address: string;
  readonly name: string;
  readonly channels: readonly Channel[];
  readonly error?: string;
}

/** `vedette discover`: cameras and recorders, and the SOURCE of each of their channels. */
export function discoverCommand(): Command {
  return new Command("discover")
    .summary("list cameras and recorders of the network")
    .description("Lists ONVIF cameras and recorders (and NUUO's, when named) and the address of each channel, ready for `vedette run`. Without addresses, asks the whole network.")
    .argument("[address...]", "devices to ask instead: onvif://[USER:PASSWORD@]HOST[:PORT], nuuo://[USER:PASSWORD@]HOST[:5250]")
    .option("-t, --timeout <seconds>", "how long devices may take to answer", Number, 3)
    .option("-u, --user <name>", "user name for devices that were found")
    .option("--password-env <variable>", "environment variable with their password", "VEDETTE_CAMERA_PASSWORD")
    .option("--probe <host:port>", "send the probe there, instead of to everybody")
    .option("--json", "as JSON")
    .action(discover);
}

async function discover(addresses: readonly string[], flags: DiscoverFlags): Promise<void> {
  using interrupt = onInterrupt();
  if (!(flags.timeout > 0 && flags.timeout <= 60)) {
    throw usage("--timeout: expected a number of seconds above 0, at most 60");
  }
  const devices = addresses.length > 0 ? addresses.map(named) : await onNetwork(flags, interrupt.signal);
  const found = await Promise.all(devices.map((device) => device(interrupt.signal)));
  process.stdout.write(flags.json === true ? `${JSON.stringify(found, undefined, 2)}\n` : describe(found));
  // A device that was named and cannot be asked is a failure; one that turned up and wants a password is not.
  process.exitCode = addresses.length > 0 && found.some(({ error }) => error !== undefined) ? 1 : 0;
}

/** A device that can be asked what it offers. */
type Device = (signal: AbortSignal) => Promise<Found>;

function named(address: string): Device {
  const onvif = parseOnvifAddress(address);
  if (onvif !== undefined) {
    const config = onvifSourceSchema.parse(onvif);
    return (signal) => ask(config, "", signal);
  }
  const nuuo = nuuoSourceSchema.safeParse(parseNuuoAddress(address));
  if (nuuo.success) {
    return (signal) => askRecorder(nuuo.data, signal);
  }
  throw new VedetteError("E_SOURCE_SCHEME", { source: address.replace(/\/\/.*@/s, "//***@"), expected: "onvif://[USER:PASSWORD@]HOST[:PORT] or nuuo://[USER:PASSWORD@]HOST[:5250]" });
}

async function onNetwork(flags: DiscoverFlags, signal: AbortSignal): Promise<Device[]> {
  const target = flags.probe === undefined ? {} : { target: probeTarget(flags.probe) };
  const { devices, rubbish } = await discoverOnvif({ clock: systemClock, timeoutMs: flags.timeout * 1000, ...target }, signal);
  if (rubbish > 0) {
    process.stderr.write(`${String(rubbish)} answers were not ONVIF's and were left out\n`);
  }
  return devices.map((device) => {
    const name = [device.name, device.hardware, device.location].filter((part) => part !== undefined).join(", ");
    return (aborted) => ask(configOf(device, flags), name, aborted);
  });
}

function probeTarget(text: string): { address: string; port: number } {
  const [, address, port] = /^([^:\s]+):(\d{1,5})$/.exec(text) ?? [];
  if (address === undefined) {
    throw usage(`--probe: expected HOST:PORT, got ${JSON.stringify(text)}`);
  }
  return { address, port: Number(port) };
}

function configOf(device: DiscoveredDevice, flags: DiscoverFlags): OnvifSourceConfig {
  // IPv4 first: the address we asked by. Link-local IPv6 addresses need an interface that the device cannot know.
  const address = device.addresses.find((one) => !one.includes("[")) ?? device.addresses[0] ?? "";
  const url = new URL(address);
  const isTls = url.protocol === "https:";
  const password = process.env[flags.passwordEnv];
  return onvifSourceSchema.parse({
    kind: "onvif",
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? (isTls ? 443 : 80) : Number(url.port),
    tls: isTls,
    // Found, not named: certificates of cameras are self-signed, and only questions are asked.
    rejectUnauthorized: false,
    path: url.pathname,
    ...(flags.user === undefined ? {} : { user: flags.user }),
    ...(flags.user === undefined || password === undefined ? {} : { password }),
  });
}

async function ask(config: OnvifSourceConfig, name: string, signal: AbortSignal): Promise<Found> {
  const client = clientOf(config, () => systemClock.now());
  const scheme = config.tls ? "onvifs" : "onvif";
  const user = config.user === undefined ? "" : `${encodeURIComponent(config.user)}@`;
  const base = client.name.replace(/^onvif:\/\//, `${scheme}://${user}`);
  try {
    const profiles = await client.profiles(signal);
    const model = await client.describe(signal).catch(() => "");
    const channels = profiles.map(({ token, name: profile, channel, codec, width, height }) => ({
      source: `${base}/${encodeURIComponent(token)}`,
      name: profile,
      channel,
      codec,
      size: width > 0 && height > 0 ? `${String(width)}x${String(height)}` : undefined,
    }));
    return { address: client.name, name: [name, model].filter((part) => part !== "").join(": "), channels };
  } catch (error) {
    return { address: client.name, name, channels: [], error: whyNot(error, signal) };
  }
}

/** A recorder's channels: its areas, in each of their profiles. */
async function askRecorder(config: NuuoSourceConfig, signal: AbortSignal): Promise<Found> {
  const client = nuuoClientOf(config);
  const base = client.name.replace("nuuo://", `nuuo://${encodeURIComponent(config.user)}@`);
  try {
    const channels = await client.channels(signal);
    return {
      address: client.name,
      name: "NUUO",
      channels: channels.flatMap(({ area, profiles }) =>
        profiles.map((profile) => ({
          // Names are matched as patterns: what has a meaning there is escaped.
          source: `${base}/${encodeURIComponent(area.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))}?exact=1&profile=${encodeURIComponent(profile.name)}`,
          name: printable(area),
          channel: profile.name,
          codec: profile.codecs.join("/"),
        })),
      ),
    };
  } catch (error) {
    return { address: client.name, name: "", channels: [], error: whyNot(error, signal) };
  }
}

function whyNot(error: unknown, signal: AbortSignal): string {
  signal.throwIfAborted();
  const known = toVedetteError(error);
  return known.code === "E_SOURCE_CREDENTIALS" ? "wants a user name and password (--user, --password-env)" : known.message;
}

function describe(found: readonly Found[]): string {
  if (found.length === 0) {
    return "No ONVIF device answered. Devices may have ONVIF switched off; multicast does not cross routers: name them, onvif://HOST\n";
  }
  return found
    .map(({ address, name, channels, error }) => {
      const rows = channels.map(({ source, name: profile, channel, codec, size }) => `  ${[source, profile, channel, codec, size].filter((part) => part !== undefined && part !== "").join("  ")}\n`);
      return `${[address, name].filter((part) => part !== "").join("  ")}\n${error === undefined ? "" : `  ${error}\n`}${rows.join("")}`;
    })
    .join("");
}
