import type { HttpReply, HttpRequest } from '../../src/home/index.ts';
import { createIds, silentLog, systemFiles, type Clock } from '../../src/base/index.ts';
import { createApp, openStore, type App } from '../../src/server/index.ts';
import type { Dice } from './dice.ts';
import type { Event } from './facts.ts';
import { answerPush } from './pushes.ts';
import { garble, type ItemWord } from './garbling.ts';
import { failure, sha256, type Element, type Exchange } from './network.ts';
import type { Weather } from './weather.ts';

/** What a receiver is like; it stays so for a whole history. */
export interface Character {
  readonly name: string;
  /** As an operator names it. */
  readonly endpoint: string;
  /** The product's own receiver, or one of another make. */
  readonly make: 'product' | 'foreign';
  /** Whether it has health, and says its limits and instance there. */
  readonly hasHealth: boolean;
  readonly maxEvents: number;
  readonly maxBytes: number;
  readonly maxConcurrent: number;
  /** Refuses a batch with one bad event as a whole, without a word about which. */
  readonly isAllOrNothing: boolean;
  /** It says that it takes bodies. */
  readonly takesBodies?: boolean;
}

/** One simulated receiver. */
export interface SimReceiver {
  readonly character: Character;
  /** First bytes of every event that it stored, in the order of arrival. */
  readonly stored: ReadonlyMap<string, Buffer>;
  /** Hash of every body that it stored, by path. */
  readonly bodies: ReadonlyMap<string, string>;
  /** Whether it, or its replica, has stored exactly these bytes. */
  holds(id: string, bytes: Buffer): boolean;
  /** No longer refuses events. */
  mend(): void;
  /** Stores an event that somebody else sent. */
  squat(event: Event): Promise<void>;
  /** Reads a request and makes its answer; a failure is what the network makes of it. */
  take(exchange: Exchange, weather: Weather): Promise<HttpReply | 'never'>;
  /** What its own store holds, by id; more than one row is shown as such. */
  holdings(): Promise<ReadonlyMap<string, readonly Buffer[]>>;
  close(): Promise<void>;
}

export interface ReceiverOptions {
  readonly clock: Clock;
  readonly dice: Dice;
  readonly refusalOf: (id: string) => Event['refusal'];
  readonly isBodyRefused: (path: string) => boolean;
}

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What keeps the events: the product's server without a socket, or a map. */
interface Shelf {
  readonly instanceId: string;
  put(elements: readonly Element[]): Promise<readonly ItemWord[]>;
  holdings(): Promise<ReadonlyMap<string, readonly Buffer[]>>;
  close(): Promise<void>;
}

export async function openReceiver(
  character: Character,
  options: ReceiverOptions,
): Promise<SimReceiver> {
  const { dice, refusalOf } = options;
  const shelf =
    character.make === 'product' ? await productShelf(options) : mapShelf(`${character.name}-1`);
  const replica = mapShelf(`${character.name}-replica`);
  const stored = new Map<string, Buffer>();
  const elsewhere = new Map<string, Buffer>();
  const bodies = new Map<string, string>();
  let isMended = false;
  let lastAnswer = '{"results":[]}';
  const isRefused = ({ id }: Element): boolean => !isMended && refusalOf(id) !== null;

  const put = async (elements: readonly Element[]): Promise<readonly ItemWord[]> => {
    const words = elements.length === 0 ? [] : await shelf.put(elements);
    keepFirst(stored, elements);
    return words;
  };
  const judge = async (elements: readonly Element[]): Promise<Answer> => {
    const over = limitBroken(character, elements);
    if (over !== null) return over;
    const refused = elements.filter(isRefused);
    if (refused.length > 0 && character.isAllOrNothing)
      return { status: 400, body: '{"error":"bad batch"}' };
    const words = await put(elements.filter((element) => !isRefused(element)));
    const byId = new Map(words.map((word) => [word.event_id, word]));
    const results = elements.map(
      (element) => byId.get(element.id) ?? refuse(element, refusalOf(element.id)),
    );
    return { status: 200, body: bodyOf(results, shelf.instanceId) };
  };
  const answer = async (
    { elements, request, push }: Exchange,
    weather: Weather,
  ): Promise<Answer> => {
    if (weather.kind === 'turned away') return weather;
    if (push !== null) {
      const isUnwanted = !isMended && options.isBodyRefused(push.path);
      const isOdd = weather.kind === 'garbled' || weather.kind === 'replica';
      return answerPush(push, {
        stored: bodies,
        isRefused: isUnwanted,
        garbling: isOdd ? dice : null,
      });
    }
    if (request.method === 'GET') {
      return health(character, weather.kind === 'replica' ? replica.instanceId : shelf.instanceId);
    }
    if (weather.kind === 'replica') {
      keepFirst(elsewhere, elements);
      return { status: 200, body: bodyOf(await replica.put(elements), replica.instanceId) };
    }
    const honest = await judge(elements);
    if (weather.kind !== 'garbled' || honest.status !== 200) return honest;
    const garbled = garble(weather.how, { answer: honest, elements, lastAnswer, dice });
    lastAnswer = honest.body;
    return garbled;
  };
  return {
    character,
    stored,
    bodies,
    holds: (id, bytes) =>
      stored.get(id)?.equals(bytes) === true || elsewhere.get(id)?.equals(bytes) === true,
    mend: () => {
      isMended = true;
    },
    squat: async ({ id, bytes }) => {
      await put([{ id, bytes }]);
    },
    take: async (exchange, weather) => {
      const { request } = exchange;
      if (weather.kind === 'lost') {
        return weather.reason === 'timeout' ? 'never' : failure(weather.reason, request);
      }
      const made = await answer(exchange, weather);
      if (weather.kind !== 'unanswered') return toReply(made);
      return weather.reason === 'timeout' ? 'never' : failure(weather.reason, request);
    },
    holdings: () => shelf.holdings(),
    close: () => shelf.close(),
  };
}

