import type { Dice } from './dice.ts';

/** What happens to one request besides what its receiver would do by itself. */
export type Weather =
  | { readonly kind: 'clear' }
  /** The request never gets there, or not as a whole. */
  | { readonly kind: 'lost'; readonly reason: LostReason }
  /** It gets there and is worked on; the answer does not come back. */
  | {
      readonly kind: 'unanswered';
      readonly reason: 'timeout' | 'reset' | 'malformed' | 'too_large';
    }
  /** Answered by something in front of the receiver. */
  | {
      readonly kind: 'turned away';
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string;
    }
  /** Answered by another instance with a store of its own. */
  | { readonly kind: 'replica' }
  /** Worked on, and the answer is changed. */
  | { readonly kind: 'garbled'; readonly how: Garbling };

export type LostReason = 'refused' | 'dns' | 'tls' | 'timeout' | 'reset';

export const GARBLINGS = [
  'odd status',
  'missing results',
  'contradicting results',
  'strange results',
  'wrong hash',
  'pending',
  'unknown status',
  'refused by text',
  'refused by code',
  'bad request with details',
  'answer of another batch',
] as const;

export type Garbling = (typeof GARBLINGS)[number];

/** Where a redirect would lead: nobody who was ever permitted. */
export const ELSEWHERE = 'http://127.0.0.9:9/api/v1/events/batch/';

const HALTS = [401, 403, 404, 405, 406, 410, 411, 412, 415, 421, 426, 431, 451];
const SERVER_ERRORS = [500, 502, 503, 504, 418, 499, 520];

/** Rough weather for a batch. */
export function blowOnBatch(dice: Dice): Weather {
  return dice.weigh<() => Weather>([
    [3, () => ({ kind: 'lost', reason: dice.pick(['refused', 'dns', 'tls', 'timeout', 'reset']) })],
    [4, () => ({ kind: 'unanswered', reason: dice.pick(['timeout', 'reset', 'malformed']) })],
    [3, () => throttle(dice)],
    [2, () => serverError(dice)],
    [1, () => redirect(dice)],
    [1, () => turnAway(dice.pick(HALTS), 'not here')],
    [1, () => nonsense(dice)],
    [2, () => refuseAll(dice)],
    [2, () => tooLarge(dice)],
    [1, () => ({ kind: 'replica' })],
    [8, () => ({ kind: 'garbled', how: dice.pick(GARBLINGS) })],
    [3, () => ({ kind: 'garbled', how: 'contradicting results' })],
    [3, () => ({ kind: 'garbled', how: 'refused by code' })],
  ])();
}

/** Rough weather for a health question. */
export function blowOnHealth(dice: Dice): Weather {
  return dice.weigh<() => Weather>([
    [2, () => ({ kind: 'lost', reason: dice.pick(['refused', 'timeout', 'reset', 'dns']) })],
    [2, () => throttle(dice)],
    [1, () => serverError(dice)],
    [1, () => redirect(dice)],
    [1, () => turnAway(dice.pick([401, 403, 404]), 'not here')],
    [1, () => nonsense(dice)],
    [1, () => ({ kind: 'replica' })],
  ])();
}

function turnAway(status: number, text: string, headers: Record<string, string> = {}): Weather {
  return { kind: 'turned away', status, headers, body: JSON.stringify({ error: text }) };
}

function throttle(dice: Dice): Weather {
  const after = dice.pick(['0', '1', '7', '120', '99999', 'soon', 'Thu, 01 Jan 1970 00:00:00 GMT']);
  return turnAway(dice.pick([429, 503]), 'slow down', { 'retry-after': after });
}

/** Texts full of words that, as codes, would park an event. */
function serverError(dice: Dice): Weather {
  const text = dice.pick([
    'request has a too large header, payload_too_large',
    'schema_invalid: internal failure',
    'bad_request upstream, erased',
  ]);
  return turnAway(dice.pick(SERVER_ERRORS), text);
}

function redirect(dice: Dice): Weather {
  return turnAway(dice.pick([301, 302, 303, 307, 308]), 'moved', { location: ELSEWHERE });
}

function nonsense(dice: Dice): Weather {
  const [status, body] = dice.pick<readonly [number, string]>([
    [200, '<html>Please log in</html>'],
    [200, ''],
    [204, ''],
    [200, 'null'],
    [200, '[]'],
    [200, '{"results":'],
    [200, '{"results":"all fine"}'],
    [200, '{"status":"success"}'],
  ]);
  return { kind: 'turned away', status, headers: {}, body };
}

function refuseAll(dice: Dice): Weather {
  const body = dice.pick(['{"error":"bad request"}', '{"details":[]}', 'no']);
  return { kind: 'turned away', status: 400, headers: {}, body };
}

function tooLarge(dice: Dice): Weather {
  const body = dice.pick([
    '{"error":"too large"}',
    '{"limits":{"max_events_per_batch":1}}',
    '{"limits":{"max_decompressed_bytes_per_batch":700}}',
  ]);
  return { kind: 'turned away', status: 413, headers: {}, body };
}
