import { RTCPeerConnection, RTCRtpCodecParameters, RtpHeader, RtpPacket, RtcpReceiverInfo, RtcpRrPacket, RtcpSrPacket, useAbsSendTime, useNACK, usePLI, useREMB, useSdesMid, useTWCC, useTransportWideCC } from "werift";
import type { PeerConfig, RTCRtpSender, RTCRtpTransceiver, RtcpPacket } from "werift";
import type { Clock } from "../contracts/clock.ts";
import { wallTimeMs } from "../domain/time.ts";
import type { WallTimeMs } from "../domain/time.ts";
import type { RtpPacket as ReceivedRtp } from "../protocols/rtp/rtp-packet.ts";
import { isConcealed, narrowOffer } from "../protocols/webrtc/narrow-offer.ts";
import type { OfferedCodec } from "../protocols/webrtc/offer.ts";
import { announceAddresses } from "./ice-settings.ts";
import type { IceSettings } from "./ice-settings.ts";

/** How an offer is answered. */
export interface AnswerOptions {
  readonly offer: string;
  readonly codec: OfferedCodec;
  /** What we do: send to a viewer, receive from a camera. */
  readonly direction: "sendonly" | "recvonly";
  readonly ice: IceSettings;
  /** Whether the peer is on this machine: then it may come over loopback as well. */
  readonly isLocalPeer: boolean;
  readonly clock: Clock;
}

/** One RTP packet to send; sequence number, SSRC and payload type are the peer's business. */
export interface OutgoingRtp {
  readonly payload: Uint8Array;
  readonly timestamp: number;
  readonly marker: boolean;
}

/** What a peer tells whoever uses it. */
export interface PeerEvents {
  readonly onConnected?: () => void;
  /** Once: the connection failed, was closed by the other side, or fell silent. */
  readonly onGone: (reason: string) => void;
  readonly onKeyframeWanted?: () => void;
  /** The viewer's own estimate of its line. */
  readonly onEstimate?: (bitrateBps: number) => void;
  readonly onLoss?: (share: number) => void;
  /** An RTP packet of the video as it came, and sender reports about it. */
  readonly onRtp?: (packet: ReceivedRtp) => void;
  readonly onSenderReport?: (wall: WallTimeMs, timestamp: number) => void;
}

const CONNECT_MS = 15_000;
/** ICE may come back from `disconnected`; after this long it will not. */
const DISCONNECTED_MS = 8000;
/** Receivers report about once a second (RFC 3550 §6.2): without a word for this long, the peer is gone. */
const SILENT_MS = 12_000;
const CHECK_MS = 1000;

/**
 * One WebRTC connection that answered an offer, with one video (RFC 8829). Says once when it is over; disposing it leaves
 * no socket and no timer.
 */
export class Peer implements AsyncDisposable {
  readonly #connection: RTCPeerConnection;
  readonly #transceiver: RTCRtpTransceiver;
  readonly #clock: Clock;
  readonly #events: PeerEvents;
  #answer = "";
  #sequence = Math.floor(Math.random() * 0x8000);
  #heardMs: number;
  #brokenMs: number | undefined;
  #isConnected = false;
  #isGone = false;
  #timer: Disposable | undefined;
  #disposed: Promise<void> | undefined;

  private constructor(connection: RTCPeerConnection, transceiver: RTCRtpTransceiver, clock: Clock, events: PeerEvents) {
    this.#connection = connection;
    this.#transceiver = transceiver;
    this.#clock = clock;
    this.#events = events;
    this.#heardMs = clock.monotonicMs();
    this.#listen();
    this.#schedule();
  }

