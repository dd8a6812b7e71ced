import type { Db, Millis } from '../../base/index.ts';
import {
  isKnownType,
  parseEnvelope,
  type ParsedEnvelope,
  type ProjectId,
} from '../../wire/index.ts';
import { ORIGINS } from '../append.ts';
import { coalesceKey, FAMILIES, familyOf, missionOf } from '../families.ts';
import { isIntact, readPayloads } from '../retention/payloads.ts';

/** Why an event is not what was captured any more. */
export type DamageReason = 'payload_damaged' | 'payload_missing' | 'event_missing';

/** A position of the journal whose event is not what was captured any more. */
export interface Damage {
  readonly seq: number;
  /** Null when not even that is known. */
  readonly eventId: string | null;
  readonly reason: DamageReason;
}

const PAGE = 1_000;
const UP_TO = 'SELECT max(seq) AS last FROM events';
const MISSING_PAYLOADS = `
  SELECT e.seq, e.event_id FROM events e
  WHERE NOT EXISTS (SELECT 1 FROM event_payloads p WHERE p.seq = e.seq)
    AND NOT EXISTS (SELECT 1 FROM gc_permits g WHERE g.seq = e.seq)
    AND NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.seq = e.seq) ORDER BY e.seq`;
const KNOWN_BAD = 'SELECT 1 FROM quarantine WHERE seq = :seq';
/** Everything that speaks of a position: the highest one that was ever given out. */
const HIGHEST = `
  SELECT max((SELECT coalesce(max(seq), 0) FROM events), (SELECT coalesce(max(seq), 0) FROM event_payloads),
    (SELECT coalesce(max(next_seq) - 1, 0) FROM generations WHERE stream = 1)) AS last`;
const GAPS = `
  WITH RECURSIVE n (seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM n WHERE seq < :last)
  SELECT n.seq FROM n LEFT JOIN events e ON e.seq = n.seq WHERE e.seq IS NULL`;
const COUNT = 'SELECT count(*) AS n FROM events';
const LEFT_PAYLOAD = 'SELECT payload FROM event_payloads WHERE seq = :seq';
const QUARANTINE = `
  INSERT INTO quarantine (seq, reason, noted_at) VALUES (:seq, :reason, :now) ON CONFLICT (seq) DO NOTHING`;
const QUARANTINED = 'SELECT count(*) AS n FROM quarantine';
const HEAD = 'SELECT captured, ineligible FROM journal_head';
const COUNTED =
  'SELECT count(*) AS captured, coalesce(sum(eligible = 0), 0) AS ineligible FROM events';
const SET_HEAD = 'UPDATE journal_head SET captured = :captured, ineligible = :ineligible';

/** Eligible is what was once opened somewhere; of anything else nobody knows any more whether it may leave. */
const INSERT = `
  INSERT INTO events (seq, event_id, project_id, checkout_id, origin, type, family, eligible, aggregate_type,
    aggregate_id, mission, coalesce_key, sha256, bytes, occurred_at, captured_at)
  VALUES (:seq, :eventId, :projectId, :checkoutId, :origin, :type, :family,
    EXISTS (SELECT 1 FROM event_deliveries WHERE seq = :seq), :aggregateType, :aggregateId, :mission,
    :coalesceKey, :sha256, :bytes, :occurredAt, :now)`;

/** Counts of the head, kept and counted anew. */
export interface HeadCheck {
  readonly kept: { readonly captured: number; readonly ineligible: number };
  readonly counted: { readonly captured: number; readonly ineligible: number };
}

/** Every damage that is not in quarantine yet: each payload is read and hashed, each position looked for. */
export function findDamage(db: Db): readonly Damage[] {
  return [...findMissing(db), ...damagedPayloads(db)];
}

/** Positions and payloads that are not there; no payload is read. */
export function findMissing(db: Db): readonly Damage[] {
  return [...missingEvents(db), ...missingPayloads(db)];
}

/** How many positions are in quarantine. */
export function countQuarantined(db: Db): number {
  return db.get<{ n: number }>(QUARANTINED)?.n ?? 0;
}

