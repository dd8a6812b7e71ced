import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { createMachine, type Ended, type Machine } from '../support/command-line.ts';
import { realReceiver, type RealReceiver } from '../support/real-receiver.ts';
import { balancedBooks, projectIdOf } from '../support/store-view.ts';
import { tracesOf } from '../support/traces.ts';
import { openDb, systemClock } from '../../src/base/index.ts';

const FLAG = { SPEC_KITTY_ENABLE_SAAS_SYNC: '1' };
const SITE = ['--provider', 'jira', '--workspace', 'acme.atlassian.net'];
const PLAIN = [
  '--credential',
  'base_url=https://acme.atlassian.net',
  '--credential',
  'email=b@a.test',
];
const SECRET = 'sekret-api-token-5f1d';

interface Story {
  readonly machine: Machine;
  readonly root: string;
  readonly run: (
    line: readonly string[],
    options?: Parameters<Machine['run']>[1],
  ) => Promise<Ended>;
}

async function story(): Promise<Story> {
  const machine = createMachine(FLAG);
  const root = await machine.project('repo');
  return { machine, root, run: (line, options) => machine.run(line, { cwd: root, ...options }) };
}

async function bind({ run }: Story, projectKey: string): Promise<Ended> {
  const key = ['--credential', `project_key=${projectKey}`];
  const line = ['tracker', 'bind', ...SITE, ...PLAIN, ...key, '--credential-stdin', '--json'];
  return run(line, { input: `api_token=${SECRET}\n` });
}

async function pointAt({ run }: Story, url: string): Promise<void> {
  const line = ['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', url];
  expect(await run(line)).toMatchObject({ exit: 0 });
}

function publish({ run }: Story, ...more: readonly string[]): Promise<Ended> {
  return run(['tracker', 'sync', 'publish', '--json', ...more]);
}

