import http from 'node:http';
import { expect, it, onTestFinished } from 'vitest';
import {
  type LoginTrial,
  ORIGIN,
  PASSWORD,
  startLoginTrial,
} from '../../../../test/support/login-trial.ts';
import { allIn, readPage, rowsOf } from '../../../../test/support/page-view.ts';
import { everyDatabase } from '../../../../test/support/postgres.ts';
import {
  bearer,
  envelope,
  eventId,
  listenTrial,
  OTHER_PROJECT,
  PROJECT,
  send,
  startTrial,
  type Trial,
} from '../../../../test/support/receiver-trial.ts';
import { createIds, sha256Hex, systemFiles } from '../../../base/index.ts';
import { createApp } from '../../app.ts';
import { removeTeamMember, setTeamMember } from '../../index.ts';
import { STREAMS } from '../../limits.ts';
import { openStore } from '../../store/store.ts';
import { TAIL_SCRIPT } from './tail-script.ts';

/** On a machine that does other things as well. */
const SOON = { timeout: 20_000 };
const QUICK = { heartbeatMs: 150, pollMs: 20 };

/** Somebody who listens, as a browser does. */
interface Listener {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  /** The events that came, each by the id of its link. */
  readonly ids: readonly string[];
  /** The id that a browser would come back with. */
  readonly last: () => string;
  /** Everything as it came. */
  readonly text: () => string;
  readonly response: http.IncomingMessage;
  /** True once the other side ended, and how. */
  readonly ended: Promise<'whole' | 'cut'>;
  readonly leave: () => void;
}

async function listen(
  url: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Listener> {
  const request = http.get(`${url}${path}`, { headers, agent: false });
  onTestFinished(() => {
    request.destroy();
  });
  const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
    request.on('response', resolve);
    request.on('error', reject);
  });
  const ids: string[] = [];
  let [text, rest, last] = ['', '', ''];
  response.setEncoding('utf8');
  response.on('data', (chunk: string) => {
    text += chunk;
    rest += chunk;
    for (let end = rest.indexOf('\n\n'); end >= 0; end = rest.indexOf('\n\n')) {
      const block = rest.slice(0, end);
      rest = rest.slice(end + 2);
      last = /^id: (\d+)$/m.exec(block)?.[1] ?? last;
      const id = /\/events\/(\w+)"/.exec(block)?.[1];
      if (id !== undefined) ids.push(id);
    }
  });
  const ended = new Promise<'whole' | 'cut'>((resolve) => {
    response.on('close', () => {
      resolve(response.complete ? 'whole' : 'cut');
    });
    response.on('error', () => {});
  });
  const { statusCode: status = 0 } = response;
  const leave = (): void => {
    request.destroy();
  };
  return {
    status,
    headers: response.headers,
    ids,
    last: () => last,
    text: () => text,
    response,
    ended,
    leave,
  };
}

function range(from: number, to: number): readonly number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

const PLACES = await everyDatabase();

it.each(PLACES)(
  'tells what arrives in its order, and goes on where somebody left, without a double or a loss, on %s',
  async (_on, placeOf) => {
    const place = await placeOf();
    const trial = await startTrial({ streamPatience: QUICK }, place);
    // Another process takes the events where there can be one.
    const taking = place === undefined ? trial : await besides(trial, place);
    await send(taking, [envelope(1)]);
    const { url } = await listenTrial(trial);
    const first = await listen(url, '/events/stream');
    expect(first.headers['content-type']).toBe('text/event-stream; charset=utf-8');
    await expect.poll(first.text, SOON).toContain('retry: ');
    const arriving = (async () => {
      for (let n = 100; n < 400; n += 7) {
        await send(
          taking,
          range(n, Math.min(n + 7, 400)).map((each) => envelope(each)),
        );
      }
    })();
    await expect.poll(() => first.ids.length, SOON).toBeGreaterThan(20);
    first.leave();
    const seen = [...first.ids];
    let last = first.last();
    while (seen.length < 300) {
      const again = await listen(url, '/events/stream?after=0', { 'last-event-id': last });
      const wanted = Math.min(seen.length + 60, 300);
      await expect.poll(() => seen.length + again.ids.length, SOON).toBeGreaterThanOrEqual(wanted);
      again.leave();
      seen.push(...again.ids);
      last = again.last();
    }
    await arriving;
    expect(seen).toEqual(range(100, 400).map(eventId));
  },
  60_000,
);

async function besides(trial: Trial, place: string): Promise<Pick<Trial, 'app'>> {
  const ids = createIds(trial.clock);
  const store = await openStore(place, { clock: trial.clock, ids, files: systemFiles });
  onTestFinished(() => store.close());
  return { app: createApp(store, trial.options) };
}

