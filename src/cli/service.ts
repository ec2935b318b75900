import { existsSync, realpathSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { usage } from "./report-error.ts";
import { carryOut, describeSteps } from "../daemon/service/carry-out.ts";
import { launchdSteps } from "../daemon/service/launchd.ts";
import type { ServiceAction, ServiceSettings, ServiceStep } from "../daemon/service/settings.ts";
import { systemdSteps } from "../daemon/service/systemd.ts";
import { VedetteError } from "../errors.ts";

interface ServiceFlags {
  /** Of `install` only, as the next two. */
  readonly config?: string;
  readonly name: string;
  readonly user?: string;
  readonly writable?: readonly string[];
  readonly print?: boolean;
  readonly follow?: boolean;
}

const ACTIONS: readonly [ServiceAction, string][] = [
  ["install", "Installs `vedette serve` as a service of this machine, and starts it now and at every start of the machine."],
  ["remove", "Stops the service and removes it; its state stays."],
  ["start", "Starts it."],
  ["stop", "Stops it, until it is started or the machine starts."],
  ["restart", "Stops and starts it."],
  ["status", "Says how it is."],
  ["logs", "Shows what it said last."],
];

/** `vedette service install|remove|start|stop|restart|status|logs`: systemd on Linux, launchd on macOS. */
export function serviceCommand(): Command {
  const command = new Command("service").summary("run as a service of this machine").description("Runs `vedette serve` as a service of this machine: systemd on Linux, launchd on macOS.");
  for (const [action, description] of ACTIONS) {
    const sub = command
      .command(action)
      .description(description)
      .option("--name <name>", "name of the service", "vedette")
      .option("--print", "only print what would be done");
    if (action === "install") {
      sub
        .option("-c, --config <file>", "the configuration", "/etc/vedette/vedette.yaml")
        .option("--user <name>", "who it runs as; made on Linux when missing")
        .option("--writable <folder>", "a folder it may write to besides its own state: recordings (repeatable)", (value: string, before: string[]) => [...before, value], []);
    }
    if (action === "logs") {
      sub.option("-f, --follow", "go on showing what it says");
    }
    sub.action(async (flags: ServiceFlags) => {
      await service(action, flags);
    });
  }
  return command;
}

async function service(action: ServiceAction, flags: ServiceFlags): Promise<void> {
  const settings = settingsOf(flags);
  if (action === "install") {
    checkPaths(settings);
  }
  const steps = stepsOf(action, settings, flags.follow === true);
  if (flags.print === true) {
    process.stdout.write(describeSteps(steps));
    return;
  }
  process.exitCode = await carryOut(steps, settings.name);
  if (action === "install") {
    process.stdout.write(`${settings.name} is installed and started: vedette service status, vedette service logs\n`);
  }
}

function stepsOf(action: ServiceAction, settings: ServiceSettings, isFollowing: boolean): ServiceStep[] {
  switch (process.platform) {
    case "linux":
      return systemdSteps(action, settings, isFollowing);
    case "darwin":
      return launchdSteps(action, settings, isFollowing);
    default:
      throw new VedetteError("E_SERVICE", { service: settings.name, reason: `services are managed on Linux (systemd) and macOS (launchd), not on ${process.platform}` });
  }
}

function settingsOf(flags: ServiceFlags): ServiceSettings {
  if (!/^[a-z][a-z0-9_-]{0,30}$/.test(flags.name)) {
    throw usage(`--name: expected small letters, digits, _ and -, got ${JSON.stringify(flags.name)}`);
  }
  const user = flags.user ?? (process.platform === "darwin" ? (process.env["SUDO_USER"] ?? "nobody") : flags.name);
  if (!/^[a-z_][a-z0-9_-]{0,30}$/i.test(user)) {
    throw usage(`--user: expected a user's name, got ${JSON.stringify(user)}`);
  }
  return {
    name: flags.name,
    node: realpathSync(process.execPath),
    program: fileURLToPath(new URL("../../bin/vedette.js", import.meta.url)),
    config: resolve(flags.config ?? ""),
    user,
    writable: (flags.writable ?? []).map((folder) => resolve(folder)),
  };
}

/** A service sees no home folders: what it needs has to lie elsewhere. Refused now rather than at every start. */
function checkPaths({ name, node, program, config, writable }: ServiceSettings): void {
  for (const path of [node, program, config, ...writable]) {
    if (/[\n\r]/.test(path)) {
      throw usage(`a path with a line end: ${JSON.stringify(path)}`);
    }
    if (process.platform === "linux" && /^\/(?:home|root|run\/user)\//.test(path)) {
      const how = path === config ? "put it under /etc/vedette" : path === node || path === program ? "install Node.js and Vedette for everybody: sudo npm install -g vedette" : "choose one under /var or /srv";
      throw new VedetteError("E_SERVICE", { service: name, reason: `${path} lies in a home folder, which services cannot see: ${how}` });
    }
  }
  if (!existsSync(config)) {
    throw new VedetteError("E_CONFIG", { where: config, reason: "no such file" });
  }
}