  /** Gathers candidates and answers. Throws when the offer cannot be answered; nothing is left open then. */
  static async open(options: AnswerOptions, events: PeerEvents): Promise<Peer> {
    const { offer, codec, direction, ice, clock } = options;
    const connection = new RTCPeerConnection(peerConfig(options));
    const peer = new Peer(connection, connection.addTransceiver("video", { direction }), clock, events);
    try {
      // Sound is carried elsewhere: its media is answered, but nothing flows.
      connection.onRemoteTransceiverAdded.subscribe((other) => other.setDirection("inactive"));
      await connection.setRemoteDescription({ type: "offer", sdp: narrowOffer(offer, codec, direction) });
      await connection.setLocalDescription(await connection.createAnswer());
      peer.#answer = announceAddresses(connection.localDescription?.sdp ?? "", ice.announce);
      return peer;
    } catch (error) {
      await peer[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The session description to answer with. */
  get answer(): string {
    return this.#answer;
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  /** Sends a packet, encrypted; one before the connection stands goes nowhere. */
  async send({ payload, timestamp, marker }: OutgoingRtp): Promise<void> {
    this.#sequence = (this.#sequence + 1) & 0xffff;
    const header = new RtpHeader({ sequenceNumber: this.#sequence, timestamp: timestamp >>> 0, marker });
    await this.#transceiver.sender.sendRtp(new RtpPacket(header, Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)));
  }

  /** Asks the camera for a keyframe (PLI, RFC 4585 §6.3.1). */
  async requestKeyframe(ssrc: number): Promise<void> {
    await this.#transceiver.receiver.sendRtcpPLI(ssrc);
  }

  /** A candidate that came later (RFC 8838). Throws when it makes no sense. */
  async addCandidate(candidate: string, mid: string): Promise<void> {
    if (!isConcealed(candidate)) {
      await this.#connection.addIceCandidate({ candidate, sdpMid: mid });
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#isGone = true;
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    this.#disposed ??= this.#connection.close();
    return this.#disposed;
  }

  #listen(): void {
    const { sender, receiver } = this.#transceiver;
    this.#connection.connectionStateChange.subscribe((state) => {
      this.#brokenMs = state === "disconnected" ? this.#clock.monotonicMs() : undefined;
      if (state === "connected" && !this.#isConnected) {
        this.#isConnected = true;
        this.#heardMs = this.#clock.monotonicMs();
        this.#events.onConnected?.();
      } else if (state === "failed" || state === "closed") {
        this.#gone(`the connection ${state === "failed" ? "failed" : "was closed by the other side"}`);
      }
    });
    sender.onPictureLossIndication.subscribe(() => this.#events.onKeyframeWanted?.());
    sender.onRtcp.subscribe((packet) => this.#rtcp(sender, packet));
    receiver.onRtcp.subscribe((packet) => {
      this.#heardMs = this.#clock.monotonicMs();
      if (packet instanceof RtcpSrPacket) {
        const { ntpTimestamp, rtpTimestamp } = packet.senderInfo;
        this.#events.onSenderReport?.(wallTimeOfNtp(ntpTimestamp), rtpTimestamp);
      }
    });
    this.#transceiver.onTrack.subscribe((track) => {
      track.onReceiveRtp.subscribe((packet) => {
        this.#heardMs = this.#clock.monotonicMs();
        const { payloadType, marker, sequenceNumber, timestamp, ssrc } = packet.header;
        this.#events.onRtp?.({ payloadType, marker, sequence: sequenceNumber, timestamp, ssrc, payload: packet.payload });
      });
    });
  }

  #rtcp(sender: RTCRtpSender, packet: RtcpPacket): void {
    this.#heardMs = this.#clock.monotonicMs();
    if (packet instanceof RtcpRrPacket || packet instanceof RtcpSrPacket) {
      const report = packet.reports.find((one) => one instanceof RtcpReceiverInfo && one.ssrc === sender.ssrc);
      if (report !== undefined) {
        this.#events.onLoss?.(report.fractionLost / 256);
      }
    }
    const estimate = Number(sender.receiverEstimatedMaxBitrate);
    if (estimate > 0) {
      this.#events.onEstimate?.(estimate);
    }
  }

  #schedule(): void {
    this.#timer = this.#clock.timer(CHECK_MS, () => {
      const nowMs = this.#clock.monotonicMs();
      if (!this.#isConnected && nowMs - this.#heardMs > CONNECT_MS) {
        this.#gone(`no connection within ${CONNECT_MS / 1000} s`);
      } else if (this.#brokenMs !== undefined && nowMs - this.#brokenMs > DISCONNECTED_MS) {
        this.#gone("the connection was lost");
      } else if (this.#isConnected && nowMs - this.#heardMs > SILENT_MS) {
        this.#gone("nothing was heard of it any more");
      } else {
        this.#schedule();
      }
    });
  }

  #gone(reason: string): void {
    if (!this.#isGone) {
      this.#isGone = true;
      this.#events.onGone(reason);
    }
  }
}

/** Wall-clock time of a 64-bit NTP time: seconds since 1900, and 2³² parts of one (RFC 5905 §6). */
function wallTimeOfNtp(ntp: bigint): WallTimeMs {
  return wallTimeMs(Number(ntp >> 32n) * 1000 - 2_208_988_800_000 + (Number(ntp & 0xffffffffn) * 1000) / 2 ** 32);
}

function peerConfig({ codec, ice, isLocalPeer }: AnswerOptions): Partial<PeerConfig> {
  const feedback = [useNACK(), usePLI(), useREMB(), useTWCC()];
  const video = new RTCRtpCodecParameters({ mimeType: `video/${codec.encoding}`, clockRate: 90_000, rtcpFeedback: feedback });
  const rtx = new RTCRtpCodecParameters({ mimeType: "video/rtx", clockRate: 90_000 });
  return {
    // Never the library's own default, a server of strangers.
    iceServers: [...ice.stun.map((urls) => ({ urls })), ...ice.turn.map(({ url, username, credential }) => ({ urls: url, username, credential }))],
    ...(ice.udpPorts === undefined ? {} : { icePortRange: [ice.udpPorts[0], ice.udpPorts[1]] }),
    ...(isLocalPeer ? { iceAdditionalHostAddresses: ["127.0.0.1"] } : {}),
    codecs: { video: [video, rtx], audio: [new RTCRtpCodecParameters({ mimeType: "audio/opus", clockRate: 48_000, channels: 2 })] },
    headerExtensions: { video: [useAbsSendTime(), useTransportWideCC(), useSdesMid()], audio: [] },
  };
}
