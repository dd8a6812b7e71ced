import { canonicalUrl, UserError, type Db } from '../base/index.ts';
import { rememberDelivered, type DeliveredBefore } from '../delivery/index.ts';
import { findEvent } from '../journal/index.ts';
import { parseTimestamp } from '../wire/index.ts';
import type { OpenStore } from './stores.ts';

/** A target of the earlier program and what it had delivered there. */
interface OldTarget {
  readonly target_id: string;
  readonly canonical_url: string;
  readonly url_hash: string;
  readonly team_slug: string;
  readonly user_email: string;
}

interface LedgerRow {
  readonly event_id: string;
  readonly status: string;
  readonly completed_at: string | null;
}

const TARGETS =
  'SELECT target_id, canonical_url, url_hash, team_slug, user_email FROM delivery_targets';
const COUNT = 'SELECT count(*) AS n FROM delivery_ledger';
const DELIVERED = `
  SELECT event_id, status, completed_at FROM delivery_ledger
  WHERE target_id = :targetId AND status IN ('success', 'duplicate') ORDER BY rowid`;
const HAS = "SELECT 1 AS has FROM sqlite_schema WHERE type = 'table' AND name = :name";

/**
 * Carries over what the earlier program had delivered (disk contract 3.5 and 3.6): each event that a store holds is
 * remembered as delivered at the target with the same identity. Everything else in a ledger says what was tried, and
 * will be tried again.
 * @returns the rows of the ledger, and how many deliveries were not remembered before.
 */
export function importHistory(
  ledger: Db,
  targets: Db,
  stores: Iterable<OpenStore>,
): { readonly rows: number; readonly remembered: number } {
  requireTable(ledger, 'delivery_ledger');
  requireTable(targets, 'delivery_targets');
  const rows = ledger.get<{ n: number }>(COUNT)?.n ?? 0;
  let remembered = 0;
  for (const { db, projectId } of stores) {
    if (projectId === null) continue;
    for (const target of targets.all<OldTarget>(TARGETS)) {
      remembered += rememberDelivered(db, placeOf(target), deliveredTo(ledger, target, db));
    }
  }
  return { rows, remembered };
}

function* deliveredTo(ledger: Db, target: OldTarget, db: Db): Generator<DeliveredBefore> {
  const rows = ledger.each<LedgerRow>(DELIVERED, { targetId: target.target_id });
  for (const { event_id: eventId, status, completed_at: completedAt } of rows) {
    const seq = findEvent(db, eventId)?.seq;
    if (seq === undefined) continue;
    const outcome = status === 'success' ? 'success' : 'duplicate';
    yield { seq, outcome, deliveredAt: parseTimestamp(completedAt ?? '') };
  }
}

/** The earlier program spelled a few hosts otherwise; the identity is that of the place. */
function placeOf(target: OldTarget): Parameters<typeof rememberDelivered>[1] {
  const canonical = canonicalUrl(target.canonical_url);
  const urlHash = canonical.ok ? canonical.value.hash : target.url_hash;
  return { urlHash, team: target.team_slug, user: target.user_email };
}

function requireTable(db: Db, name: string): void {
  if (db.get(HAS, { name }) !== undefined) return;
  throw new UserError('store_unreadable', `it has no table ${name}`, { remedy: null });
}
