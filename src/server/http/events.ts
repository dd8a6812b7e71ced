import { type Encoding, type Issue, type ItemResult, parseBatch } from '../../wire/index.ts';
import { coversProject, type Visitor } from '../auth.ts';
import { ingest, type Ingested } from '../ingest.ts';
import {
  MAX_BATCH_BYTES,
  MAX_EVENTS_PER_BATCH,
  MAX_REQUEST_BYTES,
  PAGE_DEFAULT,
  PAGE_MAX,
} from '../limits.ts';
import { listEvents, showEvent } from '../operator.ts';
import type { Fate } from '../statistics/tally.ts';
import type { EventEntry } from '../store/events.ts';
import type { Shares } from '../sharing/shares.ts';
import type { Store } from '../store/store.ts';
import { inflate } from './body.ts';
import { HttpError } from './errors.ts';
import { type PostRequest, readWithin, requireEncoding, requireJson } from './post.ts';
import { projectFor, type Query, toCount } from './query.ts';

/** What one POST did. */
export interface BatchReceipt {
  readonly results: readonly ItemResult[];
  /** The same items as they are counted. */
  readonly fates: readonly Fate[];
  /** Bytes as they came and after inflation. */
  readonly requestBytes: number;
  readonly batchBytes: number;
}

export interface BatchRules {
  readonly isStrict: boolean;
  readonly now: () => number;
}

export type ReceiveBatch = (request: PostRequest) => Promise<BatchReceipt>;

/**
 * Takes batches for one store: authorises, limits, inflates, cuts into elements, stores (wire contract 1). Only a
 * few are in memory at one time; of the others nothing is read yet.
 */
export function batchReceiver(store: Store, rules: BatchRules, shares: Shares): ReceiveBatch {
  return async (request) => {
    const { visitor } = request;
    requireJson(request);
    const encoding = requireEncoding(request);
    return shares.requests.join(visitor.team)(async () => {
      const body = await readBody(request);
      const batch = await inflate(body, encoding, MAX_BATCH_BYTES);
      if (!batch.ok) throw batch.error === 'too_large' ? tooLarge() : damaged(encoding);
      const turns = {
        judging: shares.thread.join(visitor.team),
        storing: shares.store.join(visitor.team),
      };
      const elements = await turns.judging(() => cut(batch.value));
      const { isStrict, now } = rules;
      const items = await ingest(store, elements, { visitor, isStrict, now: now(), turns });
      return {
        results: items.map(({ result }) => result),
        fates: items.map((item, index) => fateOf(item, elements[index]?.length ?? 0)),
        requestBytes: body.length,
        batchBytes: batch.value.length,
      };
    });
  };
}

function fateOf({ result, projectId, rule }: Ingested, bytes: number): Fate {
  const { status, error_category: code } = result;
  const isTaken = status === 'success' || status === 'duplicate';
  return { projectId, rule, bytes, result: isTaken ? status : (code ?? status) };
}

async function readBody(request: PostRequest): Promise<Buffer> {
  const body = await readWithin(request, MAX_REQUEST_BYTES);
  if (body === null) throw tooLarge();
  return body;
}

function cut(batch: Buffer): readonly Uint8Array[] {
  const limits = { maxEvents: MAX_EVENTS_PER_BATCH, maxBytes: MAX_BATCH_BYTES };
  const parsed = parseBatch(batch, limits);
  if (!parsed.ok)
    throw parsed.error.rule === 'too-many-events' ? tooLarge() : malformed(parsed.error);
  if (parsed.value.length === 0) {
    throw malformed({ pointer: '/events', rule: 'empty', message: 'No events provided' });
  }
  return parsed.value;
}

/** The refusal that tells a client to send less at once (wire contract 1.7). */
function tooLarge(): HttpError {
  return new HttpError(
    413,
    'sync_batch_too_large',
    `Batch payload exceeds decompressed byte limit or ${MAX_EVENTS_PER_BATCH} events`,
    {
      members: {
        category: 'request_too_large',
        limits: {
          max_events_per_batch: MAX_EVENTS_PER_BATCH,
          max_decompressed_bytes_per_batch: MAX_BATCH_BYTES,
        },
      },
    },
  );
}

function damaged(encoding: Encoding): HttpError {
  return malformed({ pointer: '', rule: 'damaged', message: `the body is not valid ${encoding}` });
}

/** The refusal of a batch that cannot be taken apart; `details` is part of the contract (1.5). */
function malformed({ pointer, rule, message }: Issue): HttpError {
  return new HttpError(400, 'bad_request', message, {
    about: { rule },
    members: { details: [{ pointer, rule, detail: message }] },
  });
}

/** One page of what arrived, in the wire's names. */
export async function readPage(
  store: Store,
  visitor: Visitor,
  query: Query,
): Promise<Readonly<Record<string, unknown>>> {
  const after = toCount(query['after'] ?? '0', 'after', Number.MAX_SAFE_INTEGER);
  const limit = toCount(query['limit'] ?? String(PAGE_DEFAULT), 'limit', PAGE_MAX);
  const project = projectFor(visitor, query['project']);
  // What a token is not for looks exactly like what does not exist.
  if (project !== null && !coversProject(visitor, project)) return { items: [], next_cursor: null };
  const options = { after, limit, ...(project === null ? {} : { project }) };
  const page = await listEvents(store, options, visitor.team);
  return { items: page.items.map(toWire), next_cursor: page.nextCursor };
}

/**
 * What has this id, as the body of an answer: an item for each project that sent it, with the envelope's bytes
 * spliced in as they came.
 */
export async function readEvent(store: Store, visitor: Visitor, eventId: string): Promise<Buffer> {
  const events = await showEvent(store, eventId, visitor.team);
  const shown = events.filter((event) => coversProject(visitor, event.projectId));
  if (shown.length === 0) throw new HttpError(404, 'not_found', 'no event has this id here');
  const kept = shown.filter(({ erasedAt }) => erasedAt === null);
  if (kept.length === 0) throw new HttpError(410, 'erased', 'this event was erased');
  const items = kept.flatMap(({ bytes, ...entry }, index) => [
    Buffer.from(
      `${index === 0 ? '' : ','}${JSON.stringify(toWire(entry)).slice(0, -1)},"envelope":`,
    ),
    bytes,
    Buffer.from('}'),
  ]);
  const tail = `],"server_instance_id":${JSON.stringify(store.instanceId)}}`;
  return Buffer.concat([Buffer.from('{"items":['), ...items, Buffer.from(tail)]);
}

function toWire(entry: EventEntry): Readonly<Record<string, unknown>> {
  return {
    cursor: entry.cursor,
    event_id: entry.eventId,
    sha256: entry.sha256,
    type: entry.type,
    project: entry.projectId,
    aggregate_type: entry.aggregateType,
    aggregate_id: entry.aggregateId,
    category: entry.category,
    occurred_at: new Date(entry.occurredAt).toISOString(),
    received_at: new Date(entry.receivedAt).toISOString(),
    ...(entry.erasedAt === null ? {} : { erased_at: new Date(entry.erasedAt).toISOString() }),
  };
}