/** What the head says and what is there. */
export function checkHead(db: Db): HeadCheck {
  const nothing = { captured: 0, ineligible: 0 };
  return {
    kept: db.get<HeadCheck['kept']>(HEAD) ?? nothing,
    counted: db.get<HeadCheck['counted']>(COUNTED) ?? nothing,
  };
}

/**
 * Makes the journal whole around what is damaged. An event whose payload is left comes back from it; one of which
 * nothing is left keeps its place as an empty row, so that no later event is given its position. What cannot come
 * back goes into quarantine. Part of the caller's transaction.
 * @returns those that are in quarantine now.
 */
export function quarantine(
  db: Db,
  damages: readonly Damage[],
  context: Context,
): readonly Damage[] {
  const { now } = context;
  const bad = damages.filter(
    (each) => each.reason !== 'event_missing' || !isRebuilt(db, each.seq, context),
  );
  for (const { seq, reason } of bad) db.run(QUARANTINE, { seq, reason, now });
  const { counted } = checkHead(db);
  db.run(SET_HEAD, { ...counted });
  return bad;
}

interface Context {
  readonly projectId: ProjectId;
  readonly checkoutId: number | null;
  readonly now: Millis;
}

/** Whether the event could be made again of its payload; otherwise an empty row takes its place. */
function isRebuilt(db: Db, seq: number, context: Context): boolean {
  const payload = db.get<{ payload: Buffer }>(LEFT_PAYLOAD, { seq })?.payload;
  const parsed = payload === undefined ? null : parseEnvelope(payload);
  if (parsed?.ok === true && parsed.value.envelope.projectUuid === context.projectId) {
    if (db.run(INSERT, { ...context, seq, ...columnsOf(parsed.value) }).changes === 1) return true;
  }
  db.run(INSERT, { ...context, seq, ...EMPTY, eventId: `lost-${seq}-${context.now}` });
  return false;
}

const EMPTY = {
  origin: ORIGINS.indexOf('envelope') + 1,
  type: 'Lost',
  family: FAMILIES.indexOf('local_only') + 1,
  aggregateType: 'Lost',
  aggregateId: 'lost',
  mission: null,
  coalesceKey: null,
  sha256: '0'.repeat(64),
  bytes: 1,
  occurredAt: 0,
};

function columnsOf({
  envelope,
  bytes,
  sha256,
}: ParsedEnvelope): Readonly<Record<string, string | number | null>> {
  return {
    eventId: envelope.eventId,
    origin: EMPTY.origin,
    type: envelope.eventType,
    family: FAMILIES.indexOf(familyOf(envelope.eventType, isKnownType)) + 1,
    aggregateType: envelope.aggregateType,
    aggregateId: envelope.aggregateId,
    mission: missionOf(envelope),
    coalesceKey: coalesceKey(envelope),
    sha256,
    bytes: bytes.length,
    occurredAt: envelope.occurredAt,
  };
}

function missingEvents(db: Db): readonly Damage[] {
  const last = db.get<{ last: number }>(HIGHEST)?.last ?? 0;
  if ((db.get<{ n: number }>(COUNT)?.n ?? 0) === last) return [];
  return db
    .all<{ seq: number }>(GAPS, { last })
    .map(({ seq }) => ({ seq, eventId: null, reason: 'event_missing' }));
}

function missingPayloads(db: Db): readonly Damage[] {
  return db
    .all<{ seq: number; event_id: string }>(MISSING_PAYLOADS)
    .map((row) => ({ seq: row.seq, eventId: row.event_id, reason: 'payload_missing' }));
}

function damagedPayloads(db: Db): readonly Damage[] {
  const last = db.get<{ last: number | null }>(UP_TO)?.last ?? 0;
  const found: Damage[] = [];
  for (let from = 1; from <= last; from += PAGE) {
    const seqs = Array.from({ length: PAGE }, (_, n) => from + n);
    for (const payload of readPayloads(db, seqs)) {
      if (isIntact(payload) || db.get(KNOWN_BAD, { seq: payload.seq }) !== undefined) continue;
      const { seq, eventId } = payload;
      found.push({ seq, eventId, reason: 'payload_damaged' });
    }
  }
  return found;
}
