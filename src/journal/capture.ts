import { assert, UserError } from '../base/index.ts';
import {
  encodeEnvelope,
  parseEnvelope,
  type EnvelopeParts,
  type EventId,
  type ParsedEnvelope,
} from '../wire/index.ts';
import { append, type Fact } from './append.ts';
import { recognise } from './conflicts.ts';
import { advanceHead, readHead } from './head.ts';
import type { Journal } from './journal.ts';

/** What became of one fact. `known`: the journal had it. `conflict`: its id stands for another fact. */
export interface Receipt {
  readonly eventId: EventId;
  readonly status: 'captured' | 'known' | 'conflict';
  /** Position in the journal; null unless captured now. */
  readonly seq: number | null;
  /** False for a fact that is kept but may never leave the machine. */
  readonly eligible: boolean;
}

/** An event of our own emitter: everything but what the journal itself gives it. */
export type Draft = Omit<EnvelopeParts, 'lamportClock' | 'nodeId' | 'projectUuid'>;

/**
 * Records facts durably: one transaction for all of them, no network, no login, no scan. Once it returns, the
 * exact bytes survive; when it throws, nothing of these facts is kept and the same call may be repeated.
 * @param also runs inside the transaction, for rows that must stand or fall with the facts.
 * @throws UserError `busy`, `capture_failed`; the latter also for a fact of another project.
 */
export function capture(
  journal: Journal,
  facts: readonly Fact[],
  also: () => void = () => {},
): readonly Receipt[] {
  return durably(journal, () => {
    const receipts = appendAll(journal, facts);
    also();
    return receipts;
  });
}

/**
 * Records events of our own making. Ids are minted before this call, so repeating it after a failure is safe;
 * node, Lamport clock and project come from the journal within the same transaction.
 * @throws UserError `envelope_invalid` (nothing is stored), `busy`, `capture_failed`.
 */
export function emit(journal: Journal, drafts: readonly Draft[]): readonly Receipt[] {
  return durably(journal, () => {
    const { db, system, projectId } = journal;
    const head = readHead(db, system.host);
    const facts = drafts.map((draft, index): Fact => {
      const parts = { ...draft, nodeId: head.nodeId, projectUuid: projectId };
      return {
        event: parsed(encodeEnvelope({ ...parts, lamportClock: head.lamport + index + 1 })),
        origin: 'emit',
        source: null,
      };
    });
    return appendAll(journal, facts);
  });
}

function durably(journal: Journal, write: () => readonly Receipt[]): readonly Receipt[] {
  const { db, system } = journal;
  system.faults.at('capture.begin');
  const receipts = db.tx(() => {
    const written = write();
    system.faults.at('capture.commit');
    return written;
  });
  system.faults.at('capture.acknowledge');
  return receipts;
}

function appendAll(journal: Journal, facts: readonly Fact[]): readonly Receipt[] {
  const { db, system } = journal;
  const now = system.clock.now();
  const context = { projectId: journal.projectId, checkoutId: journal.checkoutId, now };
  let lamport = readHead(db, system.host).lamport;
  let ineligible = 0;
  const receipts = facts.map((fact): Receipt => {
    requireOwn(journal, fact);
    const { eventId, lamportClock } = fact.event.envelope;
    const { seq, eligible } = append(db, context, fact);
    system.faults.at('capture.append');
    if (seq === null) return { eventId, status: recognise(db, fact, now), seq, eligible };
    lamport = Math.max(lamport, lamportClock);
    if (!eligible) ineligible += 1;
    return { eventId, status: 'captured', seq, eligible };
  });
  const captured = receipts.filter((each) => each.seq !== null).length;
  if (captured > 0) advanceHead(db, system.host, { lamport, captured, ineligible });
  return receipts;
}

/** The store's foreign key would refuse it too; this says so in words. */
function requireOwn(journal: Journal, fact: Fact): void {
  if (fact.event.envelope.projectUuid === journal.projectId) return;
  throw new UserError(
    'capture_failed',
    `event ${fact.event.envelope.eventId} belongs to another project; nothing was recorded`,
    { remedy: null },
  );
}

function parsed(bytes: Uint8Array): ParsedEnvelope {
  const result = parseEnvelope(bytes);
  if (result.ok) return result.value;
  const [issue] = result.error;
  assert(issue !== undefined, 'a refused envelope has an issue');
  throw new UserError('envelope_invalid', `${issue.pointer || '/'}: ${issue.message}`, {
    remedy: null,
    details: { pointer: issue.pointer, rule: issue.rule },
  });
}
