import { describe, expect, it, onTestFinished } from 'vitest';
import { BROKEN_EVENTS } from '../../test/support/broken/events.ts';
import { BROKEN_STREAMS } from '../../test/support/broken/streams.ts';
import { realReceiver, tokenFor } from '../../test/support/real-receiver.ts';
import { editedResults, startProxy, type Tamper } from '../../test/support/tampering-proxy.ts';
import { createIds, systemClock } from '../base/index.ts';
import { createHttp } from '../home/index.ts';
import { gradeReceiver, type Report } from './index.ts';

interface Trial {
  readonly isStrict?: boolean;
  readonly tamper: (token: string) => Tamper;
}

/** Grades the real receiver behind a proxy. */
async function gradeBehind({ isStrict = false, tamper }: Trial): Promise<Report> {
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
  const { signal } = new AbortController();
  const base = proxy.url;
  return gradeReceiver({ http, clock, base, project, token, readToken, isStrict, signal });
}

function brokenIn({ rules }: Report): readonly (readonly [string, string])[] {
  return rules.flatMap(({ id, verdict }) =>
    verdict.kind === 'fail' ? [[id, verdict.detail] as const] : [],
  );
}

it('every rule has an id of its own, a sentence and a source', async () => {
  const { rules } = await gradeBehind({ tamper: () => (sent, forward) => forward(sent) });
  expect(new Set(rules.map(({ id }) => id)).size).toBe(rules.length);
  expect(rules.filter(({ says, source }) => !says.endsWith('.') || source === '')).toEqual([]);
  expect(rules.filter(({ verdict }) => verdict.kind === 'fail')).toEqual([]);
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
