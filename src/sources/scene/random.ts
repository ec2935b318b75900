/** Random numbers that are the same for the same seed, everywhere and always. */
export interface Random {
  /** 0 ≤ x < 1. */
  next(): number;
  /** min ≤ x < max. */
  between(min: number, max: number): number;
  /** One of the items, all equally likely. */
  pick<Item>(items: readonly Item[]): Item;
  /** True with this probability. */
  chance(probability: number): boolean;
}

/** Mixes whole numbers into 32 well spread bits (the finaliser of MurmurHash3). */
export function hash(...values: readonly number[]): number {
  let h = 0x9e3779b9;
  for (const value of values) {
    h = Math.imul(h ^ (value | 0), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    h ^= h >>> 16;
  }
  return h >>> 0;
}

/** A generator seeded by whole numbers (sfc32 would do as well; mulberry32 is shorter and passes what a picture needs). */
export function createRandom(...seed: readonly number[]): Random {
  let state = hash(...seed);
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let z = Math.imul(state ^ (state >>> 15), 1 | state);
    z = (z + Math.imul(z ^ (z >>> 7), 61 | z)) ^ z;
    return ((z ^ (z >>> 14)) >>> 0) / 0x1_0000_0000;
  };
  return {
    next,
    between: (min, max) => min + (max - min) * next(),
    pick: (items) => {
      const item = items[Math.floor(next() * items.length)];
      if (item === undefined) {
        throw new RangeError("nothing to pick from");
      }
      return item;
    },
    chance: (probability) => next() < probability,
  };
}
