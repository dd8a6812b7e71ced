import { expect, it } from 'vitest';
import { systemClock } from '../../base/index.ts';
import {
  ARTIFACTS,
  createMachine,
  EXAMPLE_FACTS,
  EXAMPLE_MISSIONS,
  type Machine,
} from '../../../test/support/command-line.ts';
import { idsOf, recordingServer } from '../../../test/support/recording-server.ts';
import { booksAt, openStoreOf } from '../../../test/support/store-view.ts';

const DAY_MS = 86_400_000;

it('lists what a receiver refused for good, shows each, and sends it again when told to', async () => {
  const { machine, at, url, answers } = await refused();
  const listed = await machine.run(['sync', 'parked', 'list'], at);
  expect(listed).toMatchObject({ exit: 0, stderr: '' });
  expect(listed.stdout).toContain(`${url}  schema_invalid: wp_id is odd`);
  expect(listed.stdout).toContain('spec-kitty sync parked retry --all');
  const { json } = await machine.run(['sync', 'parked', 'list', '--json'], at);
  expect(json).toMatchObject({ count: EXAMPLE_FACTS });
  const [first, second] = json['parked'] as readonly { event_id: string }[];

  const shown = await machine.run(['sync', 'parked', 'show', first?.event_id ?? ''], at);
  expect(shown.stdout).toContain('Rule     schema_invalid');
  expect(shown.stdout).toContain('Reason   wp_id is odd');
  expect(shown.stdout).toContain(`spec-kitty sync parked retry ${first?.event_id}`);
  const asJson = await machine.run(['sync', 'parked', 'show', first?.event_id ?? '', '--json'], at);
  expect(asJson.json).toMatchObject({
    parked: [{ code: 'schema_invalid', history: [{ http_status: 200 }] }],
  });

  answers.status = 'success';
  const one = await machine.run(['sync', 'parked', 'retry', first?.event_id ?? ''], at);
  expect(one.stdout).toContain('1 item(s) are queued again');
  expect((await machine.run(['sync', 'now', '--json'], at)).json).toMatchObject({
    delivered: 1,
    exit_code: 1,
  });
  const dropped = await machine.run(['sync', 'parked', 'drop', second?.event_id ?? ''], at);
  expect(dropped.stdout).toContain('the journal keeps them');
  expect((await machine.run(['sync', 'parked', 'retry', '--all'], at)).exit).toBe(0);
  expect((await machine.run(['sync', 'now'], at)).stdout).toContain('All delivered.');
  expect(await booksAt(machine, at.cwd, url)).toMatchObject({
    ...{ delivered: EXAMPLE_FACTS - 1, withheld: 1, parked: 0 },
  });
  expect((await machine.run(['sync', 'parked', 'list'], at)).stdout).toBe('Nothing is parked.\n');
});

it('means what its filters name, and never everything by accident', async () => {
  const { machine, at, url } = await refused();
  const count = async (...more: readonly string[]): Promise<unknown> =>
    (await machine.run(['sync', 'parked', 'list', '--json', ...more], at)).json['count'];
  expect(await count('--mission', '002-harbour-notices')).toBe(9);
  expect(await count('--code', 'schema_invalid', '--target', url)).toBe(EXAMPLE_FACTS);
  expect(await count('--code', 'bad_request')).toBe(0);
  for (const verb of ['retry', 'drop']) {
    const bare = await machine.run(['sync', 'parked', verb, '--json'], at);
    expect(bare.json).toMatchObject({ error: { code: 'usage' }, exit_code: 2 });
    const odd = await machine.run(['sync', 'parked', verb, 'nothing', '--json'], at);
    expect(odd.json).toMatchObject({ error: { code: 'not_found' }, exit_code: 1 });
  }
  expect((await machine.run(['sync', 'parked', 'show', 'x', '--json'], at)).json).toMatchObject({
    error: { code: 'not_found', remedy: 'spec-kitty sync parked list' },
  });
  const mission = ['sync', 'parked', 'retry', '--mission', '002-harbour-notices', '--json'];
  expect((await machine.run(mission, at)).json['retried']).toHaveLength(9);
});