it('tells only what is asked for, and how far it is where nothing is', async () => {
  const trial = await startTrial({ streamPatience: QUICK });
  const { url } = await listenTrial(trial);
  const moved = { mission_slug: '042-demo', wp_id: 'WP07', from_lane: 'planned', to_lane: 'limbo' };
  const paths = [
    `project=${OTHER_PROJECT}`,
    'type=WPStatusChanged',
    'mission=042-demo&wp=WP07',
    'finding=unknown_lane',
    'node=nobody',
  ];
  const listeners = await Promise.all(
    paths.map((query) => listen(url, `/events/stream?after=0&${query}`)),
  );
  await send(trial, [
    envelope(1),
    envelope(2, { project_uuid: OTHER_PROJECT }),
    envelope(3, { event_type: 'WPStatusChanged', payload: { ...moved, actor: 'ann' } }),
    envelope(4),
  ]);
  for (const listener of listeners) await expect.poll(listener.last, SOON).toBe('4');
  expect(listeners.map(({ ids }) => ids)).toEqual([
    [eventId(2)],
    [eventId(3)],
    [eventId(3)],
    [eventId(3)],
    [],
  ]);
  expect(listeners.at(-1)?.text()).toContain(': here\nid: 4\n\n');
});

it('begins at the end for who comes from another time of the store, and refuses what is no id', async () => {
  const trial = await startTrial({ streamPatience: QUICK });
  await send(trial, [envelope(1)]);
  const { url } = await listenTrial(trial);
  const later = await listen(url, '/events/stream', { 'last-event-id': '999999' });
  await expect.poll(later.text, SOON).toContain('retry: ');
  await send(trial, [envelope(2)]);
  await expect.poll(() => later.ids, SOON).toEqual([eventId(2)]);
  const odd = await listen(url, '/events/stream', { 'last-event-id': 'x' });
  expect(odd.status).toBe(400);
});

/** Where people have accounts: ann reads in the harbour, zoe sends in the orchard. */
async function neighbours(): Promise<{ readonly trial: LoginTrial; readonly cookie: string }> {
  const trial = await startLoginTrial();
  await trial.person('ben@kitty.example', { harbour: 'owner' });
  await trial.person('ann@kitty.example', { harbour: 'read-only' });
  await trial.person('zoe@kitty.example', { orchard: 'owner' });
  const { cookie } = await trial.page('/login', {
    username: 'ann@kitty.example',
    password: PASSWORD,
  });
  await turn(trial, cookie, 'harbour');
  return { trial, cookie };
}

async function turn(trial: LoginTrial, cookie: string, team: string): Promise<void> {
  const page = await trial.page('/', null, { cookie });
  const fields = { team, form_key: sha256Hex(`form ${cookie.split('=')[1] ?? ''}`) };
  expect(page.status).toBe(200);
  expect((await trial.page('/team', fields, { cookie })).status).toBe(303);
}

async function tokenOf(trial: LoginTrial, email: string, team: string): Promise<string> {
  return (await trial.login(email, team)).access;
}

it('tells nobody what is another team’s, and only who is logged in anything', async () => {
  const { trial, cookie } = await neighbours();
  const { url } = await listenTrial({
    ...trial,
    options: { ...trial.options, streamPatience: QUICK },
  });
  const ours = await listen(url, '/events/stream?after=0', { cookie });
  const asked = await listen(url, `/events/stream?after=0&project=${OTHER_PROJECT}`, { cookie });
  await send(
    trial,
    [envelope(1), envelope(2, { project_uuid: OTHER_PROJECT })],
    bearer(await tokenOf(trial, 'zoe@kitty.example', 'orchard')),
  );
  await send(trial, [envelope(7)], bearer(await tokenOf(trial, 'ben@kitty.example', 'harbour')));
  await expect.poll(asked.last, SOON).toBe('3');
  expect([ours.ids, asked.ids]).toEqual([[eventId(7)], []]);
  const nobody = await listen(url, '/events/stream');
  expect([nobody.status, nobody.headers.location]).toEqual([
    303,
    `/login?next=${encodeURIComponent('/events/stream')}`,
  ]);
});

it.each([
  [
    'the login has ended',
    async (trial: LoginTrial, cookie: string) => {
      const form_key = sha256Hex(`form ${cookie.split('=')[1] ?? ''}`);
      expect((await trial.page('/logout', { form_key }, { cookie })).status).toBe(303);
    },
  ],
  [
    'the browser looks at another team',
    async (trial: LoginTrial, cookie: string) => {
      await setTeamMember(trial.identity, {
        team: 'orchard',
        email: 'ann@kitty.example',
        role: 'member',
      });
      await turn(trial, cookie, 'orchard');
    },
  ],
  [
    'the membership has ended',
    async (trial: LoginTrial) => {
      const seat = { team: 'harbour', email: 'ann@kitty.example' };
      await removeTeamMember(trial.identity, seat);
    },
  ],
  [
    'the login is too old',
    async (trial: LoginTrial) => {
      trial.clock.move(13 * 3_600_000);
    },
  ],
])('ends within a heartbeat once %s', async (_name, act) => {
  const { trial, cookie } = await neighbours();
  const { url } = await listenTrial({
    ...trial,
    options: { ...trial.options, streamPatience: QUICK },
  });
  const listener = await listen(url, '/events/stream', { cookie });
  await expect.poll(listener.text, SOON).toContain(': here');
  await act(trial, cookie);
  const began = performance.now();
  expect(await listener.ended).toBe('whole');
  expect(performance.now() - began).toBeLessThan(5_000);
});

