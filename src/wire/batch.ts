import { failed, ok, type Result } from '../base/index.ts';
import type { Issue } from './json/issue.ts';
import { frameOf } from './json/spans.ts';

/** How large one batch may be. */
export interface BatchLimits {
  readonly maxEvents: number;
  /** Of the whole body, after decompression. */
  readonly maxBytes: number;
}

/** What a receiver says about one event, in the wire's own names (wire contract 1.4). */
export interface ItemResult {
  readonly event_id: string;
  readonly status: string;
  /** For people. */
  readonly error?: string;
  /** A code, on a refusal. */
  readonly error_category?: string;
  /** A note on an event that was stored: `unknown_type` or `unvalidated`. */
  readonly category?: string;
  /** Of the element's bytes as they arrived. */
  readonly sha256?: string;
  readonly receipt?: string;
}

/** The answer to a batch: one result for each element, in the batch's order. */
export interface BatchAnswer {
  readonly results: readonly ItemResult[];
  readonly server_instance_id?: string;
}

const HEAD = Buffer.from('{"events":[');
const COMMA = Buffer.from(',');
const TAIL = Buffer.from(']}');

/** The body of a batch: the elements' own bytes, nothing rewritten (wire contract 1.1). */
export function encodeBatch(elements: readonly Uint8Array[]): Buffer {
  const parts = elements.flatMap((element, index) => (index === 0 ? [element] : [COMMA, element]));
  return Buffer.concat([HEAD, ...parts, TAIL]);
}

/**
 * The elements of a batch as the exact bytes that arrived, without the white space around them; views, not copies.
 * Only the frame is judged here, so that one bad element spoils no other: each must still be parsed by itself. An
 * empty list is accepted. Never throws.
 */
export function parseBatch(
  bytes: Uint8Array,
  limits: BatchLimits,
): Result<readonly Uint8Array[], Issue> {
  if (bytes.length > limits.maxBytes) {
    return refused(
      '',
      'too-large',
      `${bytes.length} bytes, at most ${limits.maxBytes} are accepted`,
    );
  }
  const frame = frameOf(bytes);
  if (frame === null) return refused('', 'invalid-json', 'a batch must be a JSON object');
  const [events, second] = frame.members.filter((member) => member.key === 'events');
  if (events === undefined) return refused('/events', 'required', 'events is missing');
  if (second !== undefined) return refused('/events', 'duplicate-key', 'events stands there twice');
  const spans = frame.elementsOf(events);
  if (spans === null) return refused('/events', 'wrong-type', 'events must be an array');
  if (spans.length > limits.maxEvents) {
    const count = `${spans.length} events, at most ${limits.maxEvents} are accepted`;
    return refused('/events', 'too-many-events', count);
  }
  return ok(spans.map(({ start, end }) => bytes.subarray(start, end)));
}

function refused(pointer: string, rule: string, message: string): Result<never, Issue> {
  return failed({ pointer, rule, message });
}