function keepFirst(kept: Map<string, Buffer>, elements: readonly Element[]): void {
  for (const { id, bytes } of elements) if (!kept.has(id)) kept.set(id, bytes);
}

function limitBroken(character: Character, elements: readonly Element[]): Answer | null {
  const size = elements.reduce((sum, { bytes }) => sum + bytes.length + 1, 12);
  if (elements.length <= character.maxEvents && size <= character.maxBytes) return null;
  const { maxEvents: max_events_per_batch, maxBytes: max_decompressed_bytes_per_batch } = character;
  const limits = { max_events_per_batch, max_decompressed_bytes_per_batch };
  return {
    status: 413,
    body: JSON.stringify(character.hasHealth ? { limits } : { error: 'too large' }),
  };
}

function refuse({ id }: Element, refusal: Event['refusal']): ItemWord {
  const code = refusal?.code ?? null;
  const word = { event_id: id, status: 'rejected', error: refusal?.text ?? '' };
  return code === null ? word : { ...word, error_category: code };
}

function bodyOf(results: readonly ItemWord[], instanceId: string): string {
  return JSON.stringify({ results, server_instance_id: instanceId });
}

function health(character: Character, instanceId: string): Answer {
  if (!character.hasHealth) return { status: 404, body: '{}' };
  const limits = {
    max_events_per_batch: character.maxEvents,
    max_decompressed_bytes_per_batch: character.maxBytes,
    max_concurrent_batches: character.maxConcurrent,
  };
  const capabilities = {
    brotli: character.make === 'product',
    bodies: character.takesBodies === true,
  };
  const body = { server_instance_id: instanceId, sync_ingress: { limits }, capabilities };
  return { status: 200, body: JSON.stringify(body) };
}

function toReply({ status, headers = {}, body }: Answer): HttpReply {
  return { kind: 'response', status, headers, body: Buffer.from(body) };
}

function mapShelf(instanceId: string): Shelf {
  const kept = new Map<string, Buffer>();
  return {
    instanceId,
    put: async (elements) =>
      elements.map(({ id, bytes }) => {
        const known = kept.get(id);
        if (known === undefined) kept.set(id, bytes);
        const isSame = known === undefined || known.equals(bytes);
        const status = known === undefined ? 'success' : isSame ? 'duplicate' : 'conflict';
        return { event_id: id, status, sha256: sha256(bytes) };
      }),
    holdings: async () => new Map([...kept].map(([id, bytes]) => [id, [bytes]])),
    close: async () => {},
  };
}

async function productShelf({ clock, dice }: ReceiverOptions): Promise<Shelf> {
  const ids = createIds(clock, dice.bytes);
  const store = await openStore(':memory:', { clock, ids, files: systemFiles });
  const app = createApp(store, { clock, log: silentLog });
  return {
    instanceId: store.instanceId,
    put: (elements) => post(app, elements),
    holdings: async () => {
      const rows = await store.driver.all<{ readonly event_id: string; readonly payload: Buffer }>(
        'SELECT event_id, payload FROM events ORDER BY arrival',
      );
      const held = new Map<string, Buffer[]>();
      for (const { event_id: id, payload } of rows)
        held.set(id, [...(held.get(id) ?? []), payload]);
      return held;
    },
    close: () => store.close(),
  };
}

async function post(app: App, elements: readonly Element[]): Promise<readonly ItemWord[]> {
  const batch = elements.map(({ bytes }) => bytes.toString('latin1')).join(',');
  const request: Pick<HttpRequest, 'method' | 'headers'> & {
    readonly body: Uint8Array<ArrayBuffer>;
  } = {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: new Uint8Array(Buffer.from(`{"events":[${batch}]}`, 'latin1')),
  };
  const response = await app.fetch(new Request('http://localhost/api/v1/events/batch/', request));
  if (response.status !== 200) throw new Error(`the receiver answered ${response.status}`);
  const answer = (await response.json()) as { readonly results: readonly ItemWord[] };
  return answer.results;
}
