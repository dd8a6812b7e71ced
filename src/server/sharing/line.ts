import { setImmediate } from 'node:timers/promises';
import type { Clock, Millis } from '../../base/index.ts';

/** One piece of work in its turn. */
export type Turn = <T>(work: () => T | Promise<T>) => Promise<T>;

/** A line before a few places. Teams have it, not requests: who had the least of late comes next. */
export interface Line {
  /**
   * Joins with something that takes one turn or several. Of one team, who joined first has all its turns first.
   * @param weight how much of its team's share a millisecond takes; 1 when absent.
   */
  join(team: string, weight?: number): Turn;
}

/** How much is done at one time, and how much of it may be one team's. */
export interface Room {
  readonly places: number;
  readonly perTeam: number;
}

interface LineRules extends Room {
  /** Who has waited for so long in vain is turned away; nobody is when absent. */
  readonly patience?: { readonly ms: Millis; readonly refusal: () => Error };
}

/** What one team has of a line. */
export interface Share {
  readonly team: string;
  readonly waiting: number;
  readonly working: number;
  /** Milliseconds of places it had, of which half are forgotten each second. */
  readonly used: number;
}

/** Who takes the next place; null where all are taken, or nobody who waits may have one. */
export function nextTeam(shares: readonly Share[], { places, perTeam }: Room): string | null {
  const taken = shares.reduce((sum, { working }) => sum + working, 0);
  if (taken >= places) return null;
  const able = shares.filter(({ waiting, working }) => waiting > 0 && working < perTeam);
  const [first, ...others] = able;
  if (first === undefined) return null;
  return others.reduce((least, each) => (each.used < least.used ? each : least), first).team;
}

const HALF_LIFE_MS = 1_000;

/** Below this a team that has nothing here is forgotten. */
const FORGOTTEN_MS = 0.01;

interface Waiter {
  readonly ticket: number;
  readonly enter: () => void;
}

interface Group {
  readonly waiting: Waiter[];
  working: number;
  used: number;
  usedAt: Millis;
}

export function createLine(clock: Clock, { patience, ...room }: LineRules): Line {
  const groups = new Map<string, Group>();
  let tickets = 0;
  let isChoosing = false;

  const groupOf = (team: string): Group => {
    const group = groups.get(team) ?? { waiting: [], working: 0, used: 0, usedAt: 0 };
    groups.set(team, group);
    return group;
  };
  const choose = (): void => {
    const now = clock.monotonic();
    for (const [team, group] of groups) if (isForgotten(group, now)) groups.delete(team);
    for (;;) {
      const shares = [...groups].map(([team, group]) => shareOf(team, group, now));
      const team = nextTeam(shares, room);
      if (team === null) return;
      const group = groupOf(team);
      group.working += 1;
      group.waiting.shift()?.enter();
    }
  };
  /** Not at once: who came while the last one worked is heard first, so a place is not handed on unseen. */
  const chooseSoon = async (): Promise<void> => {
    if (isChoosing) return;
    isChoosing = true;
    await setImmediate();
    isChoosing = false;
    choose();
  };
  const enter = (group: Group, ticket: number): Promise<void> => {
    const left = new AbortController();
    const entered = new Promise<void>((resolve) => {
      const waiter: Waiter = { ticket, enter: resolve };
      const behind = group.waiting.findIndex((other) => other.ticket > ticket);
      group.waiting.splice(behind < 0 ? group.waiting.length : behind, 0, waiter);
      if (!isChoosing) choose();
    }).finally(() => {
      left.abort();
    });
    if (patience === undefined) return entered;
    const late = clock.sleep(patience.ms, left.signal).then(() => {
      const place = group.waiting.findIndex((waiter) => waiter.ticket === ticket);
      if (place < 0) return entered;
      group.waiting.splice(place, 1);
      throw patience.refusal();
    });
    return Promise.race([entered, late]);
  };
  return {
    join: (team, weight = 1) => {
      const ticket = (tickets += 1);
      return async (work) => {
        const group = groupOf(team);
        await enter(group, ticket);
        const began = clock.monotonic();
        try {
          return await work();
        } finally {
          const now = clock.monotonic();
          group.used = usedBy(group, now) + weight * (now - began);
          group.usedAt = now;
          group.working -= 1;
          void chooseSoon();
        }
      };
    },
  };
}

function shareOf(team: string, group: Group, now: Millis): Share {
  const { working, waiting } = group;
  return { team, working, waiting: waiting.length, used: usedBy(group, now) };
}

function usedBy({ used, usedAt }: Group, now: Millis): number {
  return used * 2 ** ((usedAt - now) / HALF_LIFE_MS);
}

function isForgotten(group: Group, now: Millis): boolean {
  return group.working + group.waiting.length === 0 && usedBy(group, now) < FORGOTTEN_MS;
}
