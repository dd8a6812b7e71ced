import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { faultsFrom } from '../../src/base/index.ts';
import { listEvents } from '../../src/server/index.ts';
import type { ProjectId } from '../../src/wire/index.ts';
import { createMachine, type Ended, type Machine } from '../support/command-line.ts';
import { envelopeBytes, eventId } from '../support/envelopes.ts';
import { asPython, oldJournal, oldLedger, oldQueue, photograph } from '../support/old-home.ts';
import { realReceiver } from '../support/real-receiver.ts';

interface Place {
  readonly machine: Machine;
  readonly id: ProjectId;
  readonly at: { readonly cwd: string };
  readonly queue: string;
}

async function place(): Promise<Place> {
  const machine = createMachine();
  const at = { cwd: machine.repository('repo') };
  const { json } = await machine.run(['init', '--json'], at);
  const queue = path.join(machine.home, 'queue.db');
  return { machine, at, queue, id: json['project_uuid'] as ProjectId };
}

function ids(numbers: readonly number[]): readonly string[] {
  return numbers.map((n) => eventId(n)).sort();
}

/** Every command that a result prints as a next step. */
function stepsOf({ stdout }: Ended): readonly string[] {
  return [...stdout.matchAll(/run `spec-kitty ([^`]+)`/g)].map(([, line]) => line ?? '');
}

function words(line: string): readonly string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
}

describe('sync now', () => {
  it('takes in what waits in old queues, delivers it byte for byte, and is done', async () => {
    const { machine, at, queue, id } = await place();
    const receiver = await realReceiver();
    const old = oldQueue(queue, { vintage: 'march' });
    old.addEvents([1, 2, 3], { projectId: id });
    const stored = old.db.prepare('SELECT event_id, data FROM queue ORDER BY id').all();
    old.close();
    const ofQueue = (line: string): boolean => line.startsWith('queue.db');
    const before = photograph(machine.home).filter(ofQueue);
    await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', receiver.url], at);
    const waiting = await machine.run(['sync', 'status', '--check', '--json'], at);
    expect(waiting.json).toMatchObject({ legacy_rows: 3, legacy_queue: { event_count: 3 } });
    expect(waiting.exit).not.toBe(0);

    const now = await machine.run(['sync', 'now'], at);
    expect(now.stdout).toContain('imported 3  deduped 0  conflicts 0  source_errors 0');
    expect(now.stdout).toContain('All delivered.');
    expect(now.exit).toBe(0);
    const { items } = await listEvents(receiver.store, { after: 0, limit: 10 });
    expect(items.map((item) => item.eventId)).toEqual(
      (stored as { event_id: string }[]).map((row) => row.event_id),
    );
    const held = await receiver.holdings();
    const hashes = (stored as { event_id: string; data: string }[]).map(
      (row) => `${row.event_id} ${createHash('sha256').update(row.data).digest('hex')}`,
    );
    expect(held).toEqual(hashes.sort());
    expect(photograph(machine.home).filter(ofQueue)).toEqual(before);
    const after = await machine.run(['sync', 'status', '--json'], at);
    expect(after.json).toMatchObject({ legacy_rows: 0, legacy_queue: { event_count: 0 } });
  });

  it('notices rows that an old program writes later, and says nothing twice', async () => {
    const { machine, at, queue, id } = await place();
    const endpoint = `stub:${path.join(machine.dir, 'events.ndjson')}`;
    await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', endpoint], at);
    const old = oldQueue(queue);
    old.addEvents([1], { projectId: id });
    expect((await machine.run(['sync', 'now'], at)).exit).toBe(0);
    old.addEvents([2], { projectId: id });
    const unimported = await machine.run(['sync', 'now', '--no-import'], at);
    expect(unimported.exit).toBe(2);
    expect(unimported.stdout).not.toContain('All delivered.');
    expect(unimported.stdout).toContain('1 legacy rows in scope.');
    const status = await machine.run(['sync', 'status', '--json'], at);
    expect(status.json).toMatchObject({ legacy_rows: 1 });
    const [step] = stepsOf(unimported);
    await machine.run(words(step ?? ''), at);
    const again = await machine.run(['sync', 'now'], at);
    expect(again.stdout).toContain('All delivered.');
    expect(again.stdout).not.toContain('Queue migration');
    old.close();
  });

  it('sends nothing again that the version of June had delivered to the same target', async () => {
    const { machine, at, id } = await place();
    const receiver = await realReceiver();
    oldJournal(path.join(machine.home, 'event_journal', 'journal-acme.db'), [1, 2, 3, 4], id);
    const other = { id: 'tgt_b', url: 'https://other.example', team: '', user: '' };
    oldLedger(
      path.join(machine.home, 'delivery'),
      [{ id: 'tgt_a', url: receiver.url, team: '', user: '' }, other],
      [
        [1, 'tgt_a', 'success'],
        [2, 'tgt_a', 'duplicate'],
        [3, 'tgt_a', 'rejected'],
        [4, 'tgt_b', 'success'],
      ],
    );
    await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', receiver.url], at);
    const now = await machine.run(['sync', 'now'], at);
    expect(now.stdout).toContain('All delivered.');
    expect((await receiver.holdings()).map((line) => line.split(' ')[0])).toEqual(ids([3, 4]));
    const status = await machine.run(['sync', 'status', '--check', '--json'], at);
    expect(status.exit).toBe(0);
    expect(status.json).toMatchObject({
      delivery_ledger: { delivered_current_target: 4, waiting: 0 },
    });
    expect((await machine.run(['sync', 'migrate', '--archive-sources'], at)).exit).toBe(0);
    const left = readdirSync(path.join(machine.home, 'delivery'));
    expect(left.filter((name) => !name.includes('.db.imported-'))).toEqual([]);
  });
});

describe('every next step that is printed changes the state', () => {
  it('conflicts: either content can be kept, and then nothing blocks any more', async () => {
    for (const [index, keep] of ['keep-journal', 'keep-source'].entries()) {
      const { machine, at, queue, id } = await place();
      const endpoint = `stub:${path.join(machine.dir, 'events.ndjson')}`;
      await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', endpoint], at);
      const first = oldQueue(queue);
      first.addEvents([1, 2], { projectId: id });
      first.close();
      const second = oldQueue(path.join(machine.home, 'queues', 'queue-0a.db'));
      second.add(eventId(1), asPython(envelopeBytes(1, { projectId: id, payload: '{"n":1.5}' })));
      second.close();
      const before = photograph(path.join(machine.home, 'queues'));
      const found = await machine.run(['sync', 'migrate'], at);
      expect(found.exit).toBe(1);
      expect(found.stdout).toContain(`${eventId(1)}  in source 0a`);
      const status = await machine.run(['sync', 'status', '--json'], at);
      expect(status.json).toMatchObject({
        migration_conflicts: { count: 1, cleanup_blocked: true },
      });
      expect((await machine.run(['sync', 'now'], at)).exit).toBe(1);
      const kept = await machine.run(['sync', 'migrate', '--archive-sources'], at);
      expect(kept.stdout).toContain('wait for a decision');

      const steps = stepsOf(found);
      expect(steps).toHaveLength(2);
      const decided = await machine.run(words(steps[index] ?? ''), at);
      expect(decided.stdout).toContain('1 conflict(s) decided');
      expect(decided.exit).toBe(0);
      expect((await machine.run(['sync', 'migrate', '--json'], at)).json).toMatchObject({
        imported: 0,
        conflicts: 0,
        exit_code: 0,
      });
      expect((await machine.run(['sync', 'now'], at)).stdout).toContain('All delivered.');
      const lines = sentLines(machine);
      expect(lines.filter((line) => line.includes('"n": 1.5'))).toHaveLength(index);
      expect(lines).toHaveLength(2 + index);
      expect(keep).toBe(words(steps[index] ?? '')[3]);
      expect(photograph(path.join(machine.home, 'queues'))).toEqual(before);
    }
  });

  it('a damaged source: put aside by the command that is printed', async () => {
    const { machine, at, queue, id } = await place();
    const endpoint = `stub:${path.join(machine.dir, 'events.ndjson')}`;
    await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', endpoint], at);
    const old = oldQueue(queue);
    old.addEvents([1], { projectId: id });
    old.close();
    const damaged = path.join(machine.home, 'queues', 'queue-0b.db');
    oldQueue(damaged).close();
    writeFileSync(damaged, 'no database at all, whatever its name says');
    const now = await machine.run(['sync', 'now'], at);
    expect(now.exit).toBe(1);
    expect(now.stdout).toContain('delivered 1');
    expect(now.stdout).not.toContain('All delivered.');
    const [step] = stepsOf(now);
    const done = await machine.run(words(step ?? ''), at);
    expect(done.exit).toBe(0);
    expect(existsSync(damaged)).toBe(false);
    expect(readdirSync(path.dirname(damaged)).join()).toMatch(/^queue-0b\.db\.unreadable-/);
    expect((await machine.run(['sync', 'now'], at)).stdout).toContain('All delivered.');
  });

  it('events without a project: kept, never sent, until they are given to one', async () => {
    const { machine, at, queue, id } = await place();
    const endpoint = `stub:${path.join(machine.dir, 'events.ndjson')}`;
    await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', endpoint], at);
    const old = oldQueue(queue);
    for (const n of [1, 2]) {
      const data = asPython(envelopeBytes(n)).replace(
        /"project_uuid": "[^"]+"/,
        '"project_uuid": null',
      );
      old.add(eventId(n), data);
    }
    old.close();
    expect((await machine.run(['sync', 'now'], at)).stdout).toContain('All delivered.');
    expect(existsSync(path.join(machine.dir, 'events.ndjson'))).toBe(false);
    const status = await machine.run(['sync', 'status', '--json'], at);
    expect(status.json).toMatchObject({ unassigned_events: 2, legacy_rows: 0 });
    const told = await machine.run(['sync', 'migrate'], at);
    expect(told.stdout).toContain('2 event(s) name no project and are kept');
    const stranger = await machine.run(
      ['sync', 'migrate', '--assign', '3f2b8c64-9d0e-4a51-8c77-2b1f6e5d4c3b', '--all'],
      at,
    );
    expect(stranger.exit).toBe(1);
    const one = ['sync', 'migrate', '--assign', id, '--event', eventId(2)];
    expect((await machine.run(one, at)).stdout).toContain('1 event(s) given');
    expect((await machine.run(one, at)).exit).toBe(1);
    await machine.run(['sync', 'migrate', '--assign', id, '--all'], at);
    expect((await machine.run(['sync', 'now'], at)).stdout).toContain('All delivered.');
    const lines = sentLines(machine);
    const sent = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(new Set(sent.map((event) => event['event_id']))).toEqual(new Set(ids([1, 2])));
    expect(sent.every((event) => event['project_uuid'] === id)).toBe(true);
  });

  it('verified sources are renamed, and a new queue of the same name is another source', async () => {
    const { machine, at, queue, id } = await place();
    const old = oldQueue(queue, { wal: true });
    old.addEvents([1], { projectId: id });
    old.close();
    const done = await machine.run(['sync', 'migrate', '--archive-sources'], at);
    expect(done.stdout).toContain('Put aside');
    expect(existsSync(queue)).toBe(false);
    const next = oldQueue(queue);
    next.addEvents([2], { projectId: id });
    next.close();
    const again = await machine.run(['sync', 'migrate', '--json'], at);
    expect(again.json).toMatchObject({ imported: 1, deduped: 0 });
    expect(
      new Database(queue, { readonly: true }).prepare('SELECT 1 FROM queue').all(),
    ).toHaveLength(1);
  });
});

it('links are renamed, and what they lead to is left alone', async () => {
  const { machine, at, queue, id } = await place();
  const elsewhere = oldQueue(path.join(machine.dir, 'elsewhere.db'));
  elsewhere.addEvents([1], { projectId: id });
  elsewhere.close();
  mkdirSync(path.join(machine.home, 'queues'), { recursive: true });
  symlinkSync(elsewhere.file, queue);
  const nowhere = path.join(machine.home, 'queues', 'queue-0a.db');
  symlinkSync(path.join(machine.dir, 'nowhere.db'), nowhere);
  const found = await machine.run(['sync', 'migrate', '--archive-sources'], at);
  expect(found.exit).toBe(1);
  expect(existsSync(elsewhere.file)).toBe(true);
  expect(existsSync(queue)).toBe(false);
  const [step] = stepsOf(found);
  expect((await machine.run(words(step ?? ''), at)).exit).toBe(0);
  expect(readdirSync(path.dirname(nowhere)).join()).toMatch(/^queue-0a\.db\.unreadable-/);
  expect((await machine.run(['sync', 'migrate', '--json'], at)).json).toMatchObject({
    sources: [],
    exit_code: 0,
  });
});

it('an archive that is cut off leaves nothing undone and nothing doubled', async () => {
  const { machine, at, queue, id } = await place();
  const old = oldQueue(queue);
  old.addEvents([1], { projectId: id });
  old.close();
  const faults = faultsFrom('legacy.archive', () => {
    throw new Error('the power went out');
  });
  await machine.run(['sync', 'migrate', '--archive-sources'], { ...at, faults });
  expect(existsSync(queue)).toBe(false);
  const again = await machine.run(['sync', 'migrate', '--archive-sources', '--json'], at);
  expect(again.json).toMatchObject({ imported: 0, sources: [], exit_code: 0 });
  expect((await machine.run(['sync', 'status', '--json'], at)).json).toMatchObject({
    event_journal: { retained_event_count: 1 },
    legacy_sources: [],
  });
});

describe('wrong usage', () => {
  it.each([
    [['--resolve', 'keep-both', '--all']],
    [['--resolve', 'keep-journal']],
    [['--assign', 'nobody', '--all']],
    [['--all']],
    [['--dry-run', '--archive-sources']],
  ])('%j is refused', async (flags) => {
    const { machine, at } = await place();
    expect((await machine.run(['sync', 'migrate', ...flags], at)).exit).toBe(2);
  });

  it('a source that is not there is said', async () => {
    const { machine, at } = await place();
    const ended = await machine.run(['sync', 'migrate', '--source', 'nowhere.db', '--json'], at);
    expect(ended.exit).toBe(1);
    expect(ended.json).toMatchObject({ error: { code: 'not_found' } });
  });
});

function sentLines(machine: Machine): readonly string[] {
  const text = readFileSync(path.join(machine.dir, 'events.ndjson'), 'utf8');
  return text.trimEnd().split('\n');
}
