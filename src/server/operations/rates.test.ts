import { expect, it } from 'vitest';
import {
  bearer,
  envelope,
  HEALTH_URL,
  listenTrial,
  postRequest,
  replyOf,
  startTrial,
  trialClock,
} from '../../../test/support/receiver-trial.ts';
import { MAX_BUCKETS } from '../limits.ts';
import { createRates } from './rates.ts';

function standing() {
  let ms = 0;
  const clock = { ...trialClock(), monotonic: () => ms };
  return {
    clock,
    move: (by: number) => {
      ms += by;
    },
  };
}

it('answers 429 to a token that asks too often, until it has waited as long as it was told', async () => {
  const { clock, move } = standing();
  const trial = await startTrial({ clock, requestsPerSecond: 1 });
  const [one, other] = [await trial.token(), await trial.token()];
  const post = (token: string) =>
    replyOf(trial.app.fetch(postRequest([envelope(1)], bearer(token))));
  for (let count = 0; count < 10; count += 1) expect((await post(one)).status).toBe(200);
  const refused = await post(one);
  expect([refused.status, refused.json['error_code'], refused.json['limit']]).toEqual([
    429,
    'rate_limited',
    'token',
  ]);
  expect(refused.headers.get('retry-after')).toBe('1');
  expect((await post(other)).status).toBe(200);
  move(1_000);
  expect([(await post(one)).status, (await post(one)).status]).toEqual([200, 429]);
});

it('gives all tokens of a team together no more than the team’s share', async () => {
  const { clock } = standing();
  const trial = await startTrial({ clock, requestsPerSecond: 1 });
  const statuses: number[] = [];
  for (let token = 0; token < 5; token += 1) {
    const headers = bearer(await trial.token());
    for (let count = 0; count < 10; count += 1) {
      statuses.push((await trial.app.fetch(postRequest([envelope(1)], headers))).status);
    }
  }
  expect(statuses.filter((status) => status === 200)).toHaveLength(40);
  expect(statuses.slice(40).every((status) => status === 429)).toBe(true);
});

it('limits an address from elsewhere before it looks at any token, and its own machine not at all', async () => {
  const trial = await startTrial({ requestsPerSecond: 1 });
  const receiver = await listenTrial(trial);
  const ask = async (from: string | null) => {
    const headers = { ...bearer('guess'), ...(from === null ? {} : { 'x-forwarded-for': from }) };
    return (await fetch(HEALTH_URL.replace('http://localhost', receiver.url), { headers })).status;
  };
  const guesses: number[] = [];
  for (let count = 0; count < 14; count += 1) guesses.push(await ask('192.0.2.7'));
  expect(guesses.filter((status) => status === 401).length).toBeGreaterThanOrEqual(10);
  expect(guesses).toContain(429);
  expect(await ask('192.0.2.8')).toBe(401);
  const local = await Promise.all(Array.from({ length: 20 }, () => ask(null)));
  expect(new Set(local)).toEqual(new Set([401]));
});

it('keeps count of a bounded number of addresses', () => {
  const { clock } = standing();
  const rates = createRates(clock, 1);
  const spend = (key: string) => {
    for (let count = 0; count < 10; count += 1) rates.requireAddress(key);
  };
  spend('first');
  expect(() => rates.requireAddress('first')).toThrow(/too many/);
  for (let number = 0; number < MAX_BUCKETS; number += 1) rates.requireAddress(`a${number}`);
  expect(() => rates.requireAddress('first')).not.toThrow();
});
