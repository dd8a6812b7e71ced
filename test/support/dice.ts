/** Small numbers that look random and repeat with the seed. */
export function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 8) % sides;
  };
}

/** The same items in another order. */
export function shuffled<T>(items: readonly T[], roll: (sides: number) => number): readonly T[] {
  return items
    .map((item) => ({ item, place: roll(1 << 20) }))
    .toSorted((one, other) => one.place - other.place)
    .map(({ item }) => item);
}
