import type { Random } from '../../src/base/index.ts';

/** Every choice of a history, repeatable from its seed. */
export interface Dice {
  /** A whole number from 0 up to, not including, `sides`. */
  below(sides: number): number;
  /** A whole number between two, both included. */
  between(low: number, high: number): number;
  chance(probability: number): boolean;
  pick<T>(from: readonly T[]): T;
  /** One of several things, more often the heavier ones. */
  weigh<T>(choices: readonly (readonly [weight: number, thing: T])[]): T;
  /** Some of them, in their order. */
  some<T>(from: readonly T[], probability: number): readonly T[];
  readonly bytes: Random;
}

/** Dice that fall the same way for the same seed (mulberry32). */
export function rollDice(seed: number): Dice {
  let state = seed | 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (sides: number): number => Math.floor(next() * sides);
  const chance = (probability: number): boolean => next() < probability;
  return {
    below,
    between: (low, high) => low + below(high - low + 1),
    chance,
    pick: (from) => at(from, below(from.length)),
    weigh: (choices) => {
      const total = choices.reduce((sum, [weight]) => sum + weight, 0);
      let left = next() * total;
      const chosen = choices.find(([weight]) => {
        left -= weight;
        return left < 0;
      });
      return (chosen ?? at(choices, choices.length - 1))[1];
    },
    some: (from, probability) => from.filter(() => chance(probability)),
    bytes: (count) => Uint8Array.from({ length: count }, () => below(256)),
  };
}

function at<T>(from: readonly T[], index: number): T {
  if (index < 0 || index >= from.length) throw new Error('nothing to choose from');
  return from[index] as T;
}
