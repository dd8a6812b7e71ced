import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  ARTIFACTS,
  createMachine,
  EXAMPLE_FACTS,
  EXAMPLE_MISSIONS,
  type Machine,
} from '../support/command-line.ts';
import { balancedBooks, booksAt, journalDigest, openStoreOf } from '../support/store-view.ts';
import { realReceiver } from '../support/real-receiver.ts';

interface Scene {
  readonly machine: Machine;
  readonly root: string;
  readonly run: (...words: string[]) => ReturnType<Machine['run']>;
}

async function scene(): Promise<Scene> {
  const machine = createMachine();
  const root = await machine.project('repo', EXAMPLE_MISSIONS);
  return { machine, root, run: (...words) => machine.run(words, { cwd: root }) };
}

async function deliverTo({ run }: Scene, url: string): Promise<void> {
  expect((await run('sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', url)).exit).toBe(0);
  expect((await run('sync', 'now')).exit).toBe(0);
}

function payloads({ machine, root }: Scene): number {
  const db = openStoreOf(machine, root);
  return db.get<{ n: number }>('SELECT count(*) AS n FROM event_payloads')?.n ?? -1;
}

describe('sync gc', () => {
  it('drops nothing of a project without a target', async () => {
    const here = await scene();
    await here.run('sync', 'import');
    const gc = await here.run('sync', 'gc', '--yes', '--json');
    expect(gc).toMatchObject({ exit: 0, json: { purged: 0, plan: { registered_targets: 0 } } });
    expect((await here.run('sync', 'gc', '--yes')).stdout).toContain('no target');
    expect(payloads(here)).toBe(EXAMPLE_FACTS);
  });

  it('drops what every registered target has, keeps id, hash and history, and never sends it again', async () => {
    const here = await scene();
    const [a, b] = [await realReceiver(), await realReceiver()];
    await deliverTo(here, a.url);
    const ids = openStoreOf(here.machine, here.root).all(
      'SELECT seq, event_id, sha256 FROM events',
    );

    const planned = await here.run('sync', 'gc');
    expect(planned.exit).toBe(0);
    expect(planned.stdout).toContain('Nothing was dropped');
    expect(payloads(here)).toBe(EXAMPLE_FACTS);

    const gc = await here.run('sync', 'gc', '--yes', '--json');
    expect(gc.json).toMatchObject({
      dry_run: false,
      purged: EXAMPLE_FACTS,
      plan: { kept_events: 0 },
    });
    expect(payloads(here)).toBe(0);
    const after = openStoreOf(here.machine, here.root);
    expect(after.all('SELECT seq, event_id, sha256 FROM events')).toEqual(ids);
    expect(after.all('SELECT DISTINCT reason FROM gc_permits')).toEqual([
      { reason: 'delivered everywhere' },
    ]);
    expect(await booksAt(here.machine, here.root, a.url)).toMatchObject({
      delivered: EXAMPLE_FACTS,
    });
    expect((await here.run('sync', 'status', '--check')).exit).toBe(0);
    expect((await here.run('sync', 'gc', '--yes', '--json')).json).toMatchObject({ purged: 0 });
    const { json } = await here.run('sync', 'status', '--json');
    expect(json['event_journal']).toMatchObject({
      ...{ retained_event_count: 0, dropped_event_count: EXAMPLE_FACTS },
      ...{ archived_event_count: 0, quarantined_event_count: 0, gc_suggested: false },
    });

    const granted = await here.run('sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', b.url);
    expect(granted.stdout).toContain(`${EXAMPLE_FACTS} more cannot be sent`);
    await here.run('sync', 'now');
    expect(await booksAt(here.machine, here.root, b.url)).toMatchObject({
      dropped: EXAMPLE_FACTS,
      delivered: 0,
    });
  });

  it('keeps what one target lacks until that target has it', async () => {
    const here = await scene();
    const [a, b] = [await realReceiver(), await realReceiver()];
    await deliverTo(here, a.url);
    expect((await here.run('sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', b.url)).exit).toBe(0);
    const gc = await here.run('sync', 'gc', '--yes', '--json');
    expect(gc.json).toMatchObject({ purged: 0, plan: { kept_events: EXAMPLE_FACTS, events: 0 } });
    await here.run('sync', 'now');
    expect((await here.run('sync', 'gc', '--yes', '--json')).json).toMatchObject({
      purged: EXAMPLE_FACTS,
    });
    await balancedBooks(here.machine, here.root);
  });

  it('says that the texts of artifacts stay, and how many', async () => {
    const machine = createMachine(ARTIFACTS);
    const root = await machine.project('repo', EXAMPLE_MISSIONS);
    const here: Scene = { machine, root, run: (...words) => machine.run(words, { cwd: root }) };
    await deliverTo(here, (await realReceiver()).url);
    const texts = openStoreOf(machine, root).get('SELECT count(*) AS n FROM blobs');
    expect(texts).toEqual({ n: 9 });
    expect((await here.run('sync', 'gc')).stdout).toContain('all 9 text(s) of artifacts stay');
    const gc = await here.run('sync', 'gc', '--yes');
    expect(gc.stdout).toMatch(/gc: purged \d+ {2}kept 0 .*; all 9 text\(s\) of artifacts stay\)/);
    const { json } = await here.run('sync', 'gc', '--yes', '--json');
    expect(json).toMatchObject({ purged_texts: 0, kept_texts: 9 });
    expect(openStoreOf(machine, root).get('SELECT count(*) AS n FROM blobs')).toEqual(texts);
  });

  it('asks a person, and a no changes nothing', async () => {
    const here = await scene();
    await deliverTo(here, (await realReceiver()).url);
    const at = { cwd: here.root };
    const no = await here.machine.run(['sync', 'gc'], { ...at, answer: 'n' });
    expect(no.stderr).toContain('[y/N]');
    expect(payloads(here)).toBe(EXAMPLE_FACTS);
    await here.machine.run(['sync', 'gc'], { ...at, answer: 'y' });
    expect(payloads(here)).toBe(0);
  });

  it('gives the room back to the disk, and says how much', async () => {
    const here = await scene();
    const file = path.join(here.machine.dir, 'large.ndjson');
    writeFileSync(file, largeEnvelopes(here.root, 400));
    await deliverTo(here, (await realReceiver()).url);
    expect((await here.run('emit', '--envelope', file)).exit).toBe(0);
    expect((await here.run('sync', 'now')).exit).toBe(0);
    const gc = await here.run('sync', 'gc', '--yes', '--json');
    const {
      store_bytes_before: before,
      store_bytes_after: after,
      purged_bytes: freed,
    } = gc.json as {
      store_bytes_before: number;
      store_bytes_after: number;
      purged_bytes: number;
    };
    expect(freed).toBeGreaterThan(3_000_000);
    expect(before - after).toBeGreaterThan(0.8 * freed);
    const store = openStoreOf(here.machine, here.root).path;
    expect(statSync(store).size).toBeLessThanOrEqual(after);
  });
});

