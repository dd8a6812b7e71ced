import { expect, it } from 'vitest';
import {
  bearer,
  envelope,
  listenTrial,
  postRequest,
  replyOf,
  send,
  startTrial,
  type Trial,
} from '../../../test/support/receiver-trial.ts';

const ORIGIN = 'http://localhost';

async function figures(trial: Pick<Trial, 'app'>): Promise<ReadonlyMap<string, number>> {
  const response = await trial.app.fetch(new Request(`${ORIGIN}/metrics`));
  expect(response.headers.get('content-type')).toContain('version=0.0.4');
  const rows = (await response.text()).split('\n').filter((row) => /^[a-z]/.test(row));
  return new Map(rows.map((row) => [row.replace(/ \S+$/, ''), Number(/\S+$/.exec(row)?.[0])]));
}

it('says that it is alive whatever becomes of its store, and ready only with it', async () => {
  const trial = await startTrial();
  const ask = (path: string) => replyOf(trial.app.fetch(new Request(`${ORIGIN}${path}`)));
  expect((await ask('/healthz')).json).toEqual({ status: 'alive' });
  expect((await ask('/readyz')).json).toEqual({ status: 'ready' });
  await trial.store.driver
    .all('UPDATE migrations SET number = 0 WHERE number > 1 RETURNING name')
    .catch(() => trial.store.driver.all('DELETE FROM migrations WHERE number > 1 RETURNING name'));
  const behind = await ask('/readyz');
  expect([behind.status, behind.json['error_code']]).toEqual([503, 'not_ready']);
  expect(behind.headers.get('retry-after')).toBe('5');
  expect((await ask('/healthz')).status).toBe(200);
});

it('counts requests, events by result, bytes and the time of batches', async () => {
  const trial = await startTrial();
  await send(trial, [envelope(1), envelope(1), envelope(2), Buffer.from('{}')]);
  await replyOf(trial.app.fetch(new Request(`${ORIGIN}/nowhere`)));
  const seen = await figures(trial);
  expect(seen.get('spec_kitty_requests_total{route="takeBatch",status="200"}')).toBe(1);
  expect(seen.get('spec_kitty_requests_total{route="none",status="404"}')).toBe(1);
  expect(seen.get('spec_kitty_events_total{result="success"}')).toBe(2);
  expect(seen.get('spec_kitty_events_total{result="duplicate"}')).toBe(1);
  expect(seen.get('spec_kitty_events_total{result="schema_invalid"}')).toBe(1);
  expect(seen.get('spec_kitty_received_bytes_total{kind="events"}')).toBeGreaterThan(100);
  expect(seen.get('spec_kitty_ingest_seconds_count')).toBe(1);
  expect(seen.get('spec_kitty_ingest_seconds_bucket{le="+Inf"}')).toBe(1);
  expect(seen.get('process_resident_memory_bytes')).toBeGreaterThan(1_000_000);
});

it('shows figures of all teams to its own machine and to who knows the secret alone', async () => {
  const trial = await startTrial({ metricsToken: 'long enough' });
  const receiver = await listenTrial(trial);
  const ask = async (headers: Readonly<Record<string, string>>) =>
    (await fetch(`${receiver.url}/metrics`, { headers })).status;
  expect(await ask({})).toBe(200);
  expect(await ask({ 'x-forwarded-for': '192.0.2.7' })).toBe(401);
  expect(await ask({ 'x-forwarded-for': '192.0.2.7', ...bearer('long enough') })).toBe(200);
  expect(await ask(bearer('long enoug'))).toBe(401);
  expect(await ask(bearer(await trial.token('read')))).toBe(401);
  const text = await (await fetch(`${receiver.url}/metrics`)).text();
  expect(Number(/^spec_kitty_open_connections (\d+)$/m.exec(text)?.[1])).toBeGreaterThan(0);
});

it('repeats the id of a request, makes one where none is fit, and writes one line for each', async () => {
  const trial = await startTrial();
  const ids: (string | null)[] = [];
  for (const given of ['from-the-proxy.1', 'two words', '']) {
    const request = postRequest([envelope(1)], { 'x-request-id': given });
    ids.push((await trial.app.fetch(request)).headers.get('x-request-id'));
  }
  const refused = await trial.app.fetch(postRequest(Buffer.from('{'), { 'x-request-id': 'bad' }));
  expect(refused.headers.get('x-request-id')).toBe('bad');
  expect(ids).toEqual(['from-the-proxy.1', expect.stringMatching(/^[0-9A-Z]{26}$/), ids[2]]);
  expect(ids[2]).not.toBe(ids[1]);
  expect(trial.logged).toMatchObject([
    ...ids.map((request) => ({
      request,
      event: 'receiver.ingest',
      route: 'takeBatch',
      status: 200,
    })),
    { request: 'bad', event: 'receiver.refused', status: 400, code: 'bad_request', method: 'POST' },
  ]);
});
