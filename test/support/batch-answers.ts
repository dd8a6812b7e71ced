import { expect } from 'vitest';
import { sha256Hex } from '../../src/base/index.ts';
import { classify, type BatchAnswer, type Meaning } from '../../src/receivers/classify.ts';
import type { OutboundItem } from '../../src/receivers/receiver.ts';
import type { Verdict } from '../../src/wire/index.ts';
import { brokenRule } from '../hostile/answer-rules.ts';

export const NOW = Date.UTC(2026, 2, 14, 9, 26, 53);

export const items: readonly OutboundItem[] = [1, 2, 3].map((seq) => {
  const bytes = Buffer.from(`{"event_id":"E${seq}"}`);
  return { seq, id: `E${seq}`, sha256: sha256Hex(bytes), bytes };
});
export const [one] = items;
export const alone = items.slice(0, 1);

export function answerOf(
  status: number,
  body: unknown,
  headers: Partial<BatchAnswer> = {},
): BatchAnswer {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return { status, retryAfter: null, location: null, body: Buffer.from(text), ...headers };
}

export function read(
  status: number,
  body: unknown,
  options: {
    readonly items?: readonly OutboundItem[];
    readonly maxBytes?: number;
    readonly headers?: Partial<BatchAnswer>;
  } = {},
): Meaning {
  const context = { items: options.items ?? items, maxBytes: options.maxBytes ?? null, now: NOW };
  const answer = answerOf(status, body, options.headers);
  const reading = classify(answer, context);
  expect(brokenRule(answer, context, reading)).toBeNull();
  return reading.meaning;
}

/** What one result says of the only item of a batch. */
export function verdictOn(entry: Readonly<Record<string, unknown>>, status = 200): Verdict | null {
  const meaning = read(status, { results: [{ event_id: 'E1', ...entry }] }, { items: alone });
  return meaning.kind === 'items' ? (meaning.verdicts[0] ?? null) : null;
}

export function outcomes(meaning: Meaning): readonly unknown[] {
  if (meaning.kind !== 'items') return [meaning.kind];
  return meaning.verdicts.map((each) =>
    each === null ? null : [each.outcome, each.category].filter((text) => text !== null).join(' '),
  );
}
