import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  createMachine,
  EXAMPLE_FACTS,
  EXAMPLE_MISSIONS,
  type Ended,
  type Machine,
} from '../support/command-line.ts';
import { envelopeBytes, eventId } from '../support/envelopes.ts';
import { answerAll, recordingServer } from '../support/recording-server.ts';
import {
  balancedBooks,
  journalDigest,
  openStoreOf,
  projectIdOf,
  storeFile,
} from '../support/store-view.ts';
import type { ProjectId } from '../../src/wire/index.ts';

const SENTINEL = 'sentinel-7f3a';
const HEARTBEAT = ['emit', 'BuildHeartbeat', '--payload', '{"build_id":"ci-7"}'];

const FAMILIES = {
  local_only: 'MissionReopened',
  explicitly_discardable: 'BuildHeartbeat',
  teamspace_bound: 'WPStatusChanged',
  unknown: 'FromTomorrow',
} as const;

/** One envelope of each family, each with a text that can be looked for in files. */
function fourEnvelopes(root: string): string {
  return Object.values(FAMILIES)
    .map((type, n) => {
      const projectId = projectIdOf(root) as ProjectId;
      const payload = `{"note":"${SENTINEL}"}`;
      return Buffer.from(envelopeBytes(n, { projectId, type, payload })).toString();
    })
    .join('\n');
}

function setPolicy(machine: Machine, policy: string): void {
  mkdirSync(machine.home, { recursive: true });
  appendFileSync(
    path.join(machine.home, 'config.toml'),
    `[event_sync]\nopt_out_policy = "${policy}"\n`,
  );
}

/** The types in the journal, each with whether it may ever leave. */
function journal(machine: Machine, root: string): readonly (readonly [string, number])[] {
  const sql = 'SELECT type, eligible FROM events ORDER BY seq';
  const rows = openStoreOf(machine, root).all<{ type: string; eligible: number }>(sql);
  return rows.map(({ type, eligible }) => [type, eligible] as const);
}

/** Whether any file of a project's store holds a text. */
function storeHolds(machine: Machine, root: string, text: string): boolean {
  openStoreOf(machine, root).exec('PRAGMA wal_checkpoint(TRUNCATE)');
  return readFileSync(storeFile(machine, root)).includes(text);
}

describe('each mode, seen from outside', () => {
  it.each([
    ['TEAMSPACE', 'on', 'teamspace'],
    ['EXTERNAL_RECEIVER', 'on', 'external'],
    ['LOCAL_RETENTION', 'on', 'none'],
    ['OPT_OUT', 'off', 'none'],
  ])('%s: retention %s, delivery %s', async (mode, retention, delivery) => {
    const machine = createMachine({ SPEC_KITTY_ENABLE_SAAS_SYNC: '1' });
    const server = await recordingServer((request) => answerAll(request));
    const root = await machine.project('repo', EXAMPLE_MISSIONS);
    const at = { cwd: root };
    // The receiver was permitted before; a mode without delivery sends nothing all the same.
    await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', server.url], at);
    const endpoint = mode === 'EXTERNAL_RECEIVER' ? ['--endpoint', server.url] : [];
    await machine.run(['sync', 'mode', mode, ...endpoint], at);
    const shown = await machine.run(['sync', 'mode', '--json'], at);
    expect(shown.json).toMatchObject({ mode, source: 'project', retention, delivery });

    await machine.run(HEARTBEAT, at);
    const kept = journal(machine, root).map(([type]) => type);
    expect(kept).toEqual(retention === 'on' ? ['BuildHeartbeat'] : []);
    const now = await machine.run(['sync', 'now'], at);
    const sent = server.batches().flat().length;
    // The Teamspace receiver needs a login; the external one gets the event and the example's lines.
    expect(sent).toBe(delivery === 'external' ? EXAMPLE_FACTS + 1 : 0);
    if (delivery !== 'none') return;
    expect(now).toMatchObject({ exit: 0, stderr: '' });
    expect(now.stdout).toContain('no delivery attempted');
    for (const more of [['--target', server.url], ['--all']]) {
      const named = await machine.run(['sync', 'now', ...more], at);
      expect(named.exit).toBe(1);
      expect(named.stderr).toContain(`the mode ${mode} sends nothing, whichever target is named`);
      expect(named.stderr).toContain('Run `spec-kitty sync mode TEAMSPACE`.');
    }
    expect(server.requests).toEqual([]);
    await balancedBooks(machine, root);
  });

  it('LOCAL_RETENTION keeps the exact bytes', async () => {
    const machine = createMachine();
    const root = await machine.project('repo');
    await machine.run(['sync', 'mode', 'LOCAL_RETENTION'], { cwd: root });
    const input = fourEnvelopes(root);
    await machine.run(['emit', '--envelope', '-'], { cwd: root, input });
    const stored = openStoreOf(machine, root).all<{ payload: Buffer }>(
      'SELECT payload FROM event_payloads ORDER BY seq',
    );
    expect(stored.map(({ payload }) => payload.toString()).join('\n')).toBe(input);
  });
});

