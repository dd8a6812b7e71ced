import type { HttpReply } from '../../src/home/index.ts';
import { MAY_PARK } from './facts.ts';
import { sha256, type Element, type Exchange } from './network.ts';
import type { SimReceiver } from './receiver.ts';

/** A promise of the product was broken; `law` names which. */
export class LawBroken extends Error {
  override readonly name = 'LawBroken';
  readonly law: string;

  constructor(law: string, message: string) {
    super(`${law}: ${message}`);
    this.law = law;
  }
}

/** What one call wanted to record under an id. Null bytes: the product makes them, and `contains` must be in them. */
export interface Claim {
  readonly bytes: Buffer | null;
  readonly contains: string;
  /** Index of the checkout. */
  readonly checkout: number;
  readonly key: string | null;
  readonly isEligible: boolean;
}

/** When and how an event was acknowledged. */
export interface Place {
  /** Counted over all acknowledgements. */
  readonly rank: number;
  /** The process that captured it. */
  readonly pid: number;
  /** Kept beside the store: where processes do that side by side, only the order of each is promised. */
  readonly isBeside: boolean;
}

/** Everything the history knows of one event id. */
export interface KnownEvent {
  readonly id: string;
  readonly claims: Claim[];
  /** Bytes whose keeping was acknowledged; null stands for whatever the product made of it. */
  readonly acknowledged: (Buffer | null)[];
  /** Its first acknowledgement, null before one and where an earlier call may have kept it. */
  place: Place | null;
  /** Since it was first seen in the journal. */
  kept: {
    readonly seq: number;
    readonly bytes: Buffer;
    readonly claim: Claim;
    readonly since: number;
  } | null;
}

/** Everything the history knows of one route. */
export interface KnownRoute {
  readonly receiver: SimReceiver;
  routeId: number | null;
  isGranted: boolean;
  /** Checkouts that the grant covers, with the step since when. */
  readonly covered: Map<number, number>;
  /** Events before this position were left out by the operator. */
  fromSeq: number;
  /** Given up by the operator. */
  readonly dropped: Set<string>;
  /** Ids of which a byte ever left for this receiver. */
  readonly attempted: Set<string>;
  /** Ids that an answer called stored, without contradicting itself. */
  readonly mayDeliver: Set<string>;
  /** Codes with which an answer may have parked an id. */
  readonly mayPark: Map<string, Set<string>>;
  /** Paths of bodies that an answer called stored. */
  readonly bodies: Set<string>;
  /** Paths of bodies that an answer refused for good. */
  readonly refusedBodies: Set<string>;
  /** Ids whose delivery was seen superseded. */
  readonly superseded: Set<string>;
  /** Everyone who has answered under its address. */
  readonly instances: Set<string>;
  /** Its health was heard to say that it takes bodies, and that could be kept: until then none is meant for it. */
  offersBodies: boolean;
  /** The receiver asked to be left alone until then by the wall clock; null once that clock was set. */
  leftAlone: { readonly until: number; readonly since: number } | null;
}

/** What must be true, kept without asking the product. */
export interface Model {
  readonly events: Map<string, KnownEvent>;
  readonly routes: readonly KnownRoute[];
  /** Ids whose payload gc dropped. */
  readonly gone: Set<string>;
  acknowledgements: number;
}

export function createModel(receivers: readonly SimReceiver[]): Model {
  const routes = receivers.map((receiver) => ({
    receiver,
    routeId: null,
    isGranted: false,
    covered: new Map<number, number>(),
    fromSeq: 1,
    dropped: new Set<string>(),
    attempted: new Set<string>(),
    mayDeliver: new Set<string>(),
    mayPark: new Map<string, Set<string>>(),
    bodies: new Set<string>(),
    refusedBodies: new Set<string>(),
    superseded: new Set<string>(),
    instances: new Set<string>(),
    offersBodies: false,
    leftAlone: null,
  }));
  return { events: new Map(), routes, gone: new Set(), acknowledgements: 0 };
}

/** Somebody tries to record this; whether it stays is not known yet. */
export function claim(model: Model, id: string, made: Claim): KnownEvent {
  const known: KnownEvent = model.events.get(id) ?? {
    id,
    claims: [],
    acknowledged: [],
    place: null,
    kept: null,
  };
  known.claims.push(made);
  model.events.set(id, known);
  return known;
}

/** The product said that it is kept. */
export function acknowledge(
  model: Model,
  known: KnownEvent,
  what: { readonly bytes: Buffer | null; readonly pid: number; readonly isBeside?: boolean },
): void {
  const { bytes, pid, isBeside = false } = what;
  known.acknowledged.push(bytes);
  model.acknowledgements += 1;
  if (known.claims.length > 1) return;
  known.place ??= { rank: model.acknowledgements, pid, isBeside };
}

