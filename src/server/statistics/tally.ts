import type { Millis } from '../../base/index.ts';

/** What is counted apart: requests with events, and items. */
export type Stream = 'batches' | 'events' | 'bodies' | 'snapshots';

/** How many items met the same end, of one project or, with an empty `projectId`, of the whole team. */
export interface Sum {
  readonly projectId: string;
  readonly stream: Stream;
  /** `success`, `duplicate`, or the code of a refusal. */
  readonly result: string;
  /** The schema's rule where the code alone says too little; empty where not. */
  readonly rule: string;
  readonly count: number;
  /** Of the items themselves. */
  readonly bytes: number;
}

/** A sum of one hour. */
export interface Figure extends Sum {
  /** When the hour began. */
  readonly hour: Millis;
}

/** What a figure is of; no two have the same. */
export function keyOf({ projectId, hour, stream, result, rule }: Figure): string {
  return [projectId, hour, stream, result, rule].join(' ');
}

/** What became of one item. */
export interface Fate {
  /** Which it is about, as far as it says; null for none. */
  readonly projectId: string | null;
  readonly result: string;
  readonly rule: string;
  readonly bytes: number;
}

export const HOUR_MS = 3_600_000;

/** The hour of a moment, by its beginning. */
export function hourOf(at: Millis): Millis {
  return Math.floor(at / HOUR_MS) * HOUR_MS;
}

/** Adds items up, for the team and for each project. Neighbours are usually alike, so they are added first. */
export function sumsOf(stream: Stream, fates: readonly Fate[]): readonly Sum[] {
  const sums = new Map<string, Sum>();
  const add = (fate: Fate, count: number, bytes: number): void => {
    const { projectId, result, rule } = fate;
    for (const project of projectId === null ? [''] : ['', projectId]) {
      const key = `${project} ${result} ${rule}`;
      const sum = sums.get(key) ?? { projectId: project, stream, result, rule, count: 0, bytes: 0 };
      sums.set(key, { ...sum, count: sum.count + count, bytes: sum.bytes + bytes });
    }
  };
  let [first, count, bytes] = [fates[0], 0, 0];
  for (const fate of fates) {
    if (first !== undefined && !isAlike(first, fate)) {
      add(first, count, bytes);
      [first, count, bytes] = [fate, 0, 0];
    }
    count += 1;
    bytes += fate.bytes;
  }
  if (first !== undefined) add(first, count, bytes);
  return [...sums.values()];
}

function isAlike(one: Fate, other: Fate): boolean {
  return (
    one.projectId === other.projectId && one.result === other.result && one.rule === other.rule
  );
}

/** A request with events: one for the team, and one for each project in it. */
export function batchOf(events: readonly Sum[]): readonly Sum[] {
  const projects = new Set(events.map(({ projectId }) => projectId));
  const rest = { stream: 'batches', result: 'success', rule: '', count: 1, bytes: 0 } as const;
  return [...projects].map((projectId) => ({ projectId, ...rest }));
}

/** Figures of one team in memory, until they are written. */
export interface Tally {
  add(figure: Figure): void;
  all(): readonly Figure[];
}

/** An empty tally. Once it has `most` rows, new ones of single projects are left out: they count for their team alone. */
export function createTally(most: number): Tally {
  const figures = new Map<string, Figure>();
  return {
    add: (figure) => {
      const key = keyOf(figure);
      const known = figures.get(key);
      if (known === undefined && figure.projectId !== '' && figures.size >= most) return;
      const count = figure.count + (known?.count ?? 0);
      const bytes = figure.bytes + (known?.bytes ?? 0);
      figures.set(key, { ...figure, count, bytes });
    },
    all: () => [...figures.values()],
  };
}