it('gives up on bodies that a receiver has known nothing of for a day, when somebody says so', async () => {
  const server = await recordingServer((request) => {
    if (request.method === 'GET') {
      return { status: 200, body: JSON.stringify({ capabilities: { bodies: true } }) };
    }
    if (request.path.includes('/events/')) {
      const results = idsOf(request.body).map((id) => ({ event_id: id, status: 'success' }));
      return { status: 200, body: JSON.stringify({ results }) };
    }
    return { status: 404, body: JSON.stringify({ error: 'index_entry_not_found' }) };
  });
  const machine = createMachine(ARTIFACTS);
  const root = await machine.project('repo', EXAMPLE_MISSIONS);
  const at = { cwd: root };
  await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', server.url], at);
  expect((await machine.run(['sync', 'now'], at)).exit).toBe(1);
  const waiting = (await booksAt(machine, root, server.url, 'bodies')).queued;
  expect(waiting).toBeGreaterThan(3);
  const drop = ['sync', 'parked', 'drop', '--waiting', '--all', '--json'];
  expect((await machine.run([...drop, '--yes'], at)).json).toMatchObject({ dropped: [] });

  const clock = systemClock();
  const later = { ...at, system: { clock: { ...clock, now: () => clock.now() + 2 * DAY_MS } } };
  const listed = await machine.run(['sync', 'parked', 'list', '--waiting', '--json'], later);
  expect(listed.json['count']).toBe(waiting);
  const { json } = await machine.run(['sync', 'status', '--check', '--json'], later);
  const findings = json['findings'] as readonly { code: string; remedy: string }[];
  const remedy = findings.find(({ code }) => code === 'bodies_never_indexed')?.remedy ?? '';
  expect(remedy).toContain('--waiting');
  const foreseen = await machine.run(drop, later);
  expect(foreseen.json).toMatchObject({ dropped: [] });
  expect(foreseen.json['would_drop']).toHaveLength(waiting);
  const [first = ''] = foreseen.json['would_drop'] as readonly string[];
  const one = ['sync', 'parked', 'drop', '--waiting', first];
  expect((await machine.run(one, { ...at, answer: 'y' })).stdout).toContain('✓ 1 item(s)');
  const rest = await machine.run(remedy.split(' ').slice(1), later);
  expect(rest.stdout).toContain(`✓ ${waiting - 1} item(s)`);
  expect(await booksAt(machine, root, server.url, 'bodies')).toMatchObject({
    ...{ queued: 0, withheld: waiting, balanced: true },
  });
  expect((await machine.run(['sync', 'now'], at)).stdout).toContain('All delivered.');
  const store = openStoreOf(machine, root);
  expect(store.all('SELECT DISTINCT category FROM attempts')).toEqual([
    { category: 'index_entry_not_found' },
  ]);
});

/** A project whose events a receiver refused, each for good. */
async function refused(): Promise<{
  readonly machine: Machine;
  readonly at: { readonly cwd: string };
  readonly url: string;
  readonly answers: { status: string };
}> {
  const answers = { status: 'rejected' };
  const server = await recordingServer((request) => {
    if (request.method === 'GET') return { status: 404 };
    const why = { error: 'wp_id is odd', error_category: 'schema_invalid' };
    const results = idsOf(request.body).map((id) => ({ event_id: id, ...answers, ...why }));
    return { status: 200, body: JSON.stringify({ results }) };
  });
  const machine = createMachine();
  const root = await machine.project('repo', EXAMPLE_MISSIONS);
  const at = { cwd: root };
  await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', server.url], at);
  expect((await machine.run(['sync', 'now'], at)).exit).toBe(1);
  return { machine, at, url: server.url, answers };
}
