import { readdirSync } from 'node:fs';
import path from 'node:path';
import Sqlite from 'better-sqlite3';
import { expect, it } from 'vitest';
import {
  createMachine,
  EXAMPLE_FACTS,
  EXAMPLE_MISSIONS,
  type Ended,
  type Machine,
} from '../support/command-line.ts';
import { realReceiver, type RealReceiver } from '../support/real-receiver.ts';
import { booksAt } from '../support/store-view.ts';

interface Entry {
  readonly cursor: string;
  readonly event_id: string;
  readonly event_type: string;
  readonly mission: string;
  readonly deliveries: readonly { readonly state: string; readonly reason: string | null }[];
}

type Ask = (...words: readonly string[]) => Promise<Ended>;

interface Scene {
  readonly machine: Machine;
  readonly receiver: RealReceiver;
  readonly cwd: string;
  readonly ask: Ask;
}

async function delivered(): Promise<Scene> {
  const machine = createMachine();
  const receiver = await realReceiver();
  const cwd = await machine.project('repo', EXAMPLE_MISSIONS);
  const ask: Ask = (...words) => machine.run(['sync', ...words], { cwd });
  await ask('mode', 'EXTERNAL_RECEIVER', '--endpoint', receiver.url);
  expect((await ask('now')).exit).toBe(0);
  return { machine, receiver, cwd, ask };
}

function entriesOf({ json }: Ended): readonly Entry[] {
  return json['events'] as readonly Entry[];
}

it('lists events newest first, page by page, each once', async () => {
  const { ask } = await delivered();
  const all = entriesOf(await ask('log', '--json'));
  expect(all).toHaveLength(EXAMPLE_FACTS);
  expect(all.every(({ deliveries }) => deliveries[0]?.state === 'delivered')).toBe(true);
  const paged: string[] = [];
  let next: string | null = null;
  do {
    const more: readonly string[] = next === null ? [] : ['--before', next];
    const page: Ended = await ask('log', '--limit', '4', '--json', ...more);
    paged.push(...entriesOf(page).map((each) => each.event_id));
    next = page.json['next'] as string | null;
  } while (next !== null);
  expect(paged).toEqual(all.map((each) => each.event_id));
  const people = await ask('log', '--limit', '1');
  expect(people.stdout).toContain(all[0]?.event_id);
  expect(people.stdout).toContain('--before ');
});

it('means what the filters of the log say', async () => {
  const { machine, ask, cwd, receiver } = await delivered();
  await machine.run(['emit', 'BuildHeartbeat', '--payload', '{"build_id":"b"}'], { cwd });
  const count = async (...words: readonly string[]): Promise<number> =>
    entriesOf(await ask('log', '--json', ...words)).length;
  expect(await count('--type', 'BuildHeartbeat')).toBe(1);
  expect(await count('--mission', '002-harbour-notices')).toBe(9);
  expect(await count('--state', 'delivered')).toBe(EXAMPLE_FACTS);
  expect(await count('--state', 'unopened')).toBe(1);
  expect(await count('--state', 'parked', '--target', receiver.url)).toBe(0);
  expect(await count('--target', receiver.url)).toBe(EXAMPLE_FACTS);
  expect(await count('--since', '2999-01-01')).toBe(0);
  expect(await count('--until', '2999-01-01T00:00:00Z')).toBe(EXAMPLE_FACTS + 1);
  expect((await ask('log', '--type', 'Nothing')).stdout).toBe('No event fits.\n');
  for (const words of [
    ['--state', 'lost'],
    ['--since', 'yesterday'],
    ['--limit', '0'],
    ['--before', 'x'],
    ['--before', '9-1'],
  ]) {
    const refused = await ask('log', '--json', ...words);
    expect(refused.json).toMatchObject({ error: { code: 'usage' }, exit_code: 2 });
  }
});

it('goes on behind a cursor, and waits for what another process records', async () => {
  const { machine, ask, cwd } = await delivered();
  const first = await ask('tail', '--limit', '5', '--json');
  expect(first.json).toMatchObject({ more: true });
  const rest = await ask('tail', '--since', String(first.json['next']), '--json');
  expect(entriesOf(first).length + entriesOf(rest).length).toBe(EXAMPLE_FACTS);
  const end = String(rest.json['next']);
  const idle = await ask('tail', '--since', end, '--json');
  expect(idle.json).toEqual({ events: [], next: end, more: false });
  const waiting = ask('tail', '--since', end, '--wait', '20', '--json');
  await machine.run(['emit', 'BuildHeartbeat', '--payload', '{"build_id":"b"}'], { cwd });
  expect(entriesOf(await waiting).map((each) => each.event_type)).toEqual(['BuildHeartbeat']);
  expect((await ask('tail', '--since', end)).stdout).toContain('sync tail --since ');
  expect((await ask('tail', '--since', '7-7', '--json')).exit).toBe(2);
});

