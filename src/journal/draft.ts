import { assert, UserError } from '../base/index.ts';
import {
  composeEnvelope,
  encodeEnvelope,
  parseEnvelope,
  type EnvelopeParts,
  type JsonObject,
  type ParsedEnvelope,
  type ProjectId,
} from '../wire/index.ts';
import type { Fact } from './append.ts';
import { appendFacts, commit, type Receipt } from './capture.ts';
import type { Head } from './head.ts';
import type { Journal } from './journal.ts';

/** An event of our own emitter: everything but what the journal itself gives it. */
export interface Draft
  extends Omit<EnvelopeParts, 'lamportClock' | 'nodeId' | 'projectUuid' | 'payload'> {
  /** A JSON object, or its bytes, which stay as they are. */
  readonly payload: Uint8Array | JsonObject;
}

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
  const { nodeId, lamport } = head;
  return drafts.map((draft, index) => {
    const given = { nodeId, projectUuid, lamportClock: lamport + index + 1 };
    return { event: judged(written(draft, given)), origin: 'emit', source: null };
  });
}

function written(
  draft: Draft,
  given: Pick<EnvelopeParts, 'nodeId' | 'projectUuid' | 'lamportClock'>,
): ReturnType<typeof parseEnvelope> {
  const { payload } = draft;
  // Member by member: a spread of so many costs as much as writing them.
  const parts = {
    eventId: draft.eventId,
    eventType: draft.eventType,
    aggregateId: draft.aggregateId,
    aggregateType: draft.aggregateType,
    nodeId: given.nodeId,
    lamportClock: given.lamportClock,
    causationId: draft.causationId,
    timestamp: draft.timestamp,
    teamSlug: draft.teamSlug,
    projectUuid: given.projectUuid,
    projectSlug: draft.projectSlug,
    gitBranch: draft.gitBranch,
    headCommitSha: draft.headCommitSha,
    repoSlug: draft.repoSlug,
  };
  if (!isBytes(payload)) return composeEnvelope(parts, payload);
  return parseEnvelope(encodeEnvelope({ ...parts, payload }));
}

function isBytes(payload: Draft['payload']): payload is Uint8Array {
  return payload instanceof Uint8Array;
}

function judged(result: ReturnType<typeof parseEnvelope>): ParsedEnvelope {
  if (result.ok) return result.value;
  const [issue] = result.error;
  assert(issue !== undefined, 'a refused envelope has an issue');
  throw new UserError('envelope_invalid', `${issue.pointer || '/'}: ${issue.message}`, {
    remedy: null,
    details: { pointer: issue.pointer, rule: issue.rule },
  });
}
