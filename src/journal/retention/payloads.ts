import { sha256Hex, type Db, type Millis } from '../../base/index.ts';
import { factDigest } from '../conflicts.ts';

/** A payload as the journal keeps it. */
export interface StoredPayload {
  readonly seq: number;
  readonly eventId: string;
  /** What the journal noted of its bytes at capture. */
  readonly sha256: string;
  readonly bytes: Buffer;
  /** Whether it may ever leave this machine, as was decided at capture; absent where nobody noted it. */
  readonly eligible?: boolean;
}

/** How many payloads are away, by command, and how many of them lie in an archive. */
export interface PayloadsAway {
  readonly events: number;
  /** Bytes of all of them. */
  readonly bytes: number;
  readonly archived: number;
}

interface PayloadRow {
  readonly seq: number;
  readonly event_id: string;
  readonly sha256: string;
  readonly eligible: number;
  readonly payload: Buffer;
}

const AWAY = 'SELECT events, bytes, archived FROM payloads_away';
const COUNT_AWAY = `
  UPDATE payloads_away SET events = events + :events, bytes = bytes + :bytes, archived = archived + :archived`;
const SUM = `
  SELECT count(*) AS events, coalesce(sum(e.bytes), 0) AS bytes
  FROM json_each(:seqs) wanted CROSS JOIN event_payloads p ON p.seq = wanted.value JOIN events e ON e.seq = p.seq`;
const PERMIT = `
  INSERT INTO gc_permits (seq, reason, permitted_at)
  SELECT p.seq, :reason, :now FROM json_each(:seqs) wanted CROSS JOIN event_payloads p ON p.seq = wanted.value
  WHERE true ON CONFLICT (seq) DO NOTHING`;
const STATED = `
  SELECT e.seq, e.sha256, e.occurred_at, p.payload
  FROM json_each(:seqs) wanted CROSS JOIN event_payloads p ON p.seq = wanted.value JOIN events e ON e.seq = p.seq`;
const KEEP_DIGEST =
  'INSERT INTO dropped_facts (seq, digest) VALUES (:seq, :digest) ON CONFLICT (seq) DO NOTHING';
const FORGET_DIGEST = 'DELETE FROM dropped_facts WHERE seq = :seq';
const DROP = 'DELETE FROM event_payloads WHERE seq IN (SELECT value FROM json_each(:seqs))';
const PAYLOADS = `
  SELECT e.seq, e.event_id, e.sha256, e.eligible, p.payload
  FROM json_each(:seqs) wanted CROSS JOIN events e ON e.seq = wanted.value
  JOIN event_payloads p ON p.seq = e.seq
  ORDER BY e.seq`;
const PUT_BACK = 'INSERT INTO event_payloads (seq, payload) VALUES (:seq, :payload)';
const PERMIT_OF = 'SELECT reason FROM gc_permits WHERE seq = :seq';
const FORGET_PERMIT = 'DELETE FROM gc_permits WHERE seq = :seq';
const END_QUARANTINE = `DELETE FROM quarantine WHERE seq = :seq AND reason <> 'event_missing'`;
const FIND = `
  SELECT e.seq, e.sha256, p.seq IS NOT NULL AS present
  FROM events e LEFT JOIN event_payloads p ON p.seq = e.seq WHERE e.event_id = :eventId`;

interface StatedRow {
  readonly seq: number;
  readonly sha256: string;
  readonly occurred_at: number;
  readonly payload: Buffer;
}

/** How a permit names the archive that its payload lies in. */
const ARCHIVE_REASON = 'archive ';

/** What is away, at the same cost for any size. */
export function readAway(db: Db): PayloadsAway {
  return db.get<PayloadsAway>(AWAY) ?? { events: 0, bytes: 0, archived: 0 };
}

/**
 * Drops the payloads of these positions and leaves id, hash, history and a digest of what they stated: the permit is
 * written first, in the same transaction. Positions without a payload are passed over. Part of the caller's transaction.
 * @param archiveId the archive that holds them, null where nothing does.
 */
export function dropPayloads(
  db: Db,
  options: {
    readonly seqs: readonly number[];
    readonly archiveId: number | null;
    readonly now: Millis;
  },
): { readonly events: number; readonly bytes: number } {
  const { archiveId, now } = options;
  const seqs = JSON.stringify(options.seqs);
  const reason = archiveId === null ? 'delivered everywhere' : `${ARCHIVE_REASON}${archiveId}`;
  const found = db.get<{ events: number; bytes: number }>(SUM, { seqs }) ?? { events: 0, bytes: 0 };
  if (found.events === 0) return found;
  db.run(PERMIT, { seqs, reason, now });
  keepDigests(db, seqs);
  db.run(DROP, { seqs });
  db.run(COUNT_AWAY, { ...found, archived: archiveId === null ? 0 : found.events });
  return found;
}

/** What is damaged states nothing any more. */
function keepDigests(db: Db, seqs: string): void {
  for (const { seq, sha256, payload, ...row } of db.all<StatedRow>(STATED, { seqs })) {
    if (!isIntact({ bytes: payload, sha256 })) continue;
    const digest = factDigest({ bytes: payload, occurredAt: row.occurred_at });
    db.run(KEEP_DIGEST, { seq, digest });
  }
}

/** The payloads of these positions that are there, in order. */
export function readPayloads(db: Db, seqs: readonly number[]): readonly StoredPayload[] {
  return db.all<PayloadRow>(PAYLOADS, { seqs: JSON.stringify(seqs) }).map((row) => ({
    seq: row.seq,
    eventId: row.event_id,
    sha256: row.sha256,
    bytes: row.payload,
    eligible: row.eligible === 1,
  }));
}

/** Whether bytes are those that were captured. */
export function isIntact(payload: Pick<StoredPayload, 'bytes' | 'sha256'>): boolean {
  return sha256Hex(payload.bytes) === payload.sha256;
}

/**
 * Gives an event its payload back, byte for byte. Part of the caller's transaction.
 * @returns its position; `present` when it was never away, `unknown` when the journal does not hold the event,
 * `other` when it holds another one under this id.
 */
export function putBack(
  db: Db,
  payload: Omit<StoredPayload, 'seq'>,
): number | 'present' | 'unknown' | 'other' {
  const { eventId, sha256, bytes } = payload;
  const known = db.get<{ seq: number; sha256: string; present: number }>(FIND, { eventId });
  if (known === undefined) return 'unknown';
  if (known.sha256 !== sha256 || !isIntact(payload)) return 'other';
  if (known.present === 1) return 'present';
  const { seq } = known;
  const reason = db.get<{ reason: string }>(PERMIT_OF, { seq })?.reason;
  db.run(PUT_BACK, { seq, payload: bytes });
  db.run(END_QUARANTINE, { seq });
  db.run(FORGET_DIGEST, { seq });
  if (reason === undefined) return seq;
  db.run(FORGET_PERMIT, { seq });
  const archived = reason.startsWith(ARCHIVE_REASON) ? -1 : 0;
  db.run(COUNT_AWAY, { events: -1, bytes: -bytes.length, archived });
  return seq;
}