/** Whether a byte of this event may leave on this route now. */
export function mayLeave(route: KnownRoute, known: KnownEvent): boolean {
  const { kept } = known;
  if (kept === null || !route.isGranted || !kept.claim.isEligible) return false;
  return route.covered.has(kept.claim.checkout) && kept.seq >= route.fromSeq;
}

/** Since which step it could have been sent; null when it may not leave. */
export function sendableSince(route: KnownRoute, known: KnownEvent): number | null {
  const { kept } = known;
  if (kept === null || !mayLeave(route, known)) return null;
  return Math.max(kept.since, route.covered.get(kept.claim.checkout) ?? 0);
}

/** Whether an instance of its receiver has stored it with exactly the captured bytes. */
export function isAnywhere(route: KnownRoute, { id, kept }: KnownEvent): boolean {
  return kept !== null && route.receiver.holds(id, kept.bytes);
}

/** A later event of the same key is there, so this one may be superseded. */
export function isStoodFor(model: Model, known: KnownEvent): boolean {
  const { kept } = known;
  if (kept === null || kept.claim.key === null) return false;
  return [...model.events.values()].some(
    ({ kept: other }) =>
      other !== null && other.seq > kept.seq && other.claim.key === kept.claim.key,
  );
}

/** Events that may leave on a route, were not given up or stood for, and lie at none of its instances. */
export function undelivered({ events, gone }: Model, route: KnownRoute): readonly string[] {
  return [...events.values()]
    .filter((known) => mayLeave(route, known) && !isAnywhere(route, known))
    .filter(({ id }) => !route.dropped.has(id) && !route.superseded.has(id) && !gone.has(id))
    .map(({ id }) => id);
}

/** Takes down what an answer allows to conclude, by a reading of its own. */
export function hear(route: KnownRoute, exchange: Exchange, reply: HttpReply): void {
  if (reply.kind !== 'response') return;
  const body = objectIn(reply.body);
  const instance = body['server_instance_id'];
  if (typeof instance === 'string') route.instances.add(instance);
  const limit = limitOf(route.receiver, body);
  for (const element of exchange.elements) {
    const words = wordsAbout(element, { exchange, status: reply.status, body, limit });
    if (words.length === 0) continue;
    if (words.every((word) => word === 'success' || word === 'duplicate'))
      route.mayDeliver.add(element.id);
    if (!words.every((word) => MAY_PARK.has(word))) continue;
    const codes = route.mayPark.get(element.id) ?? [];
    route.mayPark.set(element.id, new Set([...codes, ...words]));
  }
}

/** A receiver says what it takes, to somebody who can write it down. */
export function hearOffer(route: KnownRoute, reply: HttpReply): void {
  if (reply.kind !== 'response') return;
  const capabilities = objectIn(reply.body)['capabilities'] as Members | undefined;
  route.offersBodies ||= capabilities?.['bodies'] === true;
}

type Members = Readonly<Record<string, unknown>>;

/** `{"events":[` and `]}`. */
const WRAPPER_BYTES = 13;

interface Heard {
  readonly exchange: Exchange;
  readonly status: number;
  readonly body: Members;
  /** Bytes of a batch that the receiver takes, as it said last. */
  readonly limit: number;
}

/** One word for each thing that is said of an event: its status, or the code it is refused with. */
function wordsAbout(element: Element, { exchange, status, body, limit }: Heard): readonly string[] {
  if (status >= 200 && status < 300) {
    return about(element.id, body['results']).map((entry) => wordOf(entry, element));
  }
  const isAlone = exchange.elements.length === 1;
  if (status === 400) {
    const named = about(element.id, body['details']).map(codeOf);
    if (named.length > 0) return named;
    return isAlone ? ['bad_request'] : [];
  }
  return status === 413 && isAlone && element.bytes.length + WRAPPER_BYTES > limit
    ? ['payload_too_large']
    : [];
}

function limitOf({ character }: SimReceiver, body: Members): number {
  const limits = body['limits'] as Members | undefined;
  const stated = limits?.['max_decompressed_bytes_per_batch'];
  if (typeof stated === 'number') return stated;
  return character.hasHealth ? character.maxBytes : Number.POSITIVE_INFINITY;
}

function about(id: string, list: unknown): readonly Members[] {
  if (!Array.isArray(list)) return [];
  return (list as readonly unknown[])
    .filter((entry) => typeof entry === 'object' && entry !== null)
    .map((entry) => entry as Members)
    .filter((entry) => entry['event_id'] === id);
}

function wordOf(entry: Members, element: Element): string {
  const status = typeof entry['status'] === 'string' ? entry['status'].toLowerCase() : '';
  if (status === 'success' || status === 'duplicate') {
    const echoed = entry['sha256'];
    return echoed === undefined || echoed === sha256(element.bytes) ? status : 'hash_mismatch';
  }
  if (status === 'conflict') return 'hash_conflict';
  return status === 'rejected' ? codeOf(entry) : `(${status})`;
}

function codeOf(entry: Members): string {
  const code = entry['error_category'];
  return typeof code === 'string' ? code.toLowerCase() : '(no code)';
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