it('shows one event with its bytes, its source and its history at every target', async () => {
  const { ask, receiver } = await delivered();
  const [entry] = entriesOf(await ask('log', '--json'));
  const id = entry?.event_id ?? '';
  const { json } = await ask('show', id, '--json');
  expect(json).toMatchObject({
    event_id: id,
    intact: true,
    provenance: { path: expect.stringContaining('.events.jsonl') as string },
    targets: [
      {
        canonical_url: receiver.url,
        standing: 'delivered',
        deliveries: [
          {
            state: 'delivered',
            outcome: 'success',
            batches: [{ result: 'recorded', certain: true }],
          },
        ],
      },
    ],
  });
  const held = await receiver.holdings();
  expect(held).toContain(`${id} ${String(json['sha256'])}`);
  const people = (await ask('show', id)).stdout;
  expect(people).toContain(String(json['payload']));
  expect(people).toContain('follow 1: delivered success');
  expect((await ask('show', 'nothing', '--json')).json).toMatchObject({
    error: { code: 'not_found', remedy: 'spec-kitty sync log' },
  });
});

it('shows what was dropped and what is damaged for what it is, and no escape reaches the terminal', async () => {
  const { machine, ask, cwd } = await delivered();
  const payload = JSON.stringify({ build_id: '\u001b[2J\u202e' });
  await machine.run(['emit', 'BuildHeartbeat', '--payload', payload], { cwd });
  const [hostile, dropped, damaged] = entriesOf(await ask('log', '--json'));
  const shown = await ask('show', hostile?.event_id ?? '');
  for (const unsafe of ['\u001b', '\u202e']) expect(shown.stdout).not.toContain(unsafe);
  const projects = path.join(machine.home, 'projects');
  const store = readdirSync(projects).find((name) => name.endsWith('.db')) ?? '';
  const db = new Sqlite(path.join(projects, store));
  const seqOf = (entry: Entry | undefined): number => Number(entry?.cursor.split('-')[1]);
  db.exec(`INSERT INTO gc_permits VALUES (${seqOf(dropped)}, 'gc', 1)`);
  db.exec(`DELETE FROM event_payloads WHERE seq = ${seqOf(dropped)}`);
  db.exec('DROP TRIGGER payloads_no_update');
  db.exec(
    `UPDATE event_payloads SET payload = zeroblob(length(payload)) WHERE seq = ${seqOf(damaged)}`,
  );
  db.close();
  const gone = await ask('show', dropped?.event_id ?? '');
  expect(gone).toMatchObject({ exit: 0 });
  expect(gone.stdout).toContain('dropped (gc, 1970-01-01T00:00:00.001Z)');
  const broken = await ask('show', damaged?.event_id ?? '');
  expect(broken.exit).toBe(3);
  expect(broken.stdout).toContain('DAMAGED, never sent');
});

it('sends once more what is chosen, and everything when it is told to begin again', async () => {
  const { ask, receiver, machine, cwd } = await delivered();
  const replay: Ask = (...words) => ask('replay', '--target', receiver.url, ...words);
  const rehearsal = await replay('--mission', '002-harbour-notices', '--dry-run', '--json');
  expect(rehearsal.json).toMatchObject({ replay: { events: 9, dry_run: true, superseded: 0 } });
  const books = await booksAt(machine, cwd, receiver.url);
  const some = await replay('--mission', '002-harbour-notices', '--json');
  expect(some.json).toMatchObject({ selected: 9, duplicate: 9, exit_code: 0 });
  expect(await booksAt(machine, cwd, receiver.url)).toMatchObject({
    delivered: books['delivered'],
  });
  expect((await ask('now', '--json')).json).toMatchObject({ selected: 0 });

  const again = await replay('--redeliver');
  expect(again.exit).toBe(0);
  expect(again.stdout).toContain(`duplicate ${EXAMPLE_FACTS}`);
  expect(again.stdout).toContain('All delivered.');
  const [entry] = entriesOf(await ask('log', '--json'));
  const { json } = await ask('show', entry?.event_id ?? '', '--json');
  const [target] = json['targets'] as readonly { readonly deliveries: readonly unknown[] }[];
  expect(target?.deliveries.length).toBeGreaterThanOrEqual(2);
  for (const words of [
    ['--redeliver', '--type', 'X'],
    ['--since', 'x'],
  ]) {
    expect((await replay('--json', ...words)).json).toMatchObject({ error: { code: 'usage' } });
  }
  expect((await ask('replay', '--json')).json).toMatchObject({ error: { code: 'usage' } });
  await ask('opt-out');
  expect((await replay('--json')).json).toMatchObject({ error: { code: 'no_grant' } });
});

it('says what a retired target lets gc drop, and takes it back', async () => {
  const { ask, receiver, cwd, machine } = await delivered();
  const other = await realReceiver();
  await ask('mode', 'EXTERNAL_RECEIVER', '--endpoint', other.url);
  const retired = await ask('targets', 'retire', other.url, '--json');
  expect(retired.json).toMatchObject({ unlocked_events: EXAMPLE_FACTS, withheld: 0 });
  expect((await ask('targets')).stdout).toContain('not granted  retired');
  expect((await ask('now', '--json')).json).toMatchObject({ error: { code: 'no_grant' } });
  expect((await ask('opt-in', '--target', other.url)).exit).toBe(0);
  expect((await ask('targets')).stdout).not.toContain('retired');
  expect((await ask('now')).exit).toBe(0);
  expect(await other.holdings()).toEqual(await receiver.holdings());
  expect(await booksAt(machine, cwd, other.url)).toMatchObject({ delivered: EXAMPLE_FACTS });
});
