// Real brokers on free ports, each with its own folder, that can be stopped and started again with what they kept.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "./free-port.ts";

/** A broker under the test's control. */
export interface Broker {
  readonly port: number;
  readonly folder: string;
  /** Ends it as its service manager would. */
  stop(): Promise<void>;
  /** Starts it again, on the same port, with what it kept; resolves when it takes connections. */
  start(): Promise<void>;
}

interface Recipe {
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** True once it is ready; asked again and again. */
  readonly isReady?: () => Promise<boolean>;
}

const SEARCHED = { ...process.env, PATH: `${process.env["PATH"] ?? ""}${delimiter}/usr/sbin` };

async function startBroker(t: TestContext, name: string, recipe: (folder: string, port: number) => Recipe | Promise<Recipe>): Promise<Broker> {
  const folder = mkdtempSync(join(tmpdir(), `vedette-${name}-`));
  const port = await freePort();
  const { program, args, env, isReady } = await recipe(folder, port);
  let child: ChildProcess | undefined;
  let told = "";
  const stop = async (): Promise<void> => {
    if (child?.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      const gone = once(child, "exit");
      // A group of its own: RabbitMQ is a script with children.
      process.kill(-child.pid, "SIGTERM");
      const killer = setTimeout(() => process.kill(-child!.pid!, "SIGKILL"), 20_000);
      await gone;
      clearTimeout(killer);
    }
    child = undefined;
  };
  const start = async (): Promise<void> => {
    child = spawn(program, args, { env: { ...SEARCHED, ...env }, stdio: ["ignore", "pipe", "pipe"], detached: true, cwd: folder });
    child.stdout?.on("data", (text: Buffer) => (told += text.toString()));
    child.stderr?.on("data", (text: Buffer) => (told += text.toString()));
    for (let tries = 0; !(await accepts(port)) || (isReady !== undefined && !(await isReady())); tries++) {
      if (child.exitCode !== null || tries > 400) {
        throw new Error(`${name} did not start:\n${told.slice(-2000)}`);
      }
      await sleep(150);
    }
  };
  t.after(async () => {
    await stop();
    rmSync(folder, { recursive: true, force: true });
  });
  await start();
  return { port, folder, stop, start };
}

/** mosquitto; `config` adds lines to its configuration, `%PORT%` stands for the port. */
export function mosquitto(t: TestContext, config = "listener %PORT% 127.0.0.1\nallow_anonymous true", files: Readonly<Record<string, string>> = {}): Promise<Broker> {
  return startBroker(t, "mosquitto", (folder, port) => {
    for (const [name, content] of Object.entries(files)) {
      writeFileSync(join(folder, name), content);
    }
    const persistence = `persistence true\npersistence_location ${folder}/\nmax_queued_messages 0\nautosave_interval 1\nuser root\n`;
    writeFileSync(join(folder, "mosquitto.conf"), `${persistence}${config.replaceAll("%PORT%", String(port)).replaceAll("%FOLDER%", folder)}\n`);
    return { program: "mosquitto", args: ["-c", join(folder, "mosquitto.conf")] };
  });
}

/** nats-server with JetStream. */
export function natsServer(t: TestContext, args: readonly string[] = []): Promise<Broker> {
  return startBroker(t, "nats", (folder, port) => ({ program: "nats-server", args: ["-a", "127.0.0.1", "-p", String(port), "-js", "-sd", folder, ...args] }));
}

/** redis-server that writes every change to the disk. */
export function redisServer(t: TestContext, args: readonly string[] = []): Promise<Broker> {
  return startBroker(t, "redis", (folder, port) => ({
    program: "redis-server",
    args: ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--appendonly", "yes", "--appendfsync", "always", "--save", "", ...args],
  }));
}

/** RabbitMQ: a node of its own name, its database in the folder. */
export function rabbitmq(t: TestContext): Promise<Broker> {
  return startBroker(t, "rabbitmq", async (folder, port) => {
    for (const name of ["mnesia", "log", "home"]) {
      mkdirSync(join(folder, name));
    }
    writeFileSync(join(folder, "enabled_plugins"), "[].\n");
    writeFileSync(join(folder, "rabbitmq.conf"), `listeners.tcp.default = 127.0.0.1:${port}\n`);
    const distribution = await freePort();
    return {
      program: existsSync("/usr/lib/rabbitmq/bin/rabbitmq-server") ? "/usr/lib/rabbitmq/bin/rabbitmq-server" : "rabbitmq-server",
      args: [],
      env: {
        HOME: join(folder, "home"),
        RABBITMQ_NODENAME: `vedette-${port}@localhost`,
        RABBITMQ_NODE_PORT: String(port),
        RABBITMQ_DIST_PORT: String(distribution),
        RABBITMQ_MNESIA_BASE: join(folder, "mnesia"),
        RABBITMQ_LOG_BASE: join(folder, "log"),
        RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, "enabled_plugins"),
        RABBITMQ_CONFIG_FILE: join(folder, "rabbitmq.conf"),
        RABBITMQ_PID_FILE: join(folder, "pid"),
      },
    };
  });
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
