import type { Db, Millis } from '../base/index.ts';
import { modeInForce, type CaptureRules, type OptOutPolicy } from '../home/index.ts';
import { isKnownType } from '../wire/index.ts';
import type { Fact } from './append.ts';
import { recognise, type Recurrence } from './conflicts.ts';
import { FAMILIES, familyOf, type Family } from './families.ts';
import { discardDecision, type DiscardDecision } from './policy.ts';
import { isKnown } from './read.ts';

/** Whether new facts are kept, as one transaction of capture sees it. */
export interface Retention {
  /** The policy of OPT_OUT while that is the mode; null while everything is kept. */
  readonly optOut: OptOutPolicy | null;
  /** Something was once discarded on record, so ids have to be looked up. */
  readonly hasAudit: boolean;
}

/** What became of a fact that did not go into the journal. */
export interface Discarded {
  readonly status: Recurrence | 'discarded';
  readonly optOut?: DiscardDecision;
}

/** One fact that was discarded on record. */
export interface AuditEntry {
  readonly id: number;
  readonly eventId: string;
  readonly type: string;
  readonly family: Family;
  readonly sha256: string;
  /** `path:line` of an imported fact, else how it came in. */
  readonly source: string;
  readonly reason: string;
  readonly discardedAt: Millis;
}

interface AuditRow {
  readonly audit_id: number;
  readonly event_id: string;
  readonly type: string;
  readonly family: number;
  readonly sha256: string;
  readonly source: string;
  readonly reason: string;
  readonly discarded_at: number;
}

/** `active` is delivery's; capture looks at its mode in its own transaction, so that no switch of mode falls between. */
const RETENTION = `
  SELECT (SELECT mode FROM active) AS mode, EXISTS (SELECT 1 FROM audit) AS has_audit`;
const IS_AUDITED = 'SELECT 1 AS audited FROM audit WHERE event_id = :eventId';
const RECORD = `
  INSERT INTO audit (event_id, type, family, sha256, source, reason, discarded_at)
  VALUES (:eventId, :type, :family, :sha256, :source, :reason, :now)`;
const COUNT = `
  INSERT INTO discards (type, family, n, last_at) VALUES (:type, :family, 1, :now)
  ON CONFLICT (type) DO UPDATE SET n = n + 1, last_at = :now`;
const PAGE = 'SELECT * FROM audit WHERE audit_id > :after ORDER BY audit_id LIMIT :limit';
const TOTALS = `
  SELECT (SELECT count(*) FROM audit) AS audited, (SELECT coalesce(sum(n), 0) FROM discards) AS discarded`;

/** What holds for the facts of this transaction: the project's own mode, else the machine's. */
export function readRetention(db: Db, rules: CaptureRules): Retention {
  const row = db.get<{ mode: string | null; has_audit: number }>(RETENTION);
  const { mode } = modeInForce(row?.mode ?? null, rules.machineMode);
  return {
    optOut: mode === 'OPT_OUT' ? rules.optOutPolicy : null,
    hasAudit: row?.has_audit === 1,
  };
}

/**
 * Drops a fact that is not to be kept, in capture's own transaction, and says so; null for a fact that
 * goes on into the journal. What the journal holds stays known, and what was discarded on record stays discarded.
 */
export function discard(db: Db, retention: Retention, fact: Fact, now: Millis): Discarded | null {
  if (retention.optOut === null && !retention.hasAudit) return null;
  const { envelope } = fact.event;
  const { eventId } = envelope;
  const mayBeAudited = retention.hasAudit || retention.optOut === 'audit';
  if (mayBeAudited && db.get(IS_AUDITED, { eventId }) !== undefined) {
    return { status: 'known', optOut: 'audit_recorded' };
  }
  const decision = decideOn(retention, envelope.eventType);
  if (decision === null || decision === 'refused') return null;
  if (isKnown(db, eventId)) return { status: recognise(db, fact, now) };
  drop(db, fact, decision, now);
  return { status: 'discarded', optOut: decision };
}

/** Whether an id needs nothing more: the journal holds it, or it was discarded on record. */
export function isAccountedFor(db: Db, eventId: string): boolean {
  return isKnown(db, eventId) || db.get(IS_AUDITED, { eventId }) !== undefined;
}

/** What OPT_OUT says of a type; null while everything is kept. */
export function decideOn(retention: Retention, type: string): DiscardDecision | null {
  if (retention.optOut === null) return null;
  return discardDecision(familyOf(type, isKnownType), retention.optOut);
}

/** What was discarded on record, oldest first, behind position `after`. */
export function listAudit(db: Db, after: number, limit: number): readonly AuditEntry[] {
  return db.all<AuditRow>(PAGE, { after, limit }).map((row) => ({
    id: row.audit_id,
    eventId: row.event_id,
    type: row.type,
    family: FAMILIES[row.family - 1] ?? 'unknown',
    sha256: row.sha256,
    source: row.source,
    reason: row.reason,
    discardedAt: row.discarded_at,
  }));
}

/** How many facts were discarded on record, and how often one was that needs none. */
export function countDiscards(db: Db): { readonly audited: number; readonly discarded: number } {
  return db.get<{ audited: number; discarded: number }>(TOTALS) ?? { audited: 0, discarded: 0 };
}

function drop(db: Db, fact: Fact, decision: DiscardDecision, now: Millis): void {
  const { envelope, sha256 } = fact.event;
  const type = envelope.eventType;
  const family = FAMILIES.indexOf(familyOf(type, isKnownType)) + 1;
  if (decision === 'discard_allowed') {
    db.run(COUNT, { type, family, now });
    return;
  }
  db.run(RECORD, {
    eventId: envelope.eventId,
    type,
    family,
    sha256,
    source: fact.source === null ? fact.origin : `${fact.source.path}:${fact.source.line}`,
    reason: 'mode OPT_OUT with opt_out_policy = "audit"',
    now,
  });
}
