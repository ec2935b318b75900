/** Zigzag order of the standard quantisation tables of ITU-T T.81 Annex K, as RFC 2435 Appendix A gives them. */
const LUMA = [
  16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40, 26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51, 61, 60, 57, 51, 56, 55, 64, 72, 92,
  78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87, 95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99,
];
const CHROMA = [
  17, 18, 18, 24, 21, 24, 47, 26, 26, 47, 99, 66, 56, 66, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
  99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
];

/** The two tables of quality 1…99 (RFC 2435 §4.2), 128 bytes. */
export function quantisationTables(quality: number): Uint8Array {
  const clamped = Math.max(1, Math.min(99, quality));
  const factor = clamped < 50 ? Math.floor(5000 / clamped) : 200 - clamped * 2;
  return Uint8Array.from([...LUMA, ...CHROMA], (value) => Math.max(1, Math.min(255, Math.floor((value * factor + 50) / 100))));
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index);

const AC_LUMA_VALUES = Buffer.from(
  "01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a3435363738393a" +
    "434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aa" +
    "b2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa",
  "hex",
);
const AC_CHROMA_VALUES = Buffer.from(
  "0001020311040521310612415107617113223281081442" +
    "91a1b1c109233352f0156272d10a162434e125f11718191a262728292a35363738393a" +
    "434445464748494a535455565758595a636465666768696a737475767778797a82838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aa" +
    "b2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa",
  "hex",
);

/** The standard Huffman tables (T.81 Annex K.3) as DHT segments: RTP leaves them out. */
export const HUFFMAN_SEGMENTS: Uint8Array = Buffer.concat([
  segment(0x00, [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0], range(0, 11)),
  segment(0x10, [0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125], AC_LUMA_VALUES),
  segment(0x01, [0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0], range(0, 11)),
  segment(0x11, [0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 119], AC_CHROMA_VALUES),
]);

function segment(id: number, counts: readonly number[], values: Iterable<number>): Uint8Array {
  const body = [id, ...counts, ...values];
  return Uint8Array.of(0xff, 0xc4, (body.length + 2) >> 8, (body.length + 2) & 255, ...body);
}
