import { describe, expect, it, onTestFinished } from 'vitest';
import { BROKEN_EVENTS } from '../../test/support/broken/events.ts';
import { BROKEN_STREAMS } from '../../test/support/broken/streams.ts';
import { realReceiver, tokenFor } from '../../test/support/real-receiver.ts';
import {
  editedResults,
  saying,
  startProxy,
  type Tamper,
} from '../../test/support/tampering-proxy.ts';
import { createIds, systemClock } from '../base/index.ts';
import { createHttp } from '../home/index.ts';
import { gradeReceiver, type Report } from './index.ts';

const through: Tamper = (sent, forward) => forward(sent);

interface Trial {
  readonly isStrict?: boolean;
  readonly tamper: (token: string) => Tamper;
  readonly signal?: AbortSignal;
}

/** Grades the real receiver behind a proxy. */
async function gradeBehind({ isStrict = false, tamper, ...more }: Trial): Promise<Report> {
  const { url, store } = await realReceiver({ isStrict });
  const token = await tokenFor(store, 'ingest');
  const readToken = await tokenFor(store, 'read');
  const proxy = await startProxy(url, tamper(token));
  const clock = systemClock();
  const http = createHttp({});
  onTestFinished(async () => {
    http.close();
    await proxy.close();
  });
  const project = createIds(clock).uuid();
  const { signal = new AbortController().signal } = more;
  const base = proxy.url;
  return gradeReceiver({ http, clock, base, project, token, readToken, isStrict, signal });
}

function brokenIn({ rules }: Report): readonly (readonly [string, string])[] {
  return rules.flatMap(({ id, verdict }) =>
    verdict.kind === 'fail' ? [[id, verdict.detail] as const] : [],
  );
}

it('every rule has an id of its own, a sentence and a source', async () => {
  const { rules } = await gradeBehind({ tamper: () => through });
  expect(new Set(rules.map(({ id }) => id)).size).toBe(rules.length);
  expect(rules.filter(({ says, source }) => !says.endsWith('.') || source === '')).toEqual([]);
  expect(rules.filter(({ verdict }) => verdict.kind === 'fail')).toEqual([]);
});

it('does not hold against a receiver what it does not offer', async () => {
  const own = ['/api/v1/events/batch/', '/api/dossier/', '/api/v1/connectors/'];
  const report = await gradeBehind({
    tamper: () => (sent, forward) =>
      own.includes(sent.url) ? forward(sent) : Promise.resolve(saying(404, {})),
  });
  expect(brokenIn(report)).toEqual([]);
  const lacking = report.rules.filter(({ verdict }) => verdict.kind === 'not_offered');
  expect(new Set(lacking.map(({ id }) => id.split('.')[0]))).toEqual(
    new Set(['health', 'answer', 'batch', 'limit', 'caller', 'body', 'snapshot', 'read']),
  );
});

it('ends where the receiver is gone, and says so of what was not asked', async () => {
  let count = 0;
  const report = await gradeBehind({
    tamper: () => (sent, forward) =>
      (count += 1) > 20 ? Promise.resolve(saying(0, {})) : through(sent, forward),
  });
  expect(brokenIn(report)).toEqual([[expect.any(String), expect.stringContaining('no answer')]]);
  expect(report.rules.at(-1)?.verdict).toEqual({
    kind: 'skipped',
    detail: 'the receiver answers no more',
  });
});

it('says nothing against a receiver because it was stopped', async () => {
  const stopping = new AbortController();
  let count = 0;
  const report = await gradeBehind({
    signal: stopping.signal,
    tamper: () => (sent, forward) => {
      if ((count += 1) > 20) stopping.abort();
      return forward(sent);
    },
  });
  expect(brokenIn(report)).toEqual([]);
  expect(report.rules.at(-1)?.verdict).toEqual({ kind: 'skipped', detail: 'the run was stopped' });
});

it('grades what answers everything with the same page, in a moment', async () => {
  const report = await gradeBehind({ tamper: () => () => Promise.resolve(saying(200, 'hello')) });
  expect(brokenIn(report).map(([id]) => id)).toEqual([
    'health.answers',
    'batch.empty',
    'batch.stored',
    'batch.encoding',
    'batch.media-type',
    'batch.method',
    'batch.invalid-json',
  ]);
});

describe('a receiver that breaks one rule fails that rule alone', () => {
  it.each([...BROKEN_EVENTS, ...BROKEN_STREAMS])('%s: %s', async (id, _, tamper) => {
    const report = await gradeBehind({ tamper });
    expect(brokenIn(report)).toEqual([[id, expect.stringMatching(/./)]]);
  });

  it.each([
    ['strict.unknown-type', 'unknown_event_type'],
    ['strict.payload', 'schema_invalid'],
  ])('%s: another code where it is strict', async (id, code) => {
    const word = id === 'strict.payload' ? 'Invalid payload' : 'unknown event type';
    const report = await gradeBehind({
      isStrict: true,
      tamper: () => async (sent, forward) => {
        const told = await forward(sent);
        if (sent.url !== '/api/v1/events/batch/') return told;
        return editedResults(told, (each) =>
          each['error_category'] === code && String(each['error']).startsWith(word)
            ? { ...each, error_category: 'no' }
            : each,
        );
      },
    });
    expect(brokenIn(report)).toEqual([[id, expect.stringMatching(/./)]]);
  });
});
