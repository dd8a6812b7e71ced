import { expect, it } from 'vitest';
import {
  bearer,
  envelope,
  postRequest,
  replyOf,
  startTrial,
  type Trial,
  trialClock,
} from '../../../test/support/receiver-trial.ts';
import { createIds, systemClock, systemRandom as random } from '../../base/index.ts';
import { PATHS } from '../../wire/index.ts';
import { createTeam, teamForOperator } from '../identity/administration.ts';
import { REQUESTS_UNDER_WAY } from '../limits.ts';
import { createToken } from '../operator.ts';

const PUSH_URL = `http://localhost${PATHS.bodies}`;

/** A token of a second team. */
async function tokenOfOther({ store, clock }: Trial): Promise<string> {
  const ids = createIds(clock);
  await createTeam({ store, clock, ids, random }, 'other');
  const team = await teamForOperator(store, 'other');
  const rules = { name: 'other', scope: 'ingest', projects: 'all', team } as const;
  return (await createToken(store, { ...rules, clock, ids, random })).secret;
}

it('asks a team to come again whose requests are all under way, and serves the others', async () => {
  const hasty = { ...trialClock(), sleep: (ms: number) => systemClock().sleep(ms / 100) };
  const trial = await startTrial({ clock: hasty });
  const push = (headers: Readonly<Record<string, string>>) =>
    replyOf(trial.app.fetch(postRequest(Buffer.from('{}'), headers, PUSH_URL)));
  const ours = bearer(await trial.token());
  const other = await tokenOfOther(trial);
  const ends: (() => void)[] = [];
  const slow = Array.from({ length: REQUESTS_UNDER_WAY / 2 }, async () => {
    const body = new ReadableStream({
      start: (controller) => {
        ends.push(() => {
          controller.close();
        });
      },
    });
    const headers = { 'content-type': 'application/json', ...ours };
    const init = { method: 'POST', body, duplex: 'half', headers };
    return trial.app.fetch(new Request(PUSH_URL, init as RequestInit));
  });
  const { status, json, headers } = await push(ours);
  expect([status, json]).toMatchObject([
    429,
    { error_code: 'rate_limited', limit: 'share', retry_after: 5 },
  ]);
  expect(headers.get('retry-after')).toBe('5');
  const batch = await trial.app.fetch(postRequest([envelope(2)], ours));
  expect([batch.status, batch.headers.get('retry-after')]).toEqual([429, '5']);
  expect((await push(bearer(other))).status).toBe(400);
  for (const end of ends) end();
  expect(new Set((await Promise.all(slow)).map((response) => response.status))).toEqual(
    new Set([400]),
  );
  expect((await push(ours)).status).toBe(400);
});
