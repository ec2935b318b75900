const f32 = new Float32Array(1);
const f32Bits = new Uint32Array(f32.buffer);

/** IEEE 754 half precision, rounded to nearest even. */
export function float16Bits(value: number): number {
  f32[0] = value;
  const bits = f32Bits[0] ?? 0;
  const sign = (bits >>> 16) & 0x8000;
  const exponent = (bits >>> 23) & 0xff;
  const mantissa = bits & 0x7fffff;
  if (exponent === 0xff) {
    return sign | 0x7c00 | (mantissa === 0 ? 0 : 0x200);
  }
  const shifted = exponent - 127 + 15;
  if (shifted >= 0x1f) {
    return sign | 0x7c00;
  }
  if (shifted <= 0) {
    if (shifted < -10) {
      return sign;
    }
    return sign | roundShift(mantissa | 0x800000, 14 - shifted);
  }
  // A mantissa that rounds up past its width carries into the exponent, which is what should happen.
  return sign | ((shifted << 10) + roundShift(mantissa, 13));
}

function roundShift(value: number, by: number): number {
  const down = value >>> by;
  const rest = value & ((1 << by) - 1);
  const half = 1 << (by - 1);
  return down + (rest > half || (rest === half && (down & 1) === 1) ? 1 : 0);
}

/** The number that half-precision bits stand for. */
export function float16Value(bits: number): number {
  const sign = (bits & 0x8000) === 0 ? 1 : -1;
  const exponent = (bits >>> 10) & 0x1f;
  const mantissa = bits & 0x3ff;
  if (exponent === 0) {
    return sign * mantissa * 2 ** -24;
  }
  return exponent === 0x1f ? (mantissa === 0 ? sign * Infinity : NaN) : sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
}
