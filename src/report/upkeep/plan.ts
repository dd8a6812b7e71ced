import type { Db, Files } from '../../base/index.ts';
import {
  countRegistered,
  selectUnneeded,
  type NeedRule,
  type RouteFacts,
  type Unneeded,
} from '../../delivery/index.ts';
import { countQuarantined, readAway, storeBytes, type PayloadsAway } from '../../journal/index.ts';

/** What gc or archive would do. */
export interface RetentionPlan {
  /** Registered targets. */
  readonly targets: number;
  /** Payloads that would go, in order. */
  readonly unneeded: readonly Unneeded[];
  /** Bytes of their payloads. */
  readonly bytes: number;
  /** Payloads that stay, because somebody still needs them. */
  readonly kept: number;
  /** Size of the store and the log beside it, in bytes. */
  readonly storeBytes: number;
}

const LOOKED_AT_ONCE = 5_000;
const PRESENT = 'SELECT count(*) AS n FROM event_payloads';
/** Below this a store is not worth a word. */
const SUGGEST_BYTES = 52_428_800;

/** Looks at every payload that is there; nothing is changed. */
export function planRetention(db: Db, files: Files, rule: NeedRule): RetentionPlan {
  const unneeded: Unneeded[] = [];
  for (let after = 0; ; ) {
    const page = selectUnneeded(db, rule, { after, limit: LOOKED_AT_ONCE });
    unneeded.push(...page.unneeded);
    if (page.looked === null) break;
    after = page.looked;
  }
  const present = db.get<{ n: number }>(PRESENT)?.n ?? 0;
  return {
    targets: countRegistered(db),
    unneeded,
    bytes: unneeded.reduce((sum, each) => sum + each.bytes, 0),
    kept: present - unneeded.length,
    storeBytes: storeBytes(db, files),
  };
}

/** What status says of payloads, at the same cost for any size. */
export interface RetentionFacts {
  readonly away: PayloadsAway;
  /** Positions that verification set aside. */
  readonly quarantined: number;
  /** Bytes of the pages of the store that are in use. */
  readonly usedBytes: number;
  /** The store is large, and every registered target has everything in it. */
  readonly suggestsGc: boolean;
}

/**
 * What status says of payloads: counters and the head of the file only.
 * @param events the facts of every registered target's stream of events; null where one never had a permission.
 */
export function readRetention(db: Db, events: readonly (RouteFacts | null)[]): RetentionFacts {
  const used = usedBytes(db);
  return {
    away: readAway(db),
    quarantined: countQuarantined(db),
    usedBytes: used,
    suggestsGc: used >= SUGGEST_BYTES && hasEverything(events),
  };
}

function hasEverything(events: readonly (RouteFacts | null)[]): boolean {
  if (events.length === 0) return false;
  return events.every((facts) => {
    if (facts === null) return false;
    const { counts, generation, lastSeq } = facts;
    const isOpened = generation.fromSeq === 1 && generation.nextSeq > lastSeq;
    return isOpened && counts.queued + counts.parked + counts.withheld === 0;
  });
}

function usedBytes(db: Db): number {
  const pragma = (name: 'page_count' | 'freelist_count' | 'page_size'): number =>
    db.get<Readonly<Record<string, number>>>(`PRAGMA ${name}`)?.[name] ?? 0;
  return (pragma('page_count') - pragma('freelist_count')) * pragma('page_size');
}
