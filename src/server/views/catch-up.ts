import { setImmediate } from 'node:timers/promises';
import { type Clock, type Log, messageOf, type Millis } from '../../base/index.ts';
import { parseEnvelope } from '../../wire/index.ts';
import { operatorScope } from '../auth.ts';
import { projectsOf } from '../identity/projects.ts';
import { allTeams } from '../identity/teams.ts';
import type { Turn } from '../sharing/line.ts';
import type { Driver } from '../store/driver.ts';
import { settledPage } from '../store/events.ts';
import type { Store } from '../store/store.ts';
import type { TeamScope } from '../store/team-scope.ts';
import { factsOf } from './facts.ts';
import { fold } from './fold.ts';
import { applyChange, emptyViews, lockViews, type ProjectScope } from './tables.ts';

/** Events of one transaction: others wait no longer than they take. */
const PAGE = 200;

/** The same behind the ingest's back where the store works on the thread: whoever sends waits for it. */
const PAGE_ON_THREAD = 50;

/** Pages that one look at a project waits for; the rest is folded behind its back. */
const PAGES_OF_A_LOOK = 10;

const REST_MS = 2_000;

// Whether there are any is planned as a join of all events; LIMIT makes it a search of an index for each project. Row-level
// security keeps PostgreSQL from using the bound of a key when it is made by a function such as coalesce.
const BEHIND = `
  SELECT p.project_id FROM projects p
  LEFT JOIN view_cursors c ON c.team_id = p.team_id AND c.project_id = p.project_id
  WHERE p.team_id = $1 AND (SELECT e.arrival FROM events e WHERE e.team_id = p.team_id
    AND e.project_id = p.project_id AND e.arrival > CASE WHEN c.arrival IS NULL THEN 0 ELSE c.arrival END
    ORDER BY e.arrival LIMIT 1) IS NOT NULL
  ORDER BY p.project_id`;

/** The projects of a team with events that no view knows yet. */
async function projectsBehind(driver: Driver, team: TeamScope): Promise<readonly string[]> {
  const rows = await driver.all<{ readonly project_id: string }>(BEHIND, [team]);
  return rows.map((row) => row.project_id);
}

/**
 * Brings the views of a team nearer to its events, as far as somebody who looks will wait.
 * @returns false when there is more to fold.
 */
export async function catchUp(store: Store, team: TeamScope): Promise<boolean> {
  const driver = store.driver.of(team);
  let left = PAGES_OF_A_LOOK;
  for (const projectId of await projectsBehind(driver, team)) {
    while (left > 0 && (await foldPage(driver, [team, projectId])) === PAGE) {
      left -= 1;
      await setImmediate();
    }
    if (left === 0) return false;
  }
  return true;
}

/**
 * Empties every view of every team and folds all events anew.
 * @returns how many projects and events that were.
 */
export async function rebuildViews(
  store: Store,
): Promise<{ readonly projects: number; readonly events: number }> {
  let projects = 0;
  let events = 0;
  for (const { id } of await allTeams(store.driver)) {
    const team = operatorScope(id);
    const driver = store.driver.of(team);
    for (const { id: projectId } of await projectsOf(driver, team)) {
      const scope = [team, projectId] as const;
      await driver.tx(async (sql) => {
        await lockViews(sql, scope);
        await emptyViews(sql, scope);
      });
      events += await foldRest(driver, scope);
      projects += 1;
    }
  }
  await store.driver.measure();
  return { projects, events };
}

interface Keeping {
  readonly clock: Clock;
  readonly log: Log;
  /** In which each step is made. */
  readonly turn: Turn;
  readonly restMs?: Millis;
}

/** Keeps the views of every team near its events until `signal`. What fails is tried again after a rest. */
export async function keepUp(
  store: Store,
  { clock, log, turn, restMs = REST_MS }: Keeping,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await foldAll(store, turn, signal);
    } catch (error) {
      // Views are behind then, which their pages say; whatever it is, the receiver goes on taking events.
      log.error('receiver.views', { error: messageOf(error) });
    }
    await clock.sleep(restMs, signal);
  }
}

/** A step of every project that is behind, then another one of those that still are: none waits for another's end. */
async function foldAll(store: Store, turn: Turn, signal: AbortSignal): Promise<void> {
  const size = store.driver.writers === 1 ? PAGE_ON_THREAD : PAGE;
  let behind: readonly ProjectScope[] = await allBehind(store);
  while (behind.length > 0) {
    const left: ProjectScope[] = [];
    for (const scope of behind) {
      if (signal.aborted) return;
      const driver = store.driver.of(scope[0]);
      if ((await turn(() => foldPage(driver, scope, size))) === size) left.push(scope);
    }
    behind = left;
  }
}

async function allBehind({ driver }: Store): Promise<readonly ProjectScope[]> {
  const behind: ProjectScope[] = [];
  for (const { id } of await allTeams(driver)) {
    const team = operatorScope(id);
    for (const projectId of await projectsBehind(driver.of(team), team)) {
      behind.push([team, projectId]);
    }
  }
  return behind;
}

async function foldRest(driver: Driver, scope: ProjectScope): Promise<number> {
  let sum = 0;
  for (;;) {
    const count = await foldPage(driver, scope);
    sum += count;
    if (count < PAGE) return sum;
  }
}

async function foldPage(driver: Driver, scope: ProjectScope, limit = PAGE): Promise<number> {
  return driver.tx(async (sql) => {
    const after = await lockViews(sql, scope);
    const [team, projectId] = scope;
    const page = await settledPage(sql, { team, projectId, after, limit });
    const last = page.at(-1);
    if (last === undefined) return 0;
    const facts = page.map((event) => {
      const parsed = parseEnvelope(event.bytes);
      return factsOf(event, parsed.ok ? parsed.value.envelope : null);
    });
    await applyChange(sql, scope, fold(facts), last.cursor);
    return page.length;
  });
}
