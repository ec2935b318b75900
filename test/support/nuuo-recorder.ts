// A NUUO recorder, Titan or Crystal, as specs describe them. Crystal forgets sessions on command.
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { splitAnnexB } from "../../src/protocols/nal/annex-b.ts";
import type { EncodedVideo } from "./encoded-video.ts";

/** How it behaves. */
export interface RecorderBehaviour {
  readonly model: "titan" | "crystal";
  readonly video: EncodedVideo;
  /** Crystal: how many pictures a session lasts, then the stream closes and the session is unknown. */
  readonly sessionPictures?: number;
  /** Crystal: refuses every session for live video. */
  readonly refusesSessions?: boolean;
  /** Instead of live video. */
  readonly liveRubbish?: string;
  /** Instead of lists. */
  readonly listRubbish?: string;
  /** Crystal's clock minus ours. */
  readonly clockOffsetMs?: number;
}

/** A running recorder. */
export interface FakeRecorder extends AsyncDisposable {
  readonly port: number;
  readonly logins: () => number;
  readonly problems: string[];
}

const BASIC = `Basic ${Buffer.from("op:pass word").toString("base64")}`;
const SERVER = "3814084320248837336";
const CAMERA = "3659174698549248";

/** Starts one on 127.0.0.1 for user `op`, password `pass word`; Crystal takes the next port as well. */
export async function startNuuoRecorder(behaviour: RecorderBehaviour): Promise<FakeRecorder> {
  const problems: string[] = [];
  const sessions = new Set<string>();
  const timers = new Set<NodeJS.Timeout>();
  let logins = 0;

  async function control(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await read(request);
    if (request.headers.authorization !== BASIC) {
      response.writeHead(401).end();
      return;
    }
    const { status, text } = behaviour.model === "titan" ? titan(request, body, response) : crystal(request, body);
    if (status !== 0) {
      response.writeHead(status, { "Content-Type": "text/xml" }).end(text);
    }
  }

  function titan(request: IncomingMessage, body: string, response: ServerResponse): { status: number; text: string } {
    const url = new URL(request.url ?? "", "http://h");
    if (url.pathname === "/api/live") {
      if (url.searchParams.get("sensor") !== "50341665" || url.searchParams.get("profile") !== "Low") {
        problems.push(`live: ${url.search}`);
      }
      response.writeHead(200, { "Content-Type": "multipart/x-mixed-replace; boundary=cut" });
      send(response, (index) => {
        const packet = behaviour.video.packet(index);
        return [Buffer.from(`--cut\r\nContent-Type: video/H264\r\nisKeyFrame: ${String(packet.isKeyframe)}\r\ncontent-length: ${String(packet.data.length)}\r\n\r\n`), packet.data, Buffer.from("\r\n")];
      });
      return { status: 0, text: "" };
    }
    if (url.pathname === "/api/" && body.includes("<np:getTitanDeviceTreeList><type>0</type><titanId>0</titanId>")) {
      return { status: 200, text: behaviour.listRubbish ?? soap(TITAN_TREE) };
    }
    return { status: 404, text: "" };
  }

  function crystal(request: IncomingMessage, body: string): { status: number; text: string } {
    const session = /<sessionId>(\d+)</.exec(body)?.[1];
    const agent = request.headers["user-agent"];
    if (body.includes("getSyncOEMString")) {
      return { status: 200, text: soap("<np:getSyncOEMStringResponse><syncOEMString>TlVVTw==</syncOEMString></np:getSyncOEMStringResponse>") };
    }
    if (request.url === "/api/event_session") {
      if (!body.startsWith('<?xml version="1.0" encoding="UTF-8"?><np:login') || !body.includes("<version>2.1.4.0</version>") || agent !== "gSOAP/2.7") {
        problems.push(`login: ${body}`);
      }
      sessions.clear();
      const id = String(52477 + logins++);
      sessions.add(id);
      return { status: 200, text: `<np:loginResponse xmlns:np="http://tempuri.org/np.xsd"><result>true</result><sessionId>${id}</sessionId><agreeProtocolVersion>2.1.4.0</agreeProtocolVersion></np:loginResponse>` };
    }
    if (session === undefined || !sessions.has(session) || agent !== "gSOAP/2.8") {
      problems.push(`session ${session ?? "none"}, ${agent ?? ""}`);
      return { status: 400, text: "" };
    }
    return { status: 200, text: behaviour.listRubbish ?? soap(body.includes("getServerList") ? SERVERS : DEVICES) };
  }

  async function live(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await read(request);
    const session = /<sessionId>(\d+)</.exec(body)?.[1] ?? "";
    if (!sessions.has(session) || behaviour.refusesSessions === true) {
      response.writeHead(400).end();
      return;
    }
    if (!body.includes(`<cameraId><server>${SERVER}</server><device>${CAMERA}</device></cameraId><profile>1</profile>`)) {
      problems.push(`live: ${body}`);
    }
    response.writeHead(200);
    if (behaviour.liveRubbish !== undefined) {
      response.end(behaviour.liveRubbish);
      return;
    }
    send(response, (index) => {
      if (index >= (behaviour.sessionPictures ?? Infinity)) {
        sessions.delete(session);
        response.end();
        return [];
      }
      const packet = behaviour.video.packet(index);
      const time = (BigInt(Math.round(Date.now() + (behaviour.clockOffsetMs ?? 0))) + 11_644_473_600_000n) * 10_000n;
      // A keyframe comes in pieces, with zero bytes behind units, as the original met them.
      const pieces = packet.isKeyframe ? splitAnnexB(packet.data).map((unit) => Buffer.concat([Buffer.of(0, 0, 0, 1), unit, Buffer.of(0, 0, 0)])) : [packet.data];
      return pieces.flatMap((piece) => [
        Buffer.from(`POST /live HTTP/1.1\r\nContent-Type: video/H264\r\nIsKeyFrame: ${String(packet.isKeyframe)}\r\ntime: ${String(time)}\r\nContent-Length: ${String(piece.length)}\r\n\r\n`),
        piece,
      ]);
    });
  }

  /** 25 pictures a second. */
  function send(response: ServerResponse, parts: (index: number) => readonly Uint8Array[]): void {
    let index = 0;
    const timer = setInterval(() => {
      for (const part of parts(index++)) {
        response.write(part);
      }
      if (response.writableEnded || response.destroyed) {
        stop();
      }
    }, 20);
    const stop = (): void => {
      clearInterval(timer);
      timers.delete(timer);
    };
    timers.add(timer);
    response.on("close", stop);
  }

  const [first, second] = await listenOnPair((request, response) => void control(request, response), (request, response) => void live(request, response));
  return {
    port: (first.address() as AddressInfo).port,
    logins: () => logins,
    problems,
    [Symbol.asyncDispose]: async () => {
      timers.forEach((timer) => clearInterval(timer));
      await Promise.all([first, second].map((server) => new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      })));
    },
  };
}

