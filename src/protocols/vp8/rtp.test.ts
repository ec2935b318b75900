import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import fc from "fast-check";
import { needsPrograms } from "../../../test/support/programs.ts";
import type { RtpPacket } from "../rtp/rtp-packet.ts";
import { Vp8Depayloader } from "./rtp.ts";

const rtp = (payload: Uint8Array, timestamp: number, marker: boolean): RtpPacket => ({ payloadType: 96, marker, sequence: 0, timestamp, ssrc: 1, payload });

/** Frames that libvpx makes, out of an IVF file (32 bytes, then 12 before each frame). */
function encoded(): Buffer[] {
  const ivf = execFileSync("ffmpeg", ["-v", "error", "-f", "lavfi", "-i", "testsrc=s=320x180:r=25", "-frames:v", "4", "-c:v", "libvpx", "-g", "100", "-f", "ivf", "-"]);
  const frames: Buffer[] = [];
  for (let at = 32; at + 12 <= ivf.length; at += 12 + ivf.readUInt32LE(at)) {
    frames.push(ivf.subarray(at + 12, at + 12 + ivf.readUInt32LE(at)));
  }
  return frames;
}

// Descriptors of RFC 7741 §4.2: none of the extensions, a picture number of 7 bits, one of 15 bits with all the others.
for (const [name, descriptor] of [["plain", [0x00]], ["7 bits", [0x80, 0x80, 0x11]], ["everything", [0x80, 0xf0, 0x81, 0x11, 0x22, 0x33]]] as const) {
  test(`libvpx's frames come out as they went in: ${name}`, needsPrograms("ffmpeg"), () => {
    const depayloader = new Vp8Depayloader();
    const units = encoded().flatMap((frame, index) => {
      const pieces = [frame.subarray(0, 100), frame.subarray(100, 200), frame.subarray(200)].filter((piece) => piece.length > 0);
      return pieces.flatMap((piece, at) => {
        const header = Uint8Array.from(descriptor);
        header[0] = (header[0] ?? 0) | (at === 0 ? 0x10 : 0);
        return depayloader.push({ packet: rtp(Buffer.concat([header, piece]), index * 3600, at === pieces.length - 1), lost: 0 });
      });
    });
    assert.deepEqual(units.map(({ data }) => Buffer.from(data)), encoded());
    assert.deepEqual(units.map(({ isKeyframe }) => isKeyframe), [true, false, false, false]);
    assert.ok(units.every(({ isDamaged }) => !isDamaged));
    const track = units[0]?.newTrack;
    assert.ok(track?.kind === "video" && track.width === 320 && track.height === 180);
  });
}

test("a lost piece marks the frame, and only that one", () => {
  const depayloader = new Vp8Depayloader();
  const [first] = depayloader.push({ packet: rtp(Uint8Array.of(0x10, 1, 2, 3), 0, true), lost: 0 });
  depayloader.push({ packet: rtp(Uint8Array.of(0x10, 1, 2, 3), 3600, false), lost: 0 });
  const [second] = depayloader.push({ packet: rtp(Uint8Array.of(0x00, 4), 3600, true), lost: 1 });
  const [third] = depayloader.push({ packet: rtp(Uint8Array.of(0x10, 1, 2, 3), 7200, true), lost: 0 });
  assert.deepEqual([first, second, third].map((unit) => unit?.isDamaged), [false, true, false]);
});

test("whatever comes, it neither throws nor changes the input", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.uint8Array({ maxLength: 20 }), fc.nat(3), fc.boolean(), fc.nat(1))), (packets) => {
      const depayloader = new Vp8Depayloader();
      for (const [payload, timestamp, marker, lost] of packets) {
        const before = Uint8Array.from(payload);
        depayloader.push({ packet: rtp(payload, timestamp, marker), lost });
        assert.deepEqual(payload, before);
      }
    }),
  );
});
