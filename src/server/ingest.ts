import { assert, type Millis, printable, sha256Hex } from '../base/index.ts';
import {
  isKnownType,
  type Issue,
  type ItemResult,
  judgePayload,
  memberSpan,
  type ParsedEnvelope,
  parseEnvelope,
  parseProjectId,
  type TerminalCode,
} from '../wire/index.ts';
import { coversProject, nameOf, type Visitor } from './auth.ts';
import { type DossierFact, readDossier } from './dossier.ts';
import { claimProjects } from './identity/projects.ts';
import { JUDGED_AT_ONCE, MAX_ECHOED_ID_CHARS, MAX_ERROR_BYTES } from './limits.ts';
import { indexArtifacts } from './store/artifacts.ts';
import { requireRoom } from './operations/quotas.ts';
import type { Turn } from './sharing/line.ts';
import type { Arrival, NewEvent, PayloadCategory } from './store/events.ts';
import { insertEvents } from './store/insert-events.ts';
import type { Store } from './store/store.ts';

export interface IngestRules {
  readonly visitor: Visitor;
  /** Refuse what the catalogue does not know or does not allow, instead of storing it as it is. */
  readonly isStrict: boolean;
  readonly now: Millis;
}

/** What became of one element. */
export interface Ingested {
  readonly result: ItemResult;
  /** Which it is about, as far as it says; null for none. */
  readonly projectId: string | null;
  /** The first rule that it breaks; empty for none. */
  readonly rule: string;
}

/** What a batch waits for, once for each part that is judged, and once when it is stored. */
interface Turns {
  readonly judging: Turn;
  readonly storing: Turn;
}

/**
 * Stores a batch and answers one result for each element, in the elements' order. All that is new is stored in
 * one transaction, durably, before this resolves. A full batch is judged in many turns, between which others have theirs.
 * @throws StoreUnavailable when nothing of the batch could be stored.
 */
export async function ingest(
  store: Store,
  elements: readonly Uint8Array[],
  rules: IngestRules & { readonly turns: Turns },
): Promise<readonly Ingested[]> {
  const { judging, storing } = rules.turns;
  const judged: Judged[] = [];
  for (let first = 0; first < elements.length; first += JUDGED_AT_ONCE) {
    const some = elements.slice(first, first + JUDGED_AT_ONCE);
    judged.push(...(await judging(() => some.map((element) => judgeElement(element, rules)))));
  }
  const accepted = judged.flatMap((each) => (each.kind === 'event' ? [each] : []));
  const arrivals = await storing(() => arrive(store, accepted, rules));
  return judged.map((each) => {
    if (each.kind === 'refused') return each;
    const { event } = each;
    const arrival = arrivals.get(event);
    assert(arrival !== undefined, 'the store says of every event what became of it');
    return { result: answerArrival(event, arrival), projectId: event.projectId, rule: '' };
  });
}

async function arrive(
  store: Store,
  accepted: readonly Accepted[],
  { visitor, now }: IngestRules,
): Promise<ReadonlyMap<NewEvent, Arrival>> {
  if (accepted.length === 0) return new Map();
  return store.driver.of(visitor.team).tx(async (sql) => {
    const events = accepted.map(({ event }) => event);
    const projects = new Set(events.map(({ projectId }) => projectId));
    await claimProjects(sql, visitor.team, projects, { actor: nameOf(visitor), now });
    const arrivals = await insertEvents(sql, visitor.team, now, events);
    const fresh = events.filter((event) => arrivals.get(event)?.isNew === true);
    const bytes = fresh.reduce((sum, event) => sum + event.bytes.length, 0);
    await requireRoom(sql, visitor.team, bytes);
    await indexArtifacts(sql, visitor.team, factsOf(accepted, arrivals));
    return arrivals;
  });
}

/** What the index learns: of duplicates too, so that sending again mends an index that was made after its events. */
function factsOf(
  accepted: readonly Accepted[],
  arrivals: ReadonlyMap<NewEvent, Arrival>,
): readonly DossierFact[] {
  return accepted.flatMap(({ event, fact }) => {
    const arrival = arrivals.get(event);
    const isKept =
      arrival !== undefined &&
      (arrival.isNew || (arrival.storedSha256 === event.sha256 && !arrival.isErased));
    return fact !== null && isKept ? [fact] : [];
  });
}

/** What one element is, before the store is asked: refused already, or an event to store. */
export type Judged = Refused | Accepted;

interface Refused extends Ingested {
  readonly kind: 'refused';
}

interface Accepted {
  readonly kind: 'event';
  readonly event: NewEvent;
  /** What the artifact index learns from it. */
  readonly fact: DossierFact | null;
}

