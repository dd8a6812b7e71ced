import type { Db, Millis, System } from '../base/index.ts';
import { storeUpload } from '../bodies/index.ts';
import { capture, findEvent, findIndexEvent, type Receipt } from '../journal/index.ts';
import type { ParsedEnvelope, ProjectId } from '../wire/index.ts';
import {
  account,
  isAccounted,
  noteConflict,
  noteFailure,
  noteUnreadable,
  sourceIdIn,
  type Result,
} from './account.ts';
import { contentsOf } from './reading.ts';
import { judgedRows, type Judged } from './rows.ts';
import type { Source } from './sources.ts';
import type { OpenStore, Stores } from './stores.ts';
import { findUnassigned, keepUnassigned } from './unassigned.ts';

/** How many rows of a source came to which end in this run; the ends add up to `rows`. */
export interface Tally extends Record<Result, number> {
  rows: number;
  bodies: number;
  failures: number;
  /** Rows whose store could not be written. */
  waiting: number;
}

export interface ImportContext {
  readonly system: System;
  readonly source: Source;
  /** The identity that the source's name was proven to stand for. */
  readonly scope: string | null;
  readonly stores: Stores;
  /** Called after each row. */
  readonly onRow: () => void;
}

/** Rows that are recorded together. */
const PAGE = 500;

/**
 * Takes every row of an opened copy into the stores, inside their transactions.
 * @returns the tally, and why SQLite stopped reading when it did; what it had read by then counts.
 */
export function importRows(
  context: ImportContext,
  copy: Db,
): { readonly tally: Tally; readonly broken: string | null } {
  const importing: Importing = { ...context, places: new Map(), tally: emptyTally() };
  let broken: string | null = null;
  const rows = judgedRows(contentsOf(copy), (reason) => {
    broken = reason;
  });
  for (const row of rows) {
    const place = placeOf(importing, row.projectId);
    if (place === null) count(importing, row, 'waiting');
    else place.pending.push(row);
    if (place?.pending.length === PAGE) record(importing, place);
  }
  for (const place of importing.places.values()) if (place !== null) record(importing, place);
  return { tally: importing.tally, broken };
}

/** Nothing counted yet. */
export function emptyTally(): Tally {
  const ends = { imported: 0, identical: 0, conflict: 0, unreadable: 0, waiting: 0 };
  return { rows: 0, bodies: 0, failures: 0, ...ends };
}

interface Importing extends ImportContext {
  readonly places: Map<ProjectId | null, Place | null>;
  readonly tally: Tally;
}

/** A store, what the source is called there, and rows that were collected for it. */
interface Place extends OpenStore {
  readonly sourceId: number;
  readonly pending: Judged[];
}

/** Where rows of a project go; null when its store cannot be written. */
function placeOf(importing: Importing, projectId: ProjectId | null): Place | null {
  const { places, source, scope, stores, system } = importing;
  const known = places.get(projectId);
  if (known !== undefined) return known;
  const store = stores.at(projectId);
  const now = system.clock.now();
  const place =
    store === null
      ? null
      : { ...store, sourceId: sourceIdIn(store.db, source, { scope, now }), pending: [] };
  places.set(projectId, place);
  return place;
}

function record(importing: Importing, place: Place): void {
  const { system } = importing;
  const now = system.clock.now();
  const { db, projectId, sourceId, pending } = place;
  const events = pending.filter((row) => row.kind === 'event');
  const statuses = recordEvents(system, place, events, now);
  for (const row of pending) {
    const { part, rowId, sha256, enqueuedAt } = row;
    const key = { sourceId, part, rowId, sha256 };
    const ended = row.kind === 'event' ? statuses.get(row) : keepOther(place, row, now);
    const { result, seq } = ended ?? { result: 'unreadable', seq: null };
    if (row.kind === 'event' && result === 'conflict')
      keepBoth(db, projectId, row, { sourceId, now });
    account(db, key, { result, seq, enqueuedAt });
    count(importing, row, result);
  }
  pending.length = 0;
}

