import { DELIVERY_STATES, type ItemCounts, type RouteFacts } from '../delivery/index.ts';

/**
 * The books of one stream at one target: where each captured item is. The left side is the count of the room that keeps them,
 * the right side comes from cursors and the ledger's counters, so an error in either shows.
 */
export interface Books {
  readonly captured: number;
  readonly beforeStart: number;
  readonly neverEligible: number;
  /** Payloads dropped before they were opened here. */
  readonly dropped: number;
  readonly unopened: number;
  readonly opened: number;
  readonly queued: number;
  readonly delivered: number;
  readonly parked: number;
  readonly superseded: number;
  readonly withheld: number;
  readonly balanced: boolean;
}

/**
 * Balances one stream: captured = before the start + never eligible + dropped + unopened + opened, and
 * opened = queued + delivered + parked + superseded + withheld.
 */
export function balance({ captured }: Pick<ItemCounts, 'captured'>, facts: RouteFacts): Books {
  const { generation, counts } = facts;
  const beforeStart = generation.fromSeq - 1;
  const neverEligible = generation.skippedIneligible + facts.ineligibleAhead;
  const dropped = generation.skippedDropped;
  const unopened = facts.lastSeq - generation.nextSeq + 1 - facts.ineligibleAhead;
  const opened = generation.nextSeq - generation.fromSeq - generation.skippedIneligible - dropped;
  const { queued, delivered, parked, superseded, withheld } = counts;
  const placed = beforeStart + neverEligible + dropped + unopened + opened;
  const balanced =
    captured === placed &&
    opened === queued + delivered + parked + superseded + withheld &&
    agrees(facts) &&
    unopened >= 0;
  return {
    captured,
    beforeStart,
    neverEligible,
    dropped,
    unopened,
    opened,
    queued,
    delivered,
    parked,
    superseded,
    withheld,
    balanced,
  };
}

/** Whether the counters say what the rows say, where the rows were counted. */
function agrees({ counts, recounted }: RouteFacts): boolean {
  return recounted === null || DELIVERY_STATES.every((state) => counts[state] === recounted[state]);
}

/** True when nothing of a stream waits for anything at this target. */
export function isSettled(books: Books): boolean {
  return books.balanced && books.unopened === 0 && books.queued === 0 && books.parked === 0;
}