function largeEnvelopes(root: string, count: number): string {
  const uuid = /uuid: (\S+)/.exec(readFileSync(path.join(root, '.kittify', 'config.yaml'), 'utf8'));
  return Array.from({ length: count }, (_, n) =>
    JSON.stringify({
      event_id: `01M1E6PKC46CQ643DZVM${String(n).padStart(6, '0')}`,
      event_type: 'WPStatusChanged',
      aggregate_id: 'WP01',
      aggregate_type: 'WorkPackage',
      payload: { wp_id: 'WP01', text: `${n} `.repeat(4_000) },
      node_id: 'aaaaaaaaaaaa',
      lamport_clock: n,
      causation_id: null,
      timestamp: '2026-09-01T00:00:00Z',
      team_slug: null,
      project_uuid: uuid?.[1],
      project_slug: 'repo',
      git_branch: null,
      head_commit_sha: null,
      repo_slug: null,
    }),
  ).join('\n');
}

describe('sync archive', () => {
  it('moves payloads into a file that anybody can check, and back byte for byte', async () => {
    const here = await scene();
    await deliverTo(here, (await realReceiver()).url);
    const before = journalDigest(here.machine, here.root);
    const dry = await here.run('sync', 'archive');
    expect(dry.stdout).toContain('Nothing was changed');
    const done = await here.run('sync', 'archive', '--yes', '--json');
    expect(done).toMatchObject({
      exit: 0,
      json: { archived: EXAMPLE_FACTS, purged: EXAMPLE_FACTS },
    });
    const file = String(done.json['archive']);
    expect(payloads(here)).toBe(0);
    // Anybody's own tool reads it.
    const lines = gunzipSync(readFileSync(file)).toString().trim().split('\n');
    expect(lines).toHaveLength(EXAMPLE_FACTS + 1);
    const verified = await here.run('sync', 'archive', 'verify', file, '--json');
    expect(verified).toMatchObject({ exit: 0, json: { events: EXAMPLE_FACTS, intact: true } });
    expect((await here.run('sync', 'status', '--check')).exit).toBe(0);

    const back = await here.run('sync', 'archive', 'restore', file, '--json');
    expect(back).toMatchObject({ exit: 0, json: { restored: EXAMPLE_FACTS, conflicts: 0 } });
    expect(journalDigest(here.machine, here.root)).toBe(before);
    const again = await here.run('sync', 'archive', 'restore', file, '--json');
    expect(again.json).toMatchObject({ restored: 0, present: EXAMPLE_FACTS });
  });

  it('brings back what was never to leave as what it was, also into a journal that lost it', async () => {
    const machine = createMachine();
    const root = await machine.project('repo');
    const here: Scene = { machine, root, run: (...words) => machine.run(words, { cwd: root }) };
    const emit = async (): Promise<string> => {
      const payload = ['--payload', '{"error_type":"network","error_message":"offline"}'];
      const { json } = await here.run('emit', 'ErrorLogged', ...payload, '--json');
      return String(json['event_id']);
    };
    const sendable = await emit();
    await here.run('sync', 'mode', 'OPT_OUT');
    const own = await emit();
    await here.run('sync', 'mode', 'LOCAL_RETENTION');
    const done = await here.run('sync', 'archive', '--yes', '--json');
    expect(done.json).toMatchObject({ archived: 2 });
    const file = String(done.json['archive']);
    const [, ...lines] = gunzipSync(readFileSync(file)).toString().trim().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { event_id: sendable, eligible: true },
      { event_id: own, eligible: false },
    ]);
    const { path: store } = openStoreOf(machine, root);
    for (const tail of ['', '-wal', '-shm']) rmSync(`${store}${tail}`, { force: true });
    await here.run('sync', 'verify', '--repair');
    const back = await here.run('sync', 'archive', 'restore', file, '--json');
    expect(back).toMatchObject({ exit: 0, json: { recaptured: 2, conflicts: 0 } });
    const receiver = await realReceiver();
    await deliverTo(here, receiver.url);
    expect(await booksAt(machine, root, receiver.url)).toMatchObject({
      captured: 2,
      delivered: 1,
      never_eligible: 1,
    });
    const sent = await machine.run(['receiver', 'ls', '--db', receiver.file, '--json']);
    expect(sent.stdout).not.toContain(own);
  });

  it('gives a target what it was opened past while the payloads were away', async () => {
    const here = await scene();
    await here.run('sync', 'import');
    const done = await here.run('sync', 'archive', '--yes', '--json');
    const file = String(done.json['archive']);
    const receiver = await realReceiver();
    await here.run('sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', receiver.url);
    await here.run('sync', 'now');
    const { dropped } = await booksAt(here.machine, here.root, receiver.url);
    expect(dropped).toBe(EXAMPLE_FACTS);
    const back = await here.run('sync', 'archive', 'restore', file, '--json');
    expect(back.json).toMatchObject({ restored: EXAMPLE_FACTS, queued: EXAMPLE_FACTS });
    expect((await here.run('sync', 'now')).exit).toBe(0);
    const books = await booksAt(here.machine, here.root, receiver.url);
    expect(books).toMatchObject({ dropped: 0, delivered: EXAMPLE_FACTS });
  });

  it('keeps what a target waits for', async () => {
    const here = await scene();
    await here.run('sync', 'import');
    await here.run('sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', 'http://127.0.0.1:9');
    const done = await here.run('sync', 'archive', '--yes', '--json');
    expect(done.json).toMatchObject({ archived: 0, plan: { kept_events: EXAMPLE_FACTS } });
  });

  it('is found out when one byte of it changed, when it is torn, and when it is another project’s', async () => {
    const here = await scene();
    await here.run('sync', 'import');
    const done = await here.run('sync', 'archive', '--yes', '--json');
    const file = String(done.json['archive']);
    const text = gunzipSync(readFileSync(file)).toString();
    const lines = text.split('\n');
    const spoiled: Readonly<Record<string, Uint8Array>> = {
      changed: gzipSync(text.replace('WPStatusChanged', 'WPStatusChAnged')),
      torn: readFileSync(file).subarray(0, -20),
      short: gzipSync(`${lines.slice(0, -2).join('\n')}\n`),
      none: Buffer.from('not an archive'),
      empty: gzipSync(''),
    };
    for (const [name, bytes] of Object.entries(spoiled)) {
      const bad = path.join(here.machine.dir, name);
      writeFileSync(bad, bytes);
      for (const verb of ['verify', 'restore']) {
        const said = await here.run('sync', 'archive', verb, bad, '--json');
        expect([name, said.exit]).toEqual([name, 3]);
        expect(said.json).toMatchObject({ error: { code: 'archive_damaged' } });
      }
    }
    expect(payloads(here)).toBe(0);
    const other = await here.machine.project('other');
    const foreign = await here.machine.run(['sync', 'archive', 'restore', file], { cwd: other });
    expect(foreign).toMatchObject({ exit: 2 });
    const absent = await here.run('sync', 'archive', 'verify', 'nowhere', '--json');
    expect(absent).toMatchObject({ exit: 1, json: { error: { code: 'not_found' } } });
  });

  it('never replaces a file', async () => {
    const here = await scene();
    await here.run('sync', 'import');
    const file = path.join(here.machine.dir, 'mine');
    writeFileSync(file, 'precious');
    const done = await here.run('sync', 'archive', '--yes', '--to', file);
    expect(done.exit).not.toBe(0);
    expect(readFileSync(file, 'utf8')).toBe('precious');
    expect(payloads(here)).toBe(EXAMPLE_FACTS);
  });
});