function count({ tally, onRow }: Importing, row: Judged, end: Result | 'waiting'): void {
  tally.rows += 1;
  tally[end] += 1;
  if (row.part === 'body') tally.bodies += 1;
  if (row.part === 'failure') tally.failures += 1;
  onRow();
}

interface Ended {
  readonly result: Result;
  readonly seq: number | null;
}

type EventRow = Extract<Judged, { kind: 'event' }>;
type OtherRow = Exclude<Judged, { kind: 'event' }>;

/** What capture says of an event, in the words of accounting. */
export const RESULT_OF: Readonly<Record<Receipt['status'], Result>> = {
  captured: 'imported',
  known: 'identical',
  conflict: 'conflict',
  // Capture discards nothing that an earlier program had kept.
  discarded: 'identical',
};

/** Rows of old queues have no checkout, which every permission covers. */
function recordEvents(
  system: System,
  { db, projectId }: Place,
  rows: readonly EventRow[],
  now: Millis,
): ReadonlyMap<EventRow, Ended> {
  if (rows.length === 0) return new Map();
  if (projectId === null) {
    return new Map(
      rows.map((row) => {
        const result = RESULT_OF[keepUnassigned(db, row.event, now)];
        return [row, { result, seq: null }];
      }),
    );
  }
  const journal = { db, projectId, checkoutId: null, system };
  const facts = rows.map(({ event }) => ({ event, origin: 'legacy', source: null }) as const);
  const receipts = capture(journal, facts);
  return new Map(
    rows.map((row, index) => {
      const { status, seq, eventId } = receipts[index] ?? missing(row.event);
      const place = seq ?? findEvent(db, eventId)?.seq ?? null;
      return [row, { result: RESULT_OF[status], seq: place }];
    }),
  );
}

function missing({ envelope }: ParsedEnvelope): never {
  throw new Error(`capture said nothing about ${envelope.eventId}`);
}

function keepBoth(
  db: Db,
  projectId: ProjectId | null,
  { event, data, sha256 }: EventRow,
  at: { readonly sourceId: number; readonly now: Millis },
): void {
  const { eventId } = event.envelope;
  const existing = projectId === null ? findUnassigned(db, eventId) : findEvent(db, eventId);
  noteConflict(db, {
    eventId,
    incoming: data,
    incomingSha256: sha256,
    ...at,
    existing: existing?.payload ?? null,
    existingSha256: existing?.sha256 ?? '',
  });
}

function keepOther({ db, sourceId }: Place, row: OtherRow, now: Millis): Ended {
  const { part, rowId, sha256 } = row;
  const key = { sourceId, part, rowId, sha256 };
  if (row.kind === 'unreadable') {
    noteUnreadable(db, key, { reason: row.reason, content: row.content, now });
    return { result: 'unreadable', seq: null };
  }
  if (row.kind === 'body') {
    return { result: keepBody(db, row, now) ? 'imported' : 'identical', seq: null };
  }
  const isKnown = isAccounted(db, key);
  noteFailure(db, sourceId, row.failure);
  return { result: isKnown ? 'identical' : 'imported', seq: null };
}

/** Whether the upload is new here. Whatever waited in an old queue has its place: refusing it would strand it there. */
function keepBody(
  db: Db,
  { body, namespace }: Extract<Judged, { kind: 'body' }>,
  now: Millis,
): boolean {
  const { artifactPath: path, contentHash: sha256, content } = body;
  const indexSeq = findIndexEvent(db, { ...namespace, path, sha256 });
  const { retryCount, dueAt, createdAt } = body;
  const stored = storeUpload(
    db,
    {
      namespace,
      path,
      sha256,
      content,
      indexSeq,
      checkoutId: null,
      eligible: true,
      origin: 'legacy',
      carried: { retryCount: Math.max(retryCount, 0), dueAt, createdAt },
    },
    { now, capacity: Number.MAX_SAFE_INTEGER },
  );
  return stored === 'enqueued';
}
