import { appendFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import {
  createMachine,
  EXAMPLE_FACTS,
  EXAMPLE_MISSIONS,
  type Machine,
} from '../support/command-line.ts';
import { answerAll, idsOf, recordingServer } from '../support/recording-server.ts';
import { realReceiver } from '../support/real-receiver.ts';
import { booksAt, journalDigest, openStoreOf } from '../support/store-view.ts';

it('withdraws a permission and gives it again: what waited is withheld, then sent', async () => {
  const machine = createMachine();
  const receiver = await realReceiver();
  const { root, at } = await permitted(machine, receiver.url);
  await machine.run(['sync', 'import'], at);
  expect(await booksAt(machine, root, receiver.url)).toMatchObject({ unopened: EXAMPLE_FACTS });

  const out = await machine.run(['sync', 'opt-out'], at);
  expect(out).toMatchObject({ exit: 0, stderr: '' });
  expect(out.stdout).toContain(`Nothing more is sent to ${receiver.url}`);
  expect(out.stdout).toContain('nothing was deleted');
  expect(out.stdout).toContain('OPT_OUT is something else');
  const refused = await machine.run(['sync', 'now'], at);
  expect(refused.exit).toBe(1);
  expect(refused.stderr).toContain('Run `spec-kitty sync opt-in`.');
  expect(await receiver.holdings()).toEqual([]);
  expect(await booksAt(machine, root, receiver.url)).toMatchObject({ granted: false });

  const again = await machine.run(['sync', 'opt-in', '--json'], at);
  expect(again.json).toMatchObject({ covered_events: EXAMPLE_FACTS, from_now: false });
  expect((await machine.run(['sync', 'now'], at)).stdout).toContain('All delivered.');
  expect(await receiver.holdings()).toHaveLength(EXAMPLE_FACTS);
  expect(await booksAt(machine, root, receiver.url)).toMatchObject({
    granted: true,
    withheld: 0,
    delivered: EXAMPLE_FACTS,
  });
});

it('stops at a revocation while a batch is on its way: what arrived counts, the rest stays here', async () => {
  const machine = createMachine();
  const inFlight: string[] = [];
  const receiver = await recordingServer(async (request, index) => {
    const [root] = inFlight;
    if (request.method === 'POST' && index === 1 && root !== undefined) {
      await machine.run(['sync', 'opt-out'], { cwd: root });
    }
    return answerAll(request);
  });
  const { root, at } = await permitted(machine, receiver.url);
  inFlight.push(root);
  appendStatusLines(root, 1_500);
  const before = await machine.run(['sync', 'import', '--json'], at);
  expect(before.json).toMatchObject({ captured: EXAMPLE_FACTS + 1_500 });
  const journal = journalDigest(machine, root);

  const now = await machine.run(['sync', 'now'], at);
  expect(now.exit).toBe(1);
  expect(now.stdout).toContain('The permission was withdrawn meanwhile');
  const [first, ...others] = receiver.batches();
  expect(others).toEqual([]);
  expect(first).toHaveLength(1_000);
  const left = EXAMPLE_FACTS + 500;
  expect(await booksAt(machine, root, receiver.url)).toMatchObject({
    granted: false,
    delivered: 1_000,
    withheld: left,
    queued: 0,
  });

  inFlight.length = 0;
  await machine.run(['sync', 'opt-in'], at);
  expect((await machine.run(['sync', 'now'], at)).exit).toBe(0);
  expect(receiver.batches().flat()).toHaveLength(EXAMPLE_FACTS + 1_500);
  expect(new Set(receiver.batches().flat()).size).toBe(EXAMPLE_FACTS + 1_500);
  expect(await booksAt(machine, root, receiver.url)).toMatchObject({
    withheld: 0,
    delivered: 1_000 + left,
  });
  expect(journalDigest(machine, root)).toBe(journal);
});

it('covers only what is recorded later with --from now', async () => {
  const machine = createMachine();
  const receiver = await recordingServer((request) => answerAll(request));
  const root = await machine.project('repo', EXAMPLE_MISSIONS);
  const at = { cwd: root };
  await machine.run(['sync', 'import'], at);
  const named = ['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', receiver.url, '--from', 'now'];
  const granted = await machine.run(named, at);
  expect(granted.stdout).toContain('It covers what is recorded from now on.');
  await machine.run(['emit', 'BuildHeartbeat', '--payload', '{"build_id":"b-1"}'], at);
  const now = await machine.run(['sync', 'now', '--json'], at);
  expect(now.json).toMatchObject({ delivered: 1, all_delivered: true });
  expect(await booksAt(machine, root, receiver.url)).toMatchObject({
    captured: EXAMPLE_FACTS + 1,
    before_start: EXAMPLE_FACTS,
    delivered: 1,
  });
  const plain = await machine.run(['sync', 'opt-in'], at);
  expect(plain.stdout).toContain(`${EXAMPLE_FACTS} event(s) recorded before stay out`);
  const unchanged = await machine.run(['sync', 'now', '--json'], at);
  expect(unchanged.json).toMatchObject({ selected: 0, all_delivered: true });
  const reach = /`spec-kitty (sync opt-in \S+ \S+ --from start)`/.exec(plain.stdout)?.[1] ?? '';
  expect((await machine.run(reach.split(' '), at)).stdout).not.toContain('stay out');
  const all = await machine.run(['sync', 'now', '--json'], at);
  expect(all.json).toMatchObject({ selected: EXAMPLE_FACTS + 1, all_delivered: true });
  const odd = await machine.run(['sync', 'opt-in', '--from', 'yesterday', '--json'], at);
  expect(odd.json).toMatchObject({ error: { code: 'usage' }, exit_code: 2 });
});

it('asks a person before the first sending, and a script gets the command instead', async () => {
  const machine = createMachine();
  const receiver = await recordingServer((request) => answerAll(request));
  const root = await machine.project('repo', EXAMPLE_MISSIONS);
  await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', receiver.url]);
  await machine.run(['sync', 'import'], { cwd: root });

  const no = await machine.run(['sync', 'now'], { cwd: root, answer: '' });
  expect(no.exit).toBe(1);
  expect(no.stderr).toContain(
    `${EXAMPLE_FACTS} retained event(s) of repo would go to ${receiver.url}. Permit it for this checkout? [y/N]`,
  );
  const script = await machine.run(['sync', 'now', '--json'], { cwd: root });
  expect(script.json).toMatchObject({
    error: { code: 'no_grant', remedy: 'spec-kitty sync opt-in' },
    exit_code: 1,
  });
  expect(receiver.requests).toEqual([]);

  const yes = await machine.run(['sync', 'now'], { cwd: root, answer: 'y' });
  expect(yes.exit).toBe(0);
  expect(receiver.batches().flat()).toHaveLength(EXAMPLE_FACTS);
  const mode = await machine.run(['sync', 'mode', '--json'], { cwd: root });
  expect(mode.json).toMatchObject({ mode: 'EXTERNAL_RECEIVER', source: 'project', granted: true });
});

it('refuses a hand-made change of the journal, of a delivery and of the history', async () => {
  const machine = createMachine();
  const receiver = await realReceiver();
  const { root, at } = await permitted(machine, receiver.url);
  await machine.run(['sync', 'now'], at);
  const journal = journalDigest(machine, root);
  const db = openStoreOf(machine, root);
  const refused = [
    "UPDATE events SET type = 'Other' WHERE seq = 1",
    'DELETE FROM events WHERE seq = 1',
    "UPDATE event_payloads SET payload = x'7b7d' WHERE seq = 1",
    'DELETE FROM event_payloads WHERE seq = 1',
    'UPDATE event_deliveries SET state = 1 WHERE seq = 1',
    "UPDATE event_deliveries SET state = 3, reason = 'bad_request' WHERE seq = 1",
    'DELETE FROM event_deliveries WHERE seq = 1',
  ];
  for (const sql of refused) {
    expect(() => {
      db.exec(sql);
    }, sql).toThrow(/immutable|final|history|never|gc alone/i);
  }
  expect(journalDigest(machine, root)).toBe(journal);
  expect((await machine.run(['sync', 'status', '--check'], at)).exit).toBe(0);
});

it('finds a hand-made delivery that the counters know nothing of, and says so with exit 3', async () => {
  const machine = createMachine();
  const receiver = await realReceiver();
  const { root, at } = await permitted(machine, receiver.url);
  await machine.run(['sync', 'now'], at);
  openStoreOf(machine, root).exec('UPDATE delivery_counts SET n = n - 1 WHERE state = 2');
  const status = await machine.run(['sync', 'status'], at);
  expect(status.exit).toBe(3);
  expect(status.stdout).toContain('DOES NOT BALANCE');
  const now = await machine.run(['sync', 'now'], at);
  expect(now.exit).toBe(3);
  expect(now.stdout).not.toContain('All delivered');
  expect(now.stdout).toContain('do not balance');
});

it('never sends an event whose stored bytes changed under it', async () => {
  const machine = createMachine();
  const receiver = await recordingServer((request) => answerAll(request));
  const { root, at } = await permitted(machine, receiver.url);
  await machine.run(['sync', 'import'], at);
  const db = openStoreOf(machine, root);
  for (const { name } of db.all<{ name: string }>(
    "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'event_payloads'",
  )) {
    db.exec(`DROP TRIGGER ${name}`);
  }
  db.exec(
    `UPDATE event_payloads SET payload = CAST(replace(CAST(payload AS TEXT), 'WP01', 'WP99') AS BLOB) WHERE seq = 1`,
  );
  const { event_id: id } = db.get<{ event_id: string }>(
    'SELECT event_id FROM events WHERE seq = 1',
  ) ?? {
    event_id: '',
  };
  const now = await machine.run(['sync', 'now'], at);
  expect(now.exit).toBe(3);
  expect(now.stdout).toContain(`damaged ${id}`);
  expect(receiver.batches().flat()).toHaveLength(EXAMPLE_FACTS - 1);
  expect(
    receiver.requests.flatMap(({ body }) => (body.length > 0 ? idsOf(body) : [])),
  ).not.toContain(id);
});

async function permitted(
  machine: Machine,
  url: string,
): Promise<{ readonly root: string; readonly at: { readonly cwd: string } }> {
  const root = await machine.project('repo', EXAMPLE_MISSIONS);
  const named = ['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', url];
  expect((await machine.run(named, { cwd: root })).exit).toBe(0);
  return { root, at: { cwd: root } };
}

function appendStatusLines(root: string, count: number): void {
  const mission = path.join(root, 'kitty-specs', '003-many');
  mkdirSync(mission);
  const lines = Array.from({ length: count }, (_, n) =>
    JSON.stringify({
      actor: 'tester',
      at: '2026-09-05T10:00:00+00:00',
      event_id: `01M1E6PKC46CQ643DZVM${String(n).padStart(6, '0')}`,
      from_lane: 'planned',
      to_lane: 'claimed',
      wp_id: 'WP01',
    }),
  );
  appendFileSync(path.join(mission, 'status.events.jsonl'), `${lines.join('\n')}\n`);
}
