import { EXIT, UserError, type Millis } from '../base/index.ts';
import { KEEP_EVERYTHING } from '../home/index.ts';
import type { EventId, ProjectId } from '../wire/index.ts';
import { append, type AppendContext, type Fact } from './append.ts';
import { recognise } from './conflicts.ts';
import { decideOn, discard, readRetention, type Retention } from './discards.ts';
import { advanceHead, countableLamport, readHead, type Head } from './head.ts';
import type { Journal } from './journal.ts';
import type { DiscardDecision } from './policy.ts';

/**
 * What became of one fact. `known`: the journal had it, or it was discarded on record before. `conflict`: its id
 * stands for another fact. `discarded`: the mode OPT_OUT does not keep it.
 */
export interface Receipt {
  readonly eventId: EventId;
  readonly status: 'captured' | 'known' | 'conflict' | 'discarded';
  /** Position in the journal; null unless captured now. */
  readonly seq: number | null;
  /** False for a fact that is kept but may never leave the machine. */
  readonly eligible: boolean;
  /** Present where the mode OPT_OUT, now or before, decided what became of it. */
  readonly optOut?: DiscardDecision;
}

/**
 * Records facts durably: one transaction for all of them, no network, no login, no scan. Once it returns, the
 * exact bytes survive; when it throws, nothing of these facts is kept and the same call may be repeated.
 * @param also runs inside the transaction, for rows that must stand or fall with the facts.
 * @throws UserError `busy`, `capture_failed` for a fact of another project.
 */
export function capture(
  journal: Journal,
  facts: readonly Fact[],
  also: () => void = () => {},
): readonly Receipt[] {
  return commit(journal, () => {
    const receipts = appendFacts(journal, facts);
    also();
    return receipts;
  });
}

/** What an earlier program kept is no new fact: the mode of today says nothing about it. */
const KEPT_BEFORE: Retention = { optOut: null, hasAudit: false };

/** Runs `write` as the one transaction of a capture, between its named fault points. */
export function commit<T>(journal: Journal, write: (head: Head) => T): T {
  const { db, system } = journal;
  system.faults.at('capture.begin');
  const written = db.tx(() => {
    const done = write(readHead(db, system.host));
    system.faults.at('capture.commit');
    return done;
  });
  system.faults.at('capture.acknowledge');
  return written;
}

/**
 * Appends facts inside a capture's transaction and moves the head on.
 * @param origin when and in which checkout they were captured, where that was not here and now.
 */
export function appendFacts(
  journal: Journal,
  facts: readonly Fact[],
  origin: { readonly checkoutId: number | null; readonly capturedAt: Millis } | null = null,
): readonly Receipt[] {
  const { db, system } = journal;
  const context: AppendContext = {
    projectId: journal.projectId,
    checkoutId: origin === null ? journal.checkoutId : origin.checkoutId,
    now: origin?.capturedAt ?? system.clock.now(),
  };
  const retention = readRetention(db, journal.rules ?? KEEP_EVERYTHING);
  const receipts: Receipt[] = [];
  let lamport = 0;
  for (const fact of facts) {
    requireOwn(journal.projectId, fact);
    const { eventId, eventType, lamportClock } = fact.event.envelope;
    const rule = fact.origin === 'legacy' ? KEPT_BEFORE : retention;
    const discarded = discard(db, rule, fact, context.now);
    if (discarded !== null) {
      receipts.push({ eventId, seq: null, eligible: false, ...discarded });
      continue;
    }
    const optOut = decideOn(rule, eventType);
    const { seq, eligible } = append(db, context, fact, optOut === null && fact.staysHere !== true);
    system.faults.at('capture.append');
    const status = seq === null ? recognise(db, fact, context.now) : 'captured';
    if (seq !== null) lamport = Math.max(lamport, countableLamport(lamportClock));
    const decided = seq === null || optOut === null ? {} : { optOut };
    receipts.push({ eventId, status, seq, eligible, ...decided });
  }
  const captured = receipts.filter((each) => each.seq !== null);
  if (captured.length > 0) {
    const ineligible = captured.filter((each) => !each.eligible).length;
    advanceHead(db, system.host, { lamport, captured: captured.length, ineligible });
  }
  return receipts;
}

/**
 * Refuses a fact of another project. The store's foreign key would refuse it too; this says so in words.
 * @throws UserError `capture_failed`.
 */
export function requireOwn(projectId: ProjectId, fact: Fact): void {
  if (fact.event.envelope.projectUuid === projectId) return;
  throw new UserError(
    'capture_failed',
    `event ${fact.event.envelope.eventId} belongs to another project; nothing was recorded`,
    { remedy: null, exitCode: EXIT.failed },
  );
}