/** What `sync mode` says becomes of each family, in its own words. */
function saidOf(stdout: string): Readonly<Record<string, string>> {
  const lines = [...stdout.matchAll(/^ {2}Events of the kinds (.+): (.+)\.$/gm)];
  return Object.fromEntries(
    lines.flatMap(([, families = '', fate = '']) =>
      families.split(', ').map((family) => [family, fate] as const),
    ),
  );
}

const SENTENCES = {
  dropped: 'dropped and counted',
  audited: 'dropped, each on record in `spec-kitty sync audit list`',
  kept: 'kept here all the same, and never sent, in any later mode',
} as const;

describe('the policy of OPT_OUT', () => {
  it.each(['refuse', 'audit'] as const)(
    '%s: what `sync mode` says is what becomes of each family',
    async (policy) => {
      const machine = createMachine();
      setPolicy(machine, policy);
      const root = await machine.project('repo');
      const at = { cwd: root };
      const set = await machine.run(['sync', 'mode', 'TRASH'], at);
      expect(set).toMatchObject({ exit: 0, stderr: '' });
      expect(set.stdout).toContain('✓ Event sync mode set to OPT_OUT');
      expect(set.stdout).toContain('never silently dropped');
      expect(set.stdout).toContain('`spec-kitty sync opt-out`');
      const emitted = await machine.run(['emit', '--envelope', '-', '--json'], {
        ...at,
        input: fourEnvelopes(root),
      });
      const audit = await machine.run(['sync', 'audit', 'list', '--json'], at);
      const audited = (audit.json['audit'] as { event_family: string }[]).map(
        (each) => each.event_family,
      );
      const held = journal(machine, root);
      const became = Object.entries(FAMILIES).map(([family, type]) => {
        if (held.some((each) => each[0] === type && each[1] === 0)) return [family, 'kept'];
        return [family, audited.includes(type) ? 'audited' : 'dropped'];
      });
      const said = saidOf((await machine.run(['sync', 'mode'], at)).stdout);
      for (const [family = '', fate = ''] of became) {
        expect([family, said[family]]).toEqual([family, SENTENCES[fate as keyof typeof SENTENCES]]);
      }
      const strict = policy === 'refuse' ? 'kept' : 'audited';
      expect(Object.fromEntries(became) as unknown).toEqual({
        local_only: 'dropped',
        explicitly_discardable: 'dropped',
        teamspace_bound: strict,
        unknown: strict,
      });
      expect(emitted.json).toMatchObject({
        captured: policy === 'refuse' ? 2 : 0,
        discarded: policy === 'refuse' ? 2 : 4,
        opt_out: { discarded: 2, audited: policy === 'refuse' ? 0 : 2 },
      });
      expect(storeHolds(machine, root, SENTINEL)).toBe(policy === 'refuse');
    },
  );

  it.each([
    ['refuse', HEARTBEAT, 'Dropped BuildHeartbeat'],
    ['audit', HEARTBEAT, 'Dropped BuildHeartbeat'],
    ['refuse', ['emit', 'ErrorLogged'], 'kept here and never sent, in any later mode'],
    ['audit', ['emit', 'ErrorLogged'], 'dropped on record: `spec-kitty sync audit list`'],
  ])('%s: emit says what it did (%j)', async (policy, argv, words) => {
    const machine = createMachine();
    setPolicy(machine, policy);
    const root = await machine.project('repo');
    await machine.run(['sync', 'mode', 'OPT_OUT'], { cwd: root });
    const more = argv.includes('ErrorLogged')
      ? ['--payload', '{"error_type":"runtime","error_message":"x"}']
      : [];
    const ended = await machine.run([...argv, ...more], { cwd: root });
    expect(ended).toMatchObject({ exit: 0, stderr: '' });
    expect(ended.stdout).toContain(words);
  });

  it.each([
    ['refuse', EXAMPLE_FACTS, 0],
    ['audit', 0, EXAMPLE_FACTS],
  ])('%s: an import keeps %i and puts %i on record, once', async (policy, kept, audited) => {
    const machine = createMachine();
    setPolicy(machine, policy);
    const root = await machine.project('repo', EXAMPLE_MISSIONS);
    const at = { cwd: root };
    await machine.run(['sync', 'mode', 'OPT_OUT'], at);
    const tried = await machine.run(['sync', 'import', '--dry-run', '--json'], at);
    expect(tried.json).toMatchObject({ opt_out: { kept, audited } });
    const first = await machine.run(['sync', 'import', '--json'], at);
    expect(first.json).toMatchObject({
      captured: kept,
      discarded: audited,
      opt_out: { kept, audited, discarded: 0, discarded_before: 0 },
    });
    touchLogs(root);
    const again = await machine.run(['sync', 'import', '--json'], at);
    expect(again.json).toMatchObject({
      captured: 0,
      known: EXAMPLE_FACTS,
      discarded: 0,
      opt_out: { audited: 0, discarded_before: audited },
    });

    await machine.run(['sync', 'mode', 'LOCAL_RETENTION'], at);
    touchLogs(root);
    const later = await machine.run(['sync', 'now'], at);
    expect(later).toMatchObject({ exit: 0, stderr: '' });
    if (audited > 0)
      expect(later.stdout).toContain(`${audited} of the known were dropped on record`);
    const held = journal(machine, root);
    expect(held.map(([, eligible]) => eligible)).toEqual(Array<number>(kept).fill(0));
    const list = await machine.run(['sync', 'audit', 'list', '--json'], at);
    expect(list.json['count']).toBe(audited);
    const exported = await machine.run(['sync', 'audit', 'export'], at);
    expect(exported.stdout.split('\n').filter((line) => line !== '')).toHaveLength(audited);
  });

  it('never sends what it kept, to nobody, and the books account for it', async () => {
    const machine = createMachine();
    const server = await recordingServer((request) => answerAll(request));
    const root = await machine.project('repo', EXAMPLE_MISSIONS);
    const at = { cwd: root };
    await machine.run(['sync', 'mode', 'OPT_OUT'], at);
    await machine.run(['sync', 'import'], at);
    await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', server.url], at);
    await machine.run(HEARTBEAT, at);
    const now = await machine.run(['sync', 'now'], at);
    expect(now).toMatchObject({ exit: 0, stderr: '' });
    expect(server.batches().flat()).toHaveLength(1);
    const [books] = await balancedBooks(machine, root);
    expect(books).toMatchObject({ never_eligible: EXAMPLE_FACTS, delivered: 1 });
  });

  it.each([
    ['refuse', [['FromTomorrow', 0]], { audited: 0, kept: 1 }],
    ['audit', [], { audited: 1, kept: 0 }],
  ])('%s: what was spilled is judged when it is taken in', async (policy, held, optOut) => {
    const machine = createMachine();
    setPolicy(machine, policy);
    const root = await machine.project('repo');
    const at = { cwd: root };
    await machine.run(['sync', 'mode', 'OPT_OUT'], at);
    const store = openStoreOf(machine, root);
    store.exec('BEGIN IMMEDIATE');
    const projectId = projectIdOf(root) as ProjectId;
    const input = Buffer.concat([
      envelopeBytes(1, { projectId, type: 'BuildHeartbeat' }),
      Buffer.from('\n'),
      envelopeBytes(2, { projectId, type: 'FromTomorrow' }),
    ]);
    const spilled = await machine.run(['emit', '--envelope', '-'], { ...at, input });
    store.exec('ROLLBACK');
    expect(spilled.stdout).toContain('2 kept beside the store');
    const taken = await machine.run(['sync', 'import', '--json'], at);
    expect(taken.json).toMatchObject({
      spill: { events: 2, opt_out: { discarded: 1, ...optOut } },
    });
    expect(journal(machine, root)).toEqual(held);
    const folder = path.join(machine.home, 'projects', `${projectIdOf(root)}.spill`);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('holds by the machine’s default for projects that never chose, and opens no machine.db for it', async () => {
    const machine = createMachine();
    const root = await machine.project('repo');
    await machine.run(['sync', 'mode', 'OPT_OUT']);
    rmSync(path.join(machine.home, 'machine.db'), { force: true });
    expect((await machine.run(HEARTBEAT, { cwd: root })).stdout).toContain(
      'Dropped BuildHeartbeat',
    );
    expect(readdirSync(machine.home)).not.toContain('machine.db');
    expect(journal(machine, root)).toEqual([]);
    await machine.run(['sync', 'mode', 'TEAMSPACE'], { cwd: root });
    await machine.run(HEARTBEAT, { cwd: root });
    expect(journal(machine, root)).toEqual([['BuildHeartbeat', 1]]);
  });

  it('puts enough on record to know an event again', async () => {
    const machine = createMachine();
    setPolicy(machine, 'audit');
    const root = await machine.project('repo');
    const at = { cwd: root };
    await machine.run(['sync', 'mode', 'OPT_OUT'], at);
    const projectId = projectIdOf(root) as ProjectId;
    await machine.run(['emit', '--envelope', '-'], {
      ...at,
      input: envelopeBytes(1, { projectId }),
    });
    const exported = await machine.run(['sync', 'audit', 'export'], at);
    const entry = JSON.parse(exported.stdout) as Record<string, string>;
    expect(Object.keys(entry)).toEqual([...Object.keys(entry)].sort());
    expect(entry).toMatchObject({
      classification: 'teamspace_bound',
      event_family: 'WPStatusChanged',
      event_id: eventId(1),
      reason: 'mode OPT_OUT with opt_out_policy = "audit"',
    });
    expect(entry['sha256']).toMatch(/^[0-9a-f]{64}$/);
    expect(entry['at']).toMatch(/^\d{4}-\d\d-\d\dT/);
    const listed = await machine.run(['sync', 'audit', 'list'], at);
    expect(listed.stdout).toContain(eventId(1));
  });
});

describe('a stored mode that cannot be read', () => {
  const heartbeats = async (machine: Machine, root: string): Promise<Ended> =>
    machine.run(HEARTBEAT, { cwd: root });

  it('in the configuration: sends nothing, records on, and the printed command mends it', async () => {
    const machine = createMachine({ SPEC_KITTY_ENABLE_SAAS_SYNC: '1' });
    const server = await recordingServer((request) => answerAll(request));
    const root = await machine.project('repo');
    const at = { cwd: root };
    mkdirSync(machine.home, { recursive: true });
    const config = path.join(machine.home, 'config.toml');
    writeFileSync(config, `[sync]\nserver_url = "${server.url}"\n[event_sync]\nmode = "hosted"\n`);
    expect((await heartbeats(machine, root)).exit).toBe(0);
    const shown = await machine.run(['sync', 'mode'], at);
    expect(shown.exit).toBe(1);
    expect(shown.stdout).toContain('unknown (the word stored for this machine is no mode)');
    const status = await machine.run(['sync', 'status'], at);
    expect(status.exit).toBe(1);
    expect(status.stdout).toContain('unknown; nothing is sent');
    const now = await machine.run(['sync', 'now'], at);
    expect(now.exit).toBe(1);
    expect(now.stderr).toContain('nothing is sent');
    expect((await machine.run(['sync', 'opt-in'], at)).exit).toBe(1);
    expect(server.requests).toEqual([]);
    expect(journal(machine, root)).toEqual([['BuildHeartbeat', 1]]);

    const remedy = /Run `spec-kitty (.+)`/.exec(now.stderr)?.[1]?.split(' ') ?? [];
    expect((await machine.run(remedy, at)).exit).toBe(0);
    expect((await machine.run(['sync', 'now'], at)).exit).toBe(0);
    expect((await machine.run(['sync', 'mode'])).exit).toBe(1);
    expect((await machine.run(remedy)).exit).toBe(0);
    expect((await machine.run(['sync', 'mode'])).exit).toBe(0);
    expect(readFileSync(config, 'utf8')).toContain(server.url);
  });

  it.each(['[event_sync\nmode = ', '[event_sync]\nmode = "opt_out"\nopt_out_policy = "shred"\n'])(
    'with the whole file (%j): sends nothing and keeps everything',
    async (text) => {
      const machine = createMachine();
      const server = await recordingServer((request) => answerAll(request));
      const root = await machine.project('repo');
      const at = { cwd: root };
      await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', server.url], at);
      writeFileSync(path.join(machine.home, 'config.toml'), text);
      expect((await heartbeats(machine, root)).exit).toBe(0);
      for (const command of [
        ['sync', 'now'],
        ['sync', 'mode'],
        ['sync', 'opt-in'],
      ]) {
        const ended = await machine.run(command, at);
        expect(ended.exit).toBe(1);
        expect(ended.stderr).toContain('config.toml');
      }
      expect(server.requests).toEqual([]);
      expect(journal(machine, root)).toEqual([['BuildHeartbeat', 1]]);
      expect(readFileSync(path.join(machine.home, 'config.toml'), 'utf8')).toBe(text);
    },
  );

  it('changes no byte of what is retained when the mode changes', async () => {
    const machine = createMachine();
    const root = await machine.project('repo', EXAMPLE_MISSIONS);
    const at = { cwd: root };
    await machine.run(['sync', 'import'], at);
    const before = journalDigest(machine, root);
    for (const mode of ['OPT_OUT', 'LOCAL_RETENTION', 'TEAMSPACE']) {
      await machine.run(['sync', 'mode', mode], at);
    }
    expect(journalDigest(machine, root)).toBe(before);
  });
});

/** Makes every log look changed, so that an import reads it again. */
function touchLogs(root: string): void {
  const missions = path.join(root, 'kitty-specs');
  for (const mission of readdirSync(missions)) {
    for (const name of readdirSync(path.join(missions, mission))) {
      if (name.endsWith('.jsonl')) appendFileSync(path.join(missions, mission, name), '\n');
    }
  }
}
