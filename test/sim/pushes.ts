import type { HttpReply } from '../../src/home/index.ts';
import type { Dice } from './dice.ts';
import type { KnownRoute } from './model.ts';
import type { Exchange, Push } from './network.ts';

/** An answer to a push before it is on its way. */
export interface PushAnswer {
  readonly status: number;
  readonly body: string;
}

/** What the receiver says by itself: stored, there already, or refused. */
export function answerPush(
  push: Push,
  place: {
    readonly stored: Map<string, string>;
    readonly isRefused: boolean;
    readonly garbling: Dice | null;
  },
): PushAnswer {
  if (place.isRefused) return { status: 400, body: '{"content_body":["no"]}' };
  const isKnown = place.stored.get(push.path) === push.hash;
  const echo = { artifact_path: push.path, content_hash: push.hash };
  const status = isKnown ? 'already_exists' : 'stored';
  if (place.garbling !== null) return garbled(place.garbling, { status, ...echo });
  place.stored.set(push.path, push.hash);
  return { status: isKnown ? 200 : 201, body: JSON.stringify({ status, ...echo }) };
}

/** Almost an answer: nothing was stored, and no word of it says so truly. */
function garbled(dice: Dice, answer: Readonly<Record<string, string>>): PushAnswer {
  const [status, body] = dice.pick<readonly [number, unknown]>([
    [201, { ...answer, content_hash: 'f'.repeat(64) }],
    [200, { ...answer, artifact_path: 'spec.md' }],
    [200, { ...answer, status: 'queued' }],
    [201, { status: 'stored' }],
    [202, answer],
    [404, { error: 'index_entry_not_found' }],
    [404, { detail: 'namespace_not_found' }],
    [404, { error: 'namespace_not_found' }],
    [409, { error: 'hash_conflict' }],
  ]);
  return { status, body: JSON.stringify(body) };
}

/** Takes down what the answer to a push allows to conclude, by a reading of its own. */
export function hearPush(route: KnownRoute, { request, push }: Exchange, reply: HttpReply): void {
  if (push === null || reply.kind !== 'response') return;
  const { status } = reply;
  const said = objectIn(reply.body);
  if (isStored(said, status, push)) route.bodies.add(push.path);
  const size = request.body?.length ?? 0;
  if (isForGood(said, status, size > limitOf(said, route))) route.refusedBodies.add(push.path);
}

type Members = Readonly<Record<string, unknown>>;

function isStored(said: Members, status: number, push: Push): boolean {
  const isPositive = said['status'] === 'stored' || said['status'] === 'already_exists';
  const isEcho = said['artifact_path'] === push.path && said['content_hash'] === push.hash;
  return (status === 200 || status === 201) && isPositive && isEcho;
}

function limitOf(said: Members, { receiver }: KnownRoute): number {
  const limits = said['limits'] as Members | undefined;
  return Number(limits?.['max_decompressed_bytes_per_batch'] ?? receiver.character.maxBytes);
}

function isForGood(said: Members, status: number, isOver: boolean): boolean {
  if (status === 413) return isOver;
  return status === 400 || (status === 404 && said['error'] === 'namespace_not_found');
}

function objectIn(bytes: Uint8Array): Members {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Members) : {};
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}