type Listener = (request: IncomingMessage, response: ServerResponse) => void;

async function listenOnPair(control: Listener, live: Listener): Promise<[Server, Server]> {
  while (true) {
    const first = createServer(control).listen(0, "127.0.0.1");
    await once(first, "listening");
    const second = createServer(live).listen((first.address() as AddressInfo).port + 1, "127.0.0.1");
    try {
      await once(second, "listening");
      return [first, second];
    } catch {
      first.close();
    }
  }
}

async function read(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) {
    parts.push(part as Buffer);
  }
  return Buffer.concat(parts).toString();
}

function soap(content: string): string {
  return `<?xml version="1.0"?><SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="i" xmlns:np="http://tempuri.org/np.xsd"><SOAP-ENV:Body>${content}</SOAP-ENV:Body></SOAP-ENV:Envelope>`;
}

const profile = (name: string, codec: string, rate: string): string =>
  `<item><streamIndex>0</streamIndex><frameRate>${rate}</frameRate><bitrate>unknown</bitrate><resolution>QCIF~FullHD</resolution><codec>${codec}</codec><profileName>${name}</profileName></item>`;
const area = (name: string, id: string): string =>
  `<item><id>1</id><name>${name}</name><childEntityList><item><name>audio</name></item><item><id><localId>${id}</localId></id><name>sensor</name><outputProfileList>${profile("Original", "H264", "")}${profile("Low", "H264/MJPEG", "10~30")}</outputProfileList></item></childEntityList></item>`;
const TITAN_TREE = `<np:getDeviceTreeListResponse><deviceTreeList><item><name>other</name></item><item><id>0</id><name>titan_8040R</name><childEntityList>${area("First Floor Entry", "50341665")}${area("First Floor Entry (old)", "2")}<item><name/></item></childEntityList></item></deviceTreeList></np:getDeviceTreeListResponse>`;
const SERVERS = `<np:getServerListResponse><serverList><item xsi:type="Other"><id>1</id></item><item xsi:type="RecordingServer"><id>${SERVER}</id><name>Chino</name><enable>true</enable></item><item xsi:type="RecordingServer"><id>9</id><enable>false</enable></item></serverList></np:getServerListResponse>`;
const device = (name: string, enable: boolean, id: string): string =>
  `<item xsi:type="VideoDevice"><name>${name}</name><enable>${String(enable)}</enable><brand>b</brand><model>m</model><childList><item xsi:type="Speaker"><id>0</id></item><item xsi:type="Camera"><id>${id}</id><outputProfileList>${profile("Original", "", "30")}${profile("Low", "", "25")}</outputProfileList></item></childList></item>`;
const DEVICES = `<np:getDeviceListResponse><deviceList>${device("Medical Entry", false, "5")}${device("Medical Entry", true, CAMERA)}</deviceList></np:getDeviceListResponse>`;
