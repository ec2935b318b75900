/** Hues this far apart on the colour circle never fall together (the golden angle). */
const GOLDEN = 0.618033988749895;

/** A strong colour (0xRRGGBB) that stays the same for a class or track number; neighbouring numbers differ clearly. */
export function colorOf(number: number): number {
  const index = Math.abs(Math.trunc(Number.isFinite(number) ? number : 0));
  const hue = (0.36 + index * GOLDEN) % 1;
  // Every other round a little lighter, so that the hundredth colour still differs from the first.
  return fromHsl(hue, 0.85, 0.5 + 0.1 * (Math.floor(index / 12) % 2));
}

/** The colour of class `k` in class maps, as NVSS's segmentation example computes it: class 0 is black. */
export function classMapColor(k: number): number {
  const channel = (factor: number): number => Math.trunc(255 * Math.sin(factor * k) ** 2);
  return (channel(13) << 16) | (channel(17) << 8) | channel(23);
}

function fromHsl(hue: number, saturation: number, lightness: number): number {
  const channel = (n: number): number => {
    const k = (n + hue * 12) % 12;
    const value = lightness - saturation * Math.min(lightness, 1 - lightness) * Math.max(-1, Math.min(k - 3, 9 - k, 1));
    return Math.round(255 * value);
  };
  return (channel(0) << 16) | (channel(8) << 8) | channel(4);
}