it('ends streams at once when the receiver stops', async () => {
  const trial = await startTrial({ streamPatience: { pollMs: 60_000 } });
  const receiver = await listenTrial(trial);
  const listeners = await Promise.all([1, 2, 3].map(() => listen(receiver.url, '/events/stream')));
  for (const { text } of listeners) await expect.poll(text, SOON).toContain('retry: ');
  const began = performance.now();
  await receiver.close();
  expect(performance.now() - began).toBeLessThan(5_000);
  expect(await Promise.all(listeners.map(({ ended }) => ended))).toEqual([
    'whole',
    'whole',
    'whole',
  ]);
});

it('leaves a reader who takes nothing, who loses nothing by it', async () => {
  const trial = await startTrial({ streamPatience: { ...QUICK, slowMs: 300 } });
  const { url } = await listenTrial(trial);
  const count = 12_000;
  const mission_slug = 'm'.repeat(200);
  for (let from = 0; from < count; from += 1_000) {
    await send(
      trial,
      range(from, from + 1_000).map((n) =>
        envelope(n, {
          event_type: 'T'.repeat(128),
          node_id: 'n'.repeat(128),
          payload: { mission_slug },
        }),
      ),
    );
  }
  const before = process.memoryUsage.rss();
  const slow = await listen(url, '/events/stream?after=0');
  slow.response.pause();
  await expect.poll(() => openStreams(url), SOON).toBe(0);
  // What was not taken stays in the store, not in memory.
  expect(process.memoryUsage.rss() - before).toBeLessThan(200 * 1_048_576);
  slow.response.resume();
  expect(await slow.ended).toBe('cut');
  expect(slow.ids.length).toBeLessThan(count);
  const again = await listen(url, '/events/stream', { 'last-event-id': slow.last() });
  await expect.poll(() => slow.ids.length + again.ids.length, SOON).toBe(count);
  expect([...slow.ids, ...again.ids]).toEqual(range(0, count).map(eventId));
}, 60_000);

async function openStreams(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^spec_kitty_open_streams (\d+)$/m.exec(text)?.[1]);
}

it('gives one address so many streams and no more, and each place back', async () => {
  const trial = await startTrial({ streamPatience: QUICK });
  const { url } = await listenTrial(trial);
  const open = await Promise.all(
    range(0, STREAMS.address).map(() => listen(url, '/events/stream')),
  );
  expect(new Set(open.map(({ status }) => status))).toEqual(new Set([200]));
  const more = await listen(url, '/events/stream');
  expect([more.status, more.headers['retry-after']]).toEqual([429, '10']);
  await expect.poll(more.text, SOON).toContain('too_many_streams');
  for (const { leave } of open) leave();
  await expect.poll(() => openStreams(url), SOON).toBe(0);
  expect((await listen(url, '/events/stream')).status).toBe(200);
});

it('shows the last arrivals without its script, and names that script alone in its policy', async () => {
  const trial = await startTrial();
  await send(trial, [
    envelope(1, { timestamp: '2027-01-01T00:00:00Z' }),
    envelope(2),
    envelope(3, { project_uuid: OTHER_PROJECT }),
  ]);
  const ask = (query: string) =>
    trial.app.fetch(
      new Request(`${ORIGIN}/events/tail${query}`, { headers: { accept: 'text/html' } }),
    );
  const response = await ask(`?project=${PROJECT}`);
  const policy = response.headers.get('content-security-policy') ?? '';
  const hash = Buffer.from(sha256Hex(TAIL_SCRIPT), 'hex').toString('base64');
  expect(policy).toContain(`script-src 'sha256-${hash}'; connect-src 'self';`);
  expect(TAIL_SCRIPT.split('\n').length).toBeLessThanOrEqual(60);
  expect(TAIL_SCRIPT).not.toMatch(/innerHTML|insertAdjacent|document\.write|eval|Function|</);
  const text = await response.text();
  const page = readPage(text.replace(`<script>${TAIL_SCRIPT}</script>`, ''));
  expect(text).toContain(`<script>${TAIL_SCRIPT}</script></body>`);
  // In the order of arrival, whenever they happened.
  expect(rowsOf(page, /last 50 arrivals/).map(([when]) => when)).toEqual([
    '2026-03-14 09:26:53',
    '2027-01-01 00:00:00',
  ]);
  expect(allIn(page, 'section')[0]?.attributes['data-stream']).toBe(
    `/events/stream?project=${PROJECT}&after=3`,
  );
  expect(page.text).toContain('As it was at 2026-03-14 09:26:53 UTC. Look again');
  const led = await ask(`?project=${PROJECT}&mission=&type=x`);
  expect(led.headers.get('location')).toBe(`/events/tail?project=${PROJECT}&type=x`);
});
