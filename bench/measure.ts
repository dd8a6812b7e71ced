/** One line of the table: ours beside its physical baseline, measured in turns in one run. */
export interface Measured {
  readonly goal: string;
  readonly what: string;
  /** Per second, or milliseconds: `unit` says which. */
  readonly ours: number;
  readonly baseline: number;
  readonly unit: 'per s' | 'ms' | 'MB' | '';
  readonly ratio: number;
  /** What the ratio must reach. */
  readonly target: string;
  readonly reached: boolean;
}

/**
 * Starts counting; the answer says how many milliseconds have passed since. With `BENCH_CLOCK=cpu` they are the
 * processor's own, for a machine that has other work: then waiting for the disk does not count, on either side.
 */
export function stopwatch(): () => number {
  if (process.env['BENCH_CLOCK'] === 'cpu') {
    const before = process.cpuUsage();
    return () => {
      const { user, system } = process.cpuUsage(before);
      return (user + system) / 1000;
    };
  }
  const before = performance.now();
  return () => performance.now() - before;
}

/** Milliseconds that `work` takes. */
export async function timed(work: () => unknown): Promise<number> {
  const passed = stopwatch();
  await work();
  return passed();
}

/** Runs both sides in turns and gives the medians of their times and of their ratios (ours / baseline). */
export async function pairs(
  count: number,
  ours: () => Promise<number> | number,
  baseline: () => Promise<number> | number,
): Promise<{ readonly ours: number; readonly baseline: number; readonly ratio: number }> {
  const taken: { ours: number; baseline: number }[] = [];
  for (let pair = 0; pair < count; pair += 1) {
    // Which side goes first changes every time, so that what warms up helps neither.
    const first = pair % 2 === 0 ? await ours() : await baseline();
    const second = pair % 2 === 0 ? await baseline() : await ours();
    taken.push(
      pair % 2 === 0 ? { ours: first, baseline: second } : { ours: second, baseline: first },
    );
  }
  return {
    ours: median(taken.map((each) => each.ours)),
    baseline: median(taken.map((each) => each.baseline)),
    ratio: median(taken.map((each) => each.ours / each.baseline)),
  };
}

/** The middle value. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** The value below which `share` (0 … 1) of all values lie. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)] ?? Number.NaN;
}

/** A rate as a share of the baseline's: both are times for the same work. Without a goal it is for information. */
export function rateGoal(
  goal: string,
  what: string,
  times: { readonly ours: number; readonly baseline: number; readonly ratio: number },
  options: { readonly items: number; readonly atLeast: number | null },
): Measured {
  const share = 1 / times.ratio;
  return {
    goal,
    what,
    ours: (options.items / times.ours) * 1000,
    baseline: (options.items / times.baseline) * 1000,
    unit: 'per s',
    ratio: share,
    target: options.atLeast === null ? '–' : `≥ ${options.atLeast.toFixed(2)}`,
    reached: options.atLeast === null || share >= options.atLeast,
  };
}

/** A value that must stay below a limit, shown beside what it is compared with. */
export function limitGoal(
  goal: string,
  what: string,
  values: { readonly ours: number; readonly baseline: number; readonly ratio: number },
  options: { readonly unit: Measured['unit']; readonly atMost: number },
): Measured {
  return {
    goal,
    what,
    ...values,
    unit: options.unit,
    target: `≤ ${options.atMost}`,
    reached: values.ratio <= options.atMost,
  };
}

/** A figure and the number of events it was measured with. */
export type Sized = readonly [size: number, value: number];

/** A law of growth: a figure at a large size beside the same figure at a small one. */
export function growth(
  goal: string,
  what: string,
  [small, large]: readonly [Sized, Sized],
  atMost: number,
): Measured {
  const name = `${what}: ${large[0].toLocaleString('en-US')} beside ${small[0].toLocaleString('en-US')}`;
  const values = { ours: large[1], baseline: small[1], ratio: large[1] / small[1] };
  return limitGoal(goal, name, values, { unit: 'ms', atMost });
}
