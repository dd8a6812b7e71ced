import { assert, UserError } from '../base/index.ts';
import {
  encodeEnvelope,
  parseEnvelope,
  type EnvelopeParts,
  type ParsedEnvelope,
  type ProjectId,
} from '../wire/index.ts';
import type { Fact } from './append.ts';
import { appendFacts, commit, type Receipt } from './capture.ts';
import type { Head } from './head.ts';
import type { Journal } from './journal.ts';

/** An event of our own emitter: everything but what the journal itself gives it. */
export type Draft = Omit<EnvelopeParts, 'lamportClock' | 'nodeId' | 'projectUuid'>;

/**
 * Records events of our own making together with rows that must stand or fall with them, in one transaction.
 * @param make decides inside the transaction what there is to record.
 * @param also writes those rows; it gets one receipt for each event, in order.
 * @throws UserError `envelope_invalid`, `busy`; then nothing is kept.
 */
export function captureDrafts(
  journal: Journal,
  make: () => readonly Draft[],
  also: (receipts: readonly Receipt[]) => void,
): readonly Receipt[] {
  return commit(journal, (head) => {
    const receipts = appendFacts(journal, makeFacts(make(), journal.projectId, head));
    also(receipts);
    return receipts;
  });
}

/** The facts of drafts, with the node, the project and the next values of the Lamport clock. */
export function makeFacts(
  drafts: readonly Draft[],
  projectUuid: ProjectId,
  head: Pick<Head, 'nodeId' | 'lamport'>,
): readonly Fact[] {
  return drafts.map((draft, index) => ({
    event: parsed(
      encodeEnvelope({
        ...draft,
        nodeId: head.nodeId,
        projectUuid,
        lamportClock: head.lamport + index + 1,
      }),
    ),
    origin: 'emit',
    source: null,
  }));
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