interface Stored {
  readonly idempotency_key: string;
  readonly resource_id: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

function storedAt({ file }: RealReceiver): readonly Stored[] {
  const db = openDb(file, { clock: systemClock() });
  const rows = db.all<{ idempotency_key: string; resource_id: string; payload: Buffer }>(
    'SELECT idempotency_key, resource_id, payload FROM tracker_snapshots ORDER BY arrival',
  );
  db.close();
  return rows.map((row) => ({
    ...row,
    payload: JSON.parse(row.payload.toString()) as Stored['payload'],
  }));
}

describe('a tracker', () => {
  it('is bound, mapped, shown and unbound; the configuration keeps what others wrote', async () => {
    const at = await story();
    const file = path.join(at.root, '.kittify', 'config.yaml');
    writeFileSync(
      file,
      `${readFileSync(file, 'utf8')}\n# ours\nagents:\n  available: [claude] # one\n`,
    );
    const before = readFileSync(file, 'utf8');
    expect((await at.run(['tracker', 'status', '--json'])).json).toEqual({
      configured: false,
      provider: null,
      workspace: null,
      db_path: null,
      issue_count: 0,
      mapping_count: 0,
    });
    expect(await bind(at, 'ACME')).toMatchObject({
      exit: 0,
      json: { provider: 'jira', credentials_saved: true, external_resource_id: 'ACME' },
    });
    const bound = readFileSync(file, 'utf8');
    expect(bound.startsWith(before)).toBe(true);
    expect(bound).toContain('provider: jira');
    const map = ['tracker', 'map', 'add', '--wp-id', 'WP01', '--external-id', '1001'];
    expect((await at.run([...map, '--external-key', 'ACME-1'])).stdout).toBe(
      'Mapping saved: WP01 -> 1001\n',
    );
    const other = ['tracker', 'map', 'add', '--wp-id', 'WP02', '--external-id', '1001'];
    expect(await at.run(other)).toMatchObject({ exit: 1 });
    expect((await at.run(['tracker', 'map', 'list'])).stdout).toBe('- WP01: jira:ACME-1\n');
    expect((await at.run(['tracker', 'status', '--json'])).json).toMatchObject({
      configured: true,
      doctrine_mode: 'external_authoritative',
      mapping_count: 1,
      credentials_present: true,
      external_resource_type: 'jira_project',
    });
    expect((await at.run(['tracker', 'unbind'])).stdout).toBe('Tracker binding removed\n');
    expect(readFileSync(file, 'utf8')).toBe(before);
    const publishing = await publish(at);
    expect(publishing).toMatchObject({ exit: 1, json: { error: { code: 'tracker_unbound' } } });
    // What was known of it is known again when it comes back; its credentials are gone.
    await at.run(['tracker', 'bind', ...SITE]);
    expect((await at.run(['tracker', 'status', '--json'])).json).toMatchObject({
      mapping_count: 1,
      credentials_present: false,
    });
  });

  it('stands behind the rollout flag, every command of it', async () => {
    const machine = createMachine();
    const root = await machine.project('repo');
    for (const line of [
      'providers',
      'status',
      'unbind',
      'map list',
      'sync publish',
      'issue ACME-1',
    ]) {
      const ended = await machine.run(['tracker', ...line.split(' ')], { cwd: root });
      expect(ended).toMatchObject({ exit: 1, stdout: '' });
      expect(ended.stderr).toContain('SPEC_KITTY_ENABLE_SAAS_SYNC=1');
    }
  });

  it('takes no secret among the words of a command, and repeats none', async () => {
    const at = await story();
    for (const name of [
      'api_token',
      'api_key',
      'token',
      'pat',
      'password',
      'personal_access_token',
    ]) {
      const ended = await at.run(['tracker', 'bind', ...SITE, '--credential', `${name}=${SECRET}`]);
      expect(ended).toMatchObject({ exit: 2 });
      expect(ended.stdout + ended.stderr).not.toContain(SECRET);
    }
    const torn = await at.run(['tracker', 'bind', ...SITE, '--credential', SECRET]);
    expect(torn).toMatchObject({ exit: 1 });
    expect(torn.stderr).not.toContain(SECRET);
    const asked = await at.run(['tracker', 'bind', ...SITE, '--json'], { answer: SECRET });
    expect(asked).toMatchObject({ exit: 0, json: { credentials_saved: true } });
    expect(asked.stdout).not.toContain(SECRET);
  });
});

describe('publishing', () => {
  it('offline queues, online delivers exactly once', async () => {
    const at = await story();
    await bind(at, 'ACME');
    const receiver = await realReceiver();
    await pointAt(at, receiver.url);
    const port = Number(new URL(receiver.url).port);
    await receiver.stop();
    const offline = await publish(at);
    expect(offline).toMatchObject({
      exit: 1,
      json: {
        ok: false,
        queued: true,
        is_new: true,
        targets: [{ blocked_reason: 'network_unavailable' }],
      },
    });
    const again = await realReceiver({ file: receiver.file, port });
    expect(await publish(at)).toMatchObject({
      exit: 0,
      json: {
        ok: true,
        queued: false,
        is_new: false,
        status_code: 201,
        endpoint: `${receiver.url}/api/v1/connectors/trackers/snapshots/`,
        idempotency_key: '0716737c633393cf0050b22065ab9e04077de5ab55df0bda97385798e8d4efab',
        body: { status: 'stored', resolved_by: 'manual' },
        doctrine_mode: 'external_authoritative',
      },
    });
    expect(await publish(at)).toMatchObject({ exit: 0, json: { ok: true, is_new: false } });
    expect(await at.run(['sync', 'now'])).toMatchObject({ exit: 0 });
    expect(storedAt(again)).toHaveLength(1);
    expect(await balancedBooks(at.machine, at.root, 'snapshots')).toMatchObject([
      { captured: 1, delivered: 1, queued: 0 },
    ]);
  });

  it('goes to two receivers, and a rebind is a new item at both', async () => {
    const at = await story();
    await bind(at, 'ACME');
    const [first, second] = [await realReceiver(), await realReceiver()];
    await pointAt(at, first.url);
    await pointAt(at, second.url);
    expect(await publish(at, '--all')).toMatchObject({ exit: 0, json: { ok: true } });
    await bind(at, 'OTHER');
    expect(await publish(at, '--all')).toMatchObject({ exit: 0, json: { is_new: true } });
    await bind(at, 'ACME');
    expect(await publish(at, '--all')).toMatchObject({
      exit: 0,
      json: { is_new: true, status_code: 200, body: { status: 'already_exists' } },
    });
    for (const receiver of [first, second]) {
      expect(storedAt(receiver).map((each) => each.resource_id)).toEqual(['ACME', 'OTHER']);
      expect(Object.keys(storedAt(receiver)[0]?.payload ?? {})).toHaveLength(11);
    }
  });

  it('is refused truthfully: parked at 400, waiting at 404', async () => {
    const at = await story();
    await bind(at, 'ACME');
    await at.run(['sync', 'mode', 'LOCAL_RETENTION']);
    expect(await publish(at)).toMatchObject({
      exit: 0,
      json: { ok: false, queued: true, targets: [] },
    });
    const nowhere = await publish(at, '--server-url', 'https://nowhere.test');
    expect(nowhere.exit).not.toBe(0);
  });

  it('belongs to the project that the operator of the receiver names', async () => {
    const at = await story();
    await bind(at, 'ACME');
    const receiver = await realReceiver();
    await pointAt(at, receiver.url);
    await publish(at);
    const db = ['--db', receiver.file];
    const mapping = (...line: readonly string[]): Promise<Ended> =>
      at.run(['receiver', 'mapping', ...line, ...db, '--json']);
    const resource = { external_resource_type: 'jira_project', external_resource_id: 'ACME' };
    const project = projectIdOf(at.root);
    expect((await mapping('list')).json).toMatchObject({
      mappings: [],
      unmapped: [{ ...resource, snapshots: 1, stated_project: project }],
    });
    const set = ['set', project, ...SITE];
    const named = ['--resource-type', 'jira_project', '--resource-id', 'ACME'];
    expect(await mapping(...set, ...named)).toMatchObject({
      exit: 0,
      json: { ...resource, project },
    });
    expect((await mapping('list')).json).toMatchObject({ mappings: [{ project }], unmapped: [] });
    const people = await at.run(['receiver', 'mapping', 'list', ...db]);
    expect(people.stdout).toBe(`jira  acme.atlassian.net  jira_project ACME  ->  ${project}\n`);
    await bind(at, 'OTHER');
    await publish(at);
    await bind(at, 'ACME');
    expect((await publish(at)).json).toMatchObject({ body: { resolved_by: 'resource', project } });
    for (const wrong of [
      ['set', 'x', ...SITE],
      ['set', project],
      [...set, ...named.slice(2)],
    ]) {
      expect(await mapping(...wrong)).toMatchObject({ exit: 2 });
    }
  });

  it('keeps secrets in their store alone', async () => {
    const at = await story();
    await bind(at, 'ACME');
    const receiver = await realReceiver();
    await pointAt(at, receiver.url);
    const outputs = [
      await publish(at),
      await at.run(['tracker', 'status']),
      await at.run(['sync', 'status']),
    ];
    for (const { stdout, stderr } of outputs) expect(stdout + stderr).not.toContain(SECRET);
    const store = path.join(at.machine.home, 'tracker-credentials.json');
    expect(tracesOf(at.machine.dir, SECRET)).toEqual([store]);
    expect(tracesOf(path.dirname(receiver.file), SECRET)).toEqual([]);
  });
});

describe('what the earlier program kept', () => {
  it('is taken in when the tracker is bound', async () => {
    const at = await story();
    mkdirSync(path.join(at.machine.home, 'trackers'), { recursive: true });
    const file = path.join(at.machine.home, 'trackers', '286fb218b6e62844.db');
    const db = openDb(file, { clock: systemClock() });
    db.exec(`
      CREATE TABLE tracker_issues (identity TEXT PRIMARY KEY, system TEXT, workspace TEXT, issue_id TEXT,
        payload TEXT NOT NULL, updated_at TEXT);
      CREATE TABLE tracker_mappings (wp_id TEXT, system TEXT, workspace TEXT, external_id TEXT NOT NULL,
        external_key TEXT, external_url TEXT, created_at TEXT NOT NULL, updated_at TEXT NOT NULL);
      CREATE TABLE tracker_checkpoints (checkpoint_key TEXT PRIMARY KEY, cursor TEXT, updated_since TEXT);
      INSERT INTO tracker_issues VALUES ('jira:acme.atlassian.net:1001', 'jira', 'acme.atlassian.net', '1001',
        '{"ref":{"system":"jira","workspace":"acme.atlassian.net","id":"1001","key":"ACME-1","url":null},"title":"Old","raw":{"odd":12345678901234567890}}',
        '2026-03-01T00:00:00Z');
      INSERT INTO tracker_mappings VALUES ('WP01', 'jira', 'acme.atlassian.net', '1001', 'ACME-1', NULL,
        '2026-03-01T00:00:00+00:00', '2026-03-01T00:00:00+00:00');
      INSERT INTO tracker_checkpoints VALUES ('jira:acme.atlassian.net', 'theirs', '2026-03-01T00:00:00+00:00');`);
    db.close();
    writeFileSync(
      path.join(at.machine.home, 'credentials'),
      `[tracker.providers.jira]\nbase_url = "https://acme.atlassian.net"\nemail = "bot@acme.io"\napi_token = "${SECRET}"\nproject_key = "ACME"\n`,
      { mode: 0o600 },
    );
    const bound = await at.run(['tracker', 'bind', ...SITE, '--json']);
    expect(bound.json).toMatchObject({ taken_from: file, external_resource_id: 'ACME' });
    expect((await at.run(['tracker', 'status', '--json'])).json).toMatchObject({
      issue_count: 1,
      mapping_count: 1,
      updated_since: '2026-03-01T00:00:00+00:00',
      credentials_present: true,
    });
    const receiver = await realReceiver();
    await pointAt(at, receiver.url);
    expect(await publish(at)).toMatchObject({ exit: 0 });
    expect(storedAt(receiver)[0]?.payload).toMatchObject({
      external_resource_id: 'ACME',
      issues: [{ ref: { key: 'ACME-1' }, title: 'Old', status: 'todo', issue_type: 'task' }],
      mappings: [{ wp_id: 'WP01', external_id: '1001' }],
      checkpoint: { cursor: null, updated_since: '2026-03-01T00:00:00+00:00' },
    });
    const shown = await at.run(['tracker', 'issue', 'ACME-1']);
    expect(shown.stdout).toContain('"odd"');
  });
});
