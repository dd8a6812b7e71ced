import { assert, UserError, uuidV5, type Db } from '../base/index.ts';
import type { Home } from '../home/index.ts';
import { capture, findEvent, type Receipt } from '../journal/index.ts';
import { parseEnvelope, withMember, type ParsedEnvelope, type ProjectId } from '../wire/index.ts';
import {
  account,
  incomingOf,
  noteConflict,
  openConflicts,
  resolveConflict,
  sourceIdIn,
  type Conflict,
} from './account.ts';
import { RESULT_OF } from './importing.ts';
import { judgeEvent } from './rows.ts';
import { existingStores, hasStore, type OpenStore } from './stores.ts';
import { asOfProject, keepUnassigned, listWaiting, markAssigned } from './unassigned.ts';

/** The content of a conflicting id that counts. The other one is kept either way. */
export type Keep = 'keep-journal' | 'keep-source';

/** Every conflict of this home that nobody has decided. */
export function listConflicts(home: Home): readonly Conflict[] {
  return existingStores(home).flatMap(({ db }) => openConflicts(db));
}

/**
 * Decides conflicts. `keep-journal`: the first content stands alone. `keep-source`: the other one is recorded too, as an
 * event of its own that names the first as its cause; ids and bytes in the journal never change.
 * @param eventIds null for every conflict.
 * @returns how many were decided.
 * @throws UserError `not_found` for an id without an open conflict.
 */
export function resolveConflicts(
  home: Home,
  options: { readonly keep: Keep; readonly eventIds: readonly string[] | null },
): number {
  const { keep, eventIds } = options;
  if (eventIds !== null) requireAll(eventIds, listConflicts(home), 'waits for a decision');
  let decided = 0;
  for (const store of existingStores(home)) {
    store.db.tx(() => {
      for (const conflict of chosen(openConflicts(store.db), eventIds)) {
        if (keep === 'keep-source') recordOther(home, store, conflict);
        const now = home.system.clock.now();
        resolveConflict(store.db, conflict, { resolution: keep, now });
        decided += 1;
      }
    });
  }
  return decided;
}

/**
 * Gives events that name no project to one. The event keeps its id; its envelope names the project from now on, because
 * no receiver takes one that names none. The original stays as it is.
 * @param eventIds null for every event that waits.
 * @returns how many were given.
 * @throws UserError `not_found` for an id that does not wait.
 */
export function assignEvents(
  home: Home,
  options: { readonly projectId: ProjectId; readonly eventIds: readonly string[] | null },
): number {
  const { projectId, eventIds } = options;
  const waiting = hasStore(home, null) ? listWaiting(home.unassigned()) : [];
  if (eventIds !== null) requireAll(eventIds, waiting, 'waits for a project');
  const events = chosen(waiting, eventIds);
  if (events.length === 0) return 0;
  const now = home.system.clock.now();
  const db = home.store(projectId);
  db.tx(() => {
    for (const event of events)
      recordAssigned(home, { db, projectId }, asOfProject(event, projectId));
  });
  home.unassigned().tx(() => {
    for (const { event_id } of events)
      markAssigned(home.unassigned(), event_id, { projectId, now });
  });
  return events.length;
}

interface WithId {
  readonly event_id: string;
}

function chosen<T extends WithId>(
  items: readonly T[],
  ids: readonly string[] | null,
): readonly T[] {
  return ids === null ? items : items.filter(({ event_id }) => ids.includes(event_id));
}

function requireAll(ids: readonly string[], items: readonly WithId[], what: string): void {
  const missing = ids.find((id) => !items.some(({ event_id }) => event_id === id));
  if (missing === undefined) return;
  throw new UserError('not_found', `no event ${missing} ${what}`, {
    remedy: 'spec-kitty sync migrate',
  });
}

/** Its id depends on the content alone, so that deciding twice records it once. */
function recordOther(home: Home, store: OpenStore, conflict: Conflict): void {
  const row = judgeEvent({ rowId: 0, data: incomingOf(store.db, conflict), enqueuedAt: 0 });
  assert(row.kind === 'event', 'the content of a conflict is an event');
  const id = uuidV5(OTHER, `${conflict.event_id} ${conflict.incoming_sha}`);
  const named = withMember(row.event.bytes, 'event_id', id);
  const parsed = parseEnvelope(withMember(named, 'causation_id', conflict.event_id));
  assert(parsed.ok, 'an event with another id and cause stays well-formed');
  if (store.projectId === null) keepUnassigned(store.db, parsed.value, home.system.clock.now());
  else captureOld(home, store.db, store.projectId, parsed.value);
}

/** The namespace of ids of second contents. */
const OTHER = '6e0c1f4a-93b8-5d27-8f61-2f5a7f0c9b44';

function recordAssigned(
  home: Home,
  place: { readonly db: Db; readonly projectId: ProjectId },
  event: ParsedEnvelope,
): void {
  const { db, projectId } = place;
  const now = home.system.clock.now();
  const from = { path: home.paths.unassigned, digest: 'unassigned' } as const;
  const source = { ...from, kind: 'queue', link: null } as const;
  const sourceId = sourceIdIn(db, source, { scope: null, now });
  const { eventId } = event.envelope;
  const key = { sourceId, part: 'event', rowId: 0, sha256: event.sha256 } as const;
  const status = captureOld(home, db, projectId, event);
  const kept = findEvent(db, eventId);
  const result = RESULT_OF[status];
  account(db, key, { result, seq: kept?.seq ?? null, enqueuedAt: now });
  if (status !== 'conflict') return;
  noteConflict(db, {
    eventId,
    sourceId,
    now,
    incoming: event.bytes,
    incomingSha256: event.sha256,
    existing: kept?.payload ?? null,
    existingSha256: kept?.sha256 ?? '',
  });
}

function captureOld(
  home: Home,
  db: Db,
  projectId: ProjectId,
  event: ParsedEnvelope,
): Receipt['status'] {
  const journal = { db, projectId, checkoutId: null, system: home.system };
  const [receipt] = capture(journal, [{ event, origin: 'legacy', source: null }]);
  assert(receipt !== undefined, 'capture answers for each fact');
  return receipt.status;
}
