import { type Clock, EXIT, type Millis, UserError } from '../../base/index.ts';
import { parseEnvelope, parseProjectId } from '../../wire/index.ts';
import { readDossier } from '../dossier.ts';
import { note } from '../identity/administration.ts';
import { projectsOf } from '../identity/projects.ts';
import { tablesInOrder } from '../moving/tables.ts';
import type { Sql } from '../store/driver.ts';
import {
  emptyOfProject,
  type Erasable,
  erasableEvents,
  erasableWithId,
  eraseBytes,
  eraseText,
  type ProjectScope,
} from '../store/erasures.ts';
import { countBytes, setQuota } from '../store/quotas.ts';
import type { Store } from '../store/store.ts';
import type { TeamScope } from '../store/team-scope.ts';
import { emptyViews, lockViews } from '../views/tables.ts';

/** What is to go: one event; or what a project, or all of them, sent before a moment; or a project whole. */
export interface Erasure {
  readonly team: TeamScope;
  readonly eventId?: string;
  readonly project?: string;
  readonly before?: Millis;
}

export interface Erased {
  readonly events: number;
  /** Bytes of their envelopes. */
  readonly bytes: number;
  /** Rows of everything else: artifacts, texts, snapshots, views. */
  readonly rows: number;
}

const PAGE = 500;
const NOTHING: Erased = { events: 0, bytes: 0, rows: 0 };

/**
 * Takes away what was stored, for good. Of each event its id, hash and times stay, so that sending it again is
 * answered with `erased`. An event that indexed a text takes the text along; a whole project everything but its events'
 * ids. Age takes events alone. What backups hold is not touched.
 * @throws UserError `usage` when nothing is named, or a project that is no UUID.
 */
export async function erase(store: Store, erasure: Erasure, clock: Clock): Promise<Erased> {
  const project = erasure.project === undefined ? null : parseProjectId(erasure.project);
  const { team, eventId, before } = erasure;
  const isUnclear = eventId !== undefined && before !== undefined;
  if (isUnclear || (erasure.project !== undefined && project === null)) throw unclear();
  if (eventId === undefined && before === undefined && project === null) throw unclear();
  // SQLite leaves bytes in its file until the page is used again, unless it is told.
  const isFile = store.driver.columns === null;
  if (isFile) await store.driver.all('PRAGMA secure_delete = ON');
  const act = { store, team, clock };
  const erased =
    eventId === undefined
      ? await eraseByAge(act, project, before)
      : await eraseOne(act, eventId, project);
  if (isFile) await store.driver.all('PRAGMA wal_checkpoint(TRUNCATE)');
  return erased;
}

interface Erasing {
  readonly store: Store;
  readonly team: TeamScope;
  readonly clock: Clock;
}

async function eraseOne(
  { store, team, clock }: Erasing,
  eventId: string,
  project: string | null,
): Promise<Erased> {
  const erased = await store.driver.of(team).tx(async (sql) => {
    const found = (await erasableWithId(sql, team, eventId)).filter(
      ({ projectId }) => project === null || projectId === project,
    );
    let texts = 0;
    for (const event of found) {
      const scope = [team, event.projectId] as const;
      await eraseBytes(sql, scope, [event], clock.now());
      texts += await eraseIndexed(sql, scope, event);
    }
    await countBytes(sql, team, -sizeOf(found) - texts);
    if (found.length > 0) await note({ clock }, sql, ['event.erased', eventId, team]);
    return found;
  });
  for (const { projectId } of erased) await foldAnew({ store, team, clock }, projectId);
  return { events: erased.length, bytes: sizeOf(erased), rows: 0 };
}

/** Whoever looks next, or the receiver in its own time, folds the views of what is left. */
async function foldAnew({ store, team }: Erasing, projectId: string): Promise<void> {
  const scope = [team, projectId] as const;
  await store.driver.of(team).tx(async (sql) => {
    await lockViews(sql, scope);
    await emptyViews(sql, scope);
  });
}

async function eraseIndexed(sql: Sql, scope: ProjectScope, { bytes }: Erasable): Promise<number> {
  const parsed = parseEnvelope(bytes);
  const artifact = parsed.ok ? readDossier(parsed.value.envelope)?.artifact : null;
  const sha256 = artifact?.sha256 ?? null;
  if (artifact === null || artifact === undefined || sha256 === null) return 0;
  return eraseText(sql, scope, { path: artifact.path, sha256 });
}

async function eraseByAge(
  act: Erasing,
  project: string | null,
  before: Millis | undefined,
): Promise<Erased> {
  const { store, team } = act;
  const projects =
    project === null
      ? (await projectsOf(store.driver.of(team), team)).map(({ id }) => id)
      : [project];
  let erased = NOTHING;
  for (const id of projects) {
    const events = await eraseEvents(act, id, before ?? Number.MAX_SAFE_INTEGER);
    // Views that are folded meanwhile may have seen what has just gone, so they go last.
    const rows = before === undefined ? await emptyProject(act, id) : 0;
    if (events.events > 0) await foldAnew(act, id);
    erased = sumOf(erased, { ...events, rows });
  }
  return erased;
}

/** Page by page, so that senders wait for a moment only. */
async function eraseEvents(
  { store, team, clock }: Erasing,
  projectId: string,
  before: Millis,
): Promise<Erased> {
  const scope = [team, projectId] as const;
  let erased = NOTHING;
  let after = 0;
  for (;;) {
    const range = { after, before, limit: PAGE };
    const page = await store.driver.of(team).tx(async (sql) => {
      const events = await erasableEvents(sql, scope, range);
      await eraseBytes(sql, scope, events, clock.now());
      if (events.length === 0) return events;
      await countBytes(sql, team, -sizeOf(events));
      const upTo = `${events.length} up to ${events.at(-1)?.arrival ?? 0} of ${projectId}`;
      await note({ clock }, sql, ['events.erased', upTo, team]);
      return events;
    });
    erased = sumOf(erased, { events: page.length, bytes: sizeOf(page), rows: 0 });
    after = page.at(-1)?.arrival ?? after;
    if (page.length < PAGE) return erased;
  }
}

/** What stays of a project: its events' ids, that it is the team's, and what an operator said of its trackers. */
const KEPT: ReadonlySet<string> = new Set(['events', 'projects', 'resource_mappings']);

async function emptyProject({ store, team, clock }: Erasing, projectId: string): Promise<number> {
  const tables = tablesInOrder(clock)
    .filter(({ name, isWalled }) => isWalled && !KEPT.has(name))
    .toReversed();
  return store.driver.of(team).tx(async (sql) => {
    let rows = 0;
    for (const { name } of tables) rows += await emptyOfProject(sql, name, [team, projectId]);
    const usage = await countBytes(sql, team, 0);
    if (usage !== null) await setQuota(sql, team, usage.maxBytes, clock.now());
    await note({ clock }, sql, ['project.erased', projectId, team]);
    return rows;
  });
}

function sizeOf(events: readonly Erasable[]): number {
  return events.reduce((sum, { bytes }) => sum + bytes.length, 0);
}

function sumOf(one: Erased, other: Erased): Erased {
  return {
    events: one.events + other.events,
    bytes: one.bytes + other.bytes,
    rows: one.rows + other.rows,
  };
}

function unclear(): UserError {
  return new UserError('usage', 'name what is to go: an event, a project, or what is older', {
    remedy: 'spec-kitty receiver erase --help',
    exitCode: EXIT.refused,
  });
}
