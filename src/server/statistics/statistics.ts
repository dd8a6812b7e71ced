import { type Clock, type Log, messageOf, type Millis } from '../../base/index.ts';
import { operatorScope } from '../auth.ts';
import { allTeams } from '../identity/teams.ts';
import type { Sql } from '../store/driver.ts';
import type { Store } from '../store/store.ts';
import type { TeamScope } from '../store/team-scope.ts';
import { addFigures, forgetHour, isProjectOf } from './counts.ts';
import { createTally, type Figure, HOUR_MS, hourOf, type Sum, type Tally } from './tally.ts';

/** How long figures stay in memory: what a process that is killed loses of them, never of events. */
const WRITE_EVERY_MS = 3_000;

/** Days of which the hours are kept. */
export const KEPT_DAYS = 31;

/** Rows of one team in memory; who names more projects than that in three seconds counts for the team alone. */
const MOST_ROWS = 2_000;

/** What one process has counted of what it took and refused, until it is written beside everybody else's. */
export interface Statistics {
  note(team: TeamScope, sums: readonly Sum[]): void;
  /** Writes what is in memory. What cannot be written now is kept for the next time. */
  write(): Promise<void>;
}

interface Surroundings {
  readonly clock: Clock;
  readonly log: Log;
}

/** Counts in memory, so that nothing that is sent waits for a figure. */
export function createStatistics(store: Store, { clock, log }: Surroundings): Statistics {
  let tallies = new Map<TeamScope, Tally>();
  let turn: Promise<void> = Promise.resolve();
  const add = (team: TeamScope, figures: readonly Figure[]): void => {
    const tally = tallies.get(team) ?? createTally(MOST_ROWS);
    tallies.set(team, tally);
    for (const figure of figures) tally.add(figure);
  };
  const write = async (): Promise<void> => {
    const taken = tallies;
    tallies = new Map();
    for (const [team, tally] of taken) {
      try {
        await store.driver.of(team).tx((sql) => writeFigures(sql, team, tally.all()));
      } catch (error) {
        log.error('receiver.statistics', { error: messageOf(error) });
        add(team, tally.all());
      }
    }
  };
  return {
    note: (team, sums) => {
      const hour = hourOf(clock.now());
      add(
        team,
        sums.map((sum) => ({ ...sum, hour })),
      );
    },
    write: () => {
      turn = turn.then(write);
      return turn;
    },
  };
}

/** What was refused may name any project at all; only the team's own have figures. */
async function writeFigures(sql: Sql, team: TeamScope, figures: readonly Figure[]): Promise<void> {
  const stored = figures.filter(
    ({ stream, result }) => stream !== 'batches' && result === 'success',
  );
  const own = new Set(['', ...stored.map(({ projectId }) => projectId)]);
  for (const projectId of new Set(figures.map((figure) => figure.projectId))) {
    if (!own.has(projectId) && (await isProjectOf(sql, team, projectId))) own.add(projectId);
  }
  await addFigures(
    sql,
    team,
    figures.filter(({ projectId }) => own.has(projectId)),
  );
}

/** Writes figures every few seconds until `signal`, and once an hour removes those that are too old. */
export async function keepWriting(
  statistics: Statistics,
  { store, clock, log }: Surroundings & { readonly store: Store },
  signal: AbortSignal,
): Promise<void> {
  let cleaned: Millis = 0;
  while (!signal.aborted) {
    await statistics.write();
    const hour = hourOf(clock.now());
    try {
      if (hour !== cleaned) await forgetOld(store, hour - KEPT_DAYS * 24 * HOUR_MS, signal);
      cleaned = hour;
    } catch (error) {
      log.error('receiver.statistics', { error: messageOf(error) });
    }
    await clock.sleep(WRITE_EVERY_MS, signal);
  }
}

/** An hour of a team in one transaction, so that nobody who writes waits for long. */
export async function forgetOld(
  { driver }: Store,
  before: Millis,
  signal: AbortSignal,
): Promise<void> {
  for (const { id } of await allTeams(driver)) {
    const team = operatorScope(id);
    const own = driver.of(team);
    while (!signal.aborted && (await own.tx((sql) => forgetHour(sql, team, before))));
  }
}