/** Judges one element by itself. Every well-formed envelope of a project that the visitor speaks for passes. */
export function judgeElement(element: Uint8Array, rules: IngestRules): Judged {
  const parsed = parseEnvelope(element);
  if (!parsed.ok) {
    const isTooLarge = parsed.error.some((issue) => issue.rule === 'too-large');
    const item = {
      eventId: stated(element, 'event_id'),
      sha256: sha256Hex(element),
      projectId: parseProjectId(stated(element, 'project_uuid')),
      rule: ruleOf(parsed.error),
    };
    return refused(
      item,
      isTooLarge ? 'payload_too_large' : 'schema_invalid',
      `Invalid event: ${textOf(parsed.error)}`,
    );
  }
  const { envelope, sha256, bytes } = parsed.value;
  const { eventId, projectUuid } = envelope;
  const item = { eventId, sha256, projectId: projectUuid, rule: '' };
  if (projectUuid === null) {
    const text = 'Invalid event: project_uuid is missing';
    return refused({ ...item, rule: 'required' }, 'schema_invalid', text);
  }
  if (!coversProject(rules.visitor, projectUuid)) {
    return refused(item, 'project_refused', 'this token is not for the project');
  }
  const payload = judge(parsed.value);
  if (payload.refusal !== null && rules.isStrict) {
    return refused({ ...item, rule: payload.rule }, payload.refusal, payload.text);
  }
  const { eventType: type, aggregateType, aggregateId, occurredAt } = envelope;
  return {
    kind: 'event',
    fact: payload.category === null ? readDossier(envelope) : null,
    event: {
      projectId: projectUuid,
      eventId,
      type,
      aggregateType,
      aggregateId,
      category: payload.category,
      sha256,
      occurredAt,
      bytes,
    },
  };
}

interface PayloadJudgement {
  readonly category: PayloadCategory | null;
  /** The code with which a strict receiver refuses it. */
  readonly refusal: TerminalCode | null;
  readonly rule: string;
  readonly text: string;
}

function judge({ envelope }: ParsedEnvelope): PayloadJudgement {
  const { eventType: type, payload } = envelope;
  if (!isKnownType(type)) {
    const text = `unknown event type ${type}`;
    return { category: 'unknown_type', refusal: 'unknown_event_type', rule: '', text };
  }
  const issues = judgePayload(type, payload);
  const rule = ruleOf(issues);
  if (issues.length === 0) return { category: null, refusal: null, rule, text: '' };
  const text = `Invalid payload for ${type}: ${textOf(issues)}`;
  return { category: 'unvalidated', refusal: 'schema_invalid', rule, text };
}

function refused(
  item: Pick<Ingested, 'projectId' | 'rule'> & {
    readonly eventId: string;
    readonly sha256: string;
  },
  category: TerminalCode,
  text: string,
): Refused {
  const result = {
    event_id: item.eventId,
    status: 'rejected',
    error: printable(text, MAX_ERROR_BYTES),
    error_category: category,
    sha256: item.sha256,
  };
  return { kind: 'refused', result, projectId: item.projectId, rule: item.rule };
}

function ruleOf([first]: readonly Issue[]): string {
  return first?.rule ?? '';
}

function textOf(issues: readonly Issue[]): string {
  return issues.map(({ pointer, message }) => `${pointer}: ${message}`).join('; ');
}

/** The id that a refused element states, so that its sender can find it; empty when it states none. */
function stated(element: Uint8Array, key: 'event_id' | 'project_uuid'): string {
  const span = memberSpan(element, key);
  if (span === null) return '';
  const token = Buffer.from(element.subarray(span.start, span.end)).toString('latin1');
  // Quoted, printable and without escapes: more than that no id is.
  const text = /^"([!#-[\]-~]*)"$/.exec(token)?.[1] ?? '';
  return text.length <= MAX_ECHOED_ID_CHARS ? text : '';
}

/** The answer for an event that the store has now. */
export function answerArrival(event: NewEvent, arrival: Arrival): ItemResult {
  const answer = { event_id: event.eventId, sha256: event.sha256 };
  const note = event.category === null ? {} : { category: event.category };
  if (arrival.isNew) return { ...answer, status: 'success', ...note };
  if (arrival.isErased) {
    const error = 'this event was erased here and is not taken again';
    return { ...answer, status: 'rejected', error, error_category: 'erased' };
  }
  if (arrival.storedSha256 === event.sha256) return { ...answer, status: 'duplicate', ...note };
  return {
    ...answer,
    status: 'conflict',
    error: 'another event with this id arrived before and was kept',
    error_category: 'hash_conflict',
  };
}
