import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { createSystem, openDb, systemClock, type Env } from '../../src/base/index.ts';
import { claimLease, identifyProgram } from '../../src/daemon/index.ts';
import { currentSyncTarget, openHome } from '../../src/home/index.ts';
import type { ProjectId } from '../../src/wire/index.ts';
import {
  ARTIFACTS,
  copyMissions,
  createMachine,
  EXAMPLE_MISSIONS,
  type Machine,
} from '../support/command-line.ts';
import { oldQueue } from '../support/old-home.ts';
import { realReceiver } from '../support/real-receiver.ts';
import { booksAt, openStoreOf, projectIdOf, storeFile } from '../support/store-view.ts';

const SETUP = ['agent', 'mission', 'setup-plan'];
const FINALIZE = ['agent', 'mission', 'finalize-tasks'];
const CLOCK = ['--mission', '001-tide-clock'];
const HOSTED: Env = { SPEC_KITTY_ENABLE_SAAS_SYNC: '1' };

interface Site {
  readonly machine: Machine;
  readonly root: string;
  readonly at: { readonly cwd: string };
}

async function site(env: Env = ARTIFACTS): Promise<Site> {
  const machine = createMachine(env);
  const root = await machine.project('repo', EXAMPLE_MISSIONS);
  return { machine, root, at: { cwd: root } };
}

function created({ machine, root }: Omit<Site, 'at'>): readonly Readonly<Record<string, string>>[] {
  return openStoreOf(machine, root).all<Readonly<Record<string, string>>>(
    `SELECT e.event_id, e.sha256, e.mission, p.payload FROM events e JOIN event_payloads p USING (seq)
     WHERE e.type = 'WPCreated' AND e.mission = '001-tide-clock' ORDER BY e.seq`,
  );
}

describe('setup-plan', () => {
  it('refuses loudly when the hosted side is demanded and nobody is logged in, even outside of a repository', async () => {
    const machine = createMachine(HOSTED);
    const refused = await machine.run([...SETUP, '--json']);
    expect(refused).toMatchObject({ exit: 2, stderr: '' });
    expect(refused.json).toEqual({
      error_code: 'SAAS_SYNC_UNAUTHENTICATED',
      error: 'SaaS sync cannot be guaranteed: no authenticated session/credentials found.',
      remediation: [
        'Run `spec-kitty auth login` or unset SPEC_KITTY_ENABLE_SAAS_SYNC before running setup-plan.',
      ],
    });
    const people = await machine.run(SETUP);
    expect(people.exit).toBe(2);
    expect(people.stdout).toContain('Error: SaaS sync cannot be guaranteed');
    expect(people.stdout).toContain('`spec-kitty auth login`');
    for (const value of ['true', '0', '']) {
      const env = { SPEC_KITTY_ENABLE_SAAS_SYNC: value };
      expect((await machine.run([...SETUP, '--json'], { env })).json).toMatchObject({
        error: { code: 'not_a_project' },
        exit_code: 1,
      });
    }
  });

  it('asks the boundary for a login at the server of the project, as one JSON value', async () => {
    const { machine, at } = await site(HOSTED);
    const login = ['auth', 'login', '--server', 'http://127.0.0.1:9', '--token-stdin'];
    expect((await machine.run(login, { input: 'secret' })).exit).toBe(0);
    const env = { SPEC_KITTY_SAAS_URL: 'http://127.0.0.1:9' };
    const known = await machine.run([...SETUP, ...CLOCK, '--json'], { ...at, env });
    expect(known.json).toMatchObject({ result: 'success' });
    await machine.run(['sync', 'server', 'http://127.0.0.1:9'], { cwd: machine.dir });
    await machine.run(['sync', 'server', 'https://kitty.example'], at);
    const refused = await machine.run([...SETUP, ...CLOCK, '--json'], at);
    expect(refused).toMatchObject({ exit: 2, stderr: '' });
    expect(refused.json).toMatchObject({
      error: { code: 'boundary_refused', message: expect.stringContaining('setup-plan') as string },
      preflight: { auth_required: true, auth_present: false },
    });
    await machine.run(['sync', 'mode', 'LOCAL_RETENTION'], at);
    expect((await machine.run([...SETUP, ...CLOCK], at)).exit).toBe(0);
  });

  it('writes a missing plan from the template, and never over one', async () => {
    const { machine, root, at } = await site();
    const mission = path.join(root, 'kitty-specs', '003-buoys');
    mkdirSync(mission);
    writeFileSync(
      path.join(mission, 'meta.json'),
      '{"friendly_name":"Buoys","target_branch":"dev"}',
    );
    const argv = [...SETUP, '--mission', '003-buoys', '--json'];
    expect((await machine.run(argv, at)).json).toMatchObject({
      result: 'blocked',
      phase_complete: false,
      blocked_reason: 'spec.md is missing',
    });
    expect(existsSync(path.join(mission, 'plan.md'))).toBe(false);
    writeFileSync(path.join(mission, 'spec.md'), '# Buoys\n');
    const { exit, json, stderr } = await machine.run(argv, at);
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    const plan = path.join(mission, 'plan.md');
    expect(json).toEqual({
      result: 'success',
      phase_complete: false,
      mission_slug: '003-buoys',
      plan_file: plan,
      mission_dir: mission,
      feature_dir: mission,
      spec_file: path.join(mission, 'spec.md'),
      plan_substantive: false,
    });
    const template = readFileSync(plan, 'utf8');
    expect(template).toMatch(
      /^# Implementation plan: Buoys\n\n\*\*Branch\*\*: `dev` \| \*\*Date\*\*: \d{4}-/,
    );
    const store = openStoreOf(machine, root);
    const indexed = (): readonly unknown[] =>
      store.all(
        `SELECT artifact_path FROM uploads WHERE mission_slug = '003-buoys' ORDER BY artifact_path`,
      );
    expect(indexed()).toEqual([{ artifact_path: 'plan.md' }, { artifact_path: 'spec.md' }]);
    writeFileSync(plan, `${template}\nAnchors first.\n`);
    expect((await machine.run(argv, { cwd: mission })).json).toMatchObject({
      phase_complete: true,
      plan_substantive: true,
    });
    expect(readFileSync(plan, 'utf8')).toBe(`${template}\nAnchors first.\n`);
    expect(indexed()).toHaveLength(3);
  });

  it('leaves a link that stands for a plan alone', async () => {
    const { machine, root, at } = await site();
    const mission = path.join(root, 'kitty-specs', '003-buoys');
    mkdirSync(mission);
    writeFileSync(path.join(mission, 'spec.md'), '# Buoys\n');
    symlinkSync(path.join(root, 'elsewhere.md'), path.join(mission, 'plan.md'));
    const ended = await machine.run([...SETUP, '--mission', '003-buoys', '--json'], at);
    expect(ended).toMatchObject({ exit: 1, json: { result: 'blocked' } });
    expect(existsSync(path.join(root, 'elsewhere.md'))).toBe(false);
  });

  it('works where nothing can be recorded, and says so beside the result', async () => {
    const { machine, root, at } = await site();
    const locked = openDb(storeFile(machine, root), { clock: systemClock() });
    locked.exec('BEGIN IMMEDIATE');
    const began = performance.now();
    const ended = await machine.run([...SETUP, ...CLOCK, '--json'], at);
    const took = performance.now() - began;
    const finalized = await machine.run([...FINALIZE, ...CLOCK], at);
    locked.close();
    expect(ended).toMatchObject({ exit: 0, stderr: '', json: { result: 'success' } });
    expect(JSON.stringify(ended.json['diagnostics'])).toContain('not prepared for sync');
    expect(took).toBeLessThan(2_000);
    expect(finalized).toMatchObject({ exit: 0 });
    expect(finalized.stdout).toBe('✓ 2 work package(s) of 001-tide-clock recorded\n');
    expect(finalized.stderr).toContain('Not synced: the mission was not prepared for sync');
    expect(created({ machine, root })).toEqual([]);
    await machine.run(['sync', 'import'], at);
    expect(created({ machine, root })).toHaveLength(2);
  });
});

describe('finalize-tasks', () => {
  it('records each work package once, for everybody the same bytes, and delivers them', async () => {
    const here = await site();
    const { machine, root, at } = here;
    const first = await machine.run([...FINALIZE, ...CLOCK, '--json'], at);
    expect(first).toMatchObject({ exit: 0, stderr: '' });
    expect(first.json).toMatchObject({
      result: 'success',
      mission_slug: '001-tide-clock',
      work_packages: [
        { wp_id: 'WP01', dependencies: [], file: 'tasks/WP01-predict-turns.md' },
        { wp_id: 'WP02', title: 'Show the turns on the quay', dependencies: ['WP01'] },
      ],
      errors: [],
    });
    const facts = created(here);
    expect(facts.map(({ mission }) => mission)).toEqual(['001-tide-clock', '001-tide-clock']);
    expect(JSON.parse(String(facts[1]?.['payload']))).toMatchObject({
      aggregate_id: 'WP02',
      timestamp: '2026-09-01T08:00:00.123456+00:00',
      payload: { wp_id: 'WP02', mission_slug: '001-tide-clock', depends_on: ['WP01'] },
    });
    const count = (): unknown => openStoreOf(machine, root).get('SELECT count(*) AS n FROM events');
    const before = count();
    await machine.run([...FINALIZE, ...CLOCK], at);
    expect(count()).toEqual(before);

    const other = createMachine(ARTIFACTS);
    const clone = other.repository('clone', {
      '.kittify/config.yaml': readFileSync(path.join(root, '.kittify', 'config.yaml'), 'utf8'),
    });
    copyMissions(EXAMPLE_MISSIONS, clone);
    await other.run([...FINALIZE, ...CLOCK], { cwd: clone });
    expect(created({ machine: other, root: clone })).toEqual(facts);

    const receiver = await realReceiver();
    await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', receiver.url], at);
    expect((await machine.run(['sync', 'now'], at)).stdout).toContain('All delivered.');
    const held = await receiver.holdings();
    expect(facts.every((each) => held.includes(`${each['event_id']} ${each['sha256']}`))).toBe(
      true,
    );
    expect(await booksAt(machine, root, receiver.url)).toMatchObject({ balanced: true, queued: 0 });
  });

  it('says which files are unsound, records the others, and only judges when told to', async () => {
    const here = await site();
    const { machine, root, at } = here;
    const tasks = path.join(root, 'kitty-specs', '001-tide-clock', 'tasks');
    writeFileSync(path.join(tasks, 'WP03-none.md'), '# no front matter\n');
    writeFileSync(path.join(tasks, 'WP04-list.md'), '---\n- a\n---\n');
    writeFileSync(path.join(tasks, 'WP05-yaml.md'), '---\na: [\n---\n');
    writeFileSync(path.join(tasks, 'WP06-id.md'), '---\nwork_package_id: six\ntitle: x\n---\n');
    writeFileSync(
      path.join(tasks, 'WP07-needs.md'),
      '---\nwork_package_id: WP07\ntitle: x\ndependencies: [WP99]\n---\n',
    );
    writeFileSync(path.join(tasks, 'WP08-twice.md'), '---\nwork_package_id: WP01\ntitle: x\n---\n');
    writeFileSync(
      path.join(tasks, 'WP09-alias.md'),
      '\ufeff---\r\nwork_package_id: WP09\r\ntitle: " CR "\r\n---\r\nx',
    );
    const judged = await machine.run([...FINALIZE, ...CLOCK, '--validate-only', '--json'], at);
    expect(judged).toMatchObject({ exit: 1, json: { result: 'blocked', validate_only: true } });
    expect(created(here)).toEqual([]);
    const ended = await machine.run([...FINALIZE, ...CLOCK, '--json'], at);
    const errors = ended.json['errors'] as readonly { file: string; reason: string }[];
    expect(errors.map(({ file }) => /WP0\d/.exec(file)?.[0])).toEqual([
      ...['WP03', 'WP04', 'WP05', 'WP06', 'WP08', 'WP07'],
    ]);
    expect(created(here)).toHaveLength(3);
    const empty = await machine.run([...FINALIZE, '--mission', '003-x', '--json'], at);
    expect(empty.json).toMatchObject({ error: { code: 'mission_unknown' }, exit_code: 1 });
  });

  it('is refused by a boundary that disagrees, in the shape of the contract, and not in a mode that sends nothing', async () => {
    const { machine, at } = await site();
    const receiver = await realReceiver();
    await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', receiver.url], at);
    const system = createSystem({ HOME: machine.dir, SPEC_KITTY_HOME: machine.home }, machine.dir);
    const home = openHome(system);
    const authority = await currentSyncTarget(home, { processWideOverride: true });
    claimLease(home, { ...identifyProgram(home, authority), packageVersion: '0.0.1' }, {});
    home.close();
    const refused = await machine.run([...FINALIZE, ...CLOCK, '--json'], at);
    expect(refused).toMatchObject({ exit: 2, stderr: '' });
    expect(refused.json).toMatchObject({
      error: 'Boundary preflight refused finalize-tasks.',
      preflight: { ok: false, mismatches: [{ field: 'daemon_package_version' }] },
    });
    const people = await machine.run([...FINALIZE, ...CLOCK], at);
    expect(people.stdout).toContain('Refusing `spec-kitty agent mission finalize-tasks`.');
    expect((await machine.run([...SETUP, ...CLOCK], at)).exit).toBe(0);
    await machine.run(['sync', 'mode', 'LOCAL_RETENTION'], at);
    expect((await machine.run([...FINALIZE, ...CLOCK], at)).exit).toBe(0);
  });
});

it.each(['LOCAL_RETENTION', 'OPT_OUT'])(
  'in the mode %s nobody who works alone is refused or told anything: logged out, beside 10,000 rows of an old queue',
  async (mode) => {
    const { machine, root, at } = await site();
    const queue = oldQueue(path.join(machine.home, 'queue.db'));
    const numbers = Array.from({ length: 10_000 }, (_, n) => n + 1);
    queue.addEvents(numbers, { projectId: projectIdOf(root) as ProjectId });
    queue.close();
    await machine.run(['sync', 'mode', mode], at);
    for (const argv of [
      [...SETUP, ...CLOCK],
      [...FINALIZE, ...CLOCK],
      ['emit', 'BuildHeartbeat', '--payload', '{"build_id":"1"}'],
      ['sync', 'import'],
      ['sync', 'now'],
    ]) {
      expect([argv, await machine.run(argv, at)]).toMatchObject([argv, { exit: 0, stderr: '' }]);
    }
  },
);

it('chooses the mission by its directory or because it is the only one, and asks for a name otherwise', async () => {
  const { machine, root, at } = await site();
  const several = await machine.run([...SETUP, '--json'], at);
  expect(several.json).toMatchObject({
    error: {
      code: 'mission_unknown',
      message: expect.stringContaining('001-tide-clock, 002-harbour-notices') as string,
    },
    exit_code: 1,
  });
  const inside = { cwd: path.join(root, 'kitty-specs', '002-harbour-notices', 'tasks') };
  expect((await machine.run([...SETUP, '--json'], inside)).json).toMatchObject({
    mission_slug: '002-harbour-notices',
  });
  const none = machine.repository('bare', { '.kittify/config.yaml': 'project: {}\n' });
  expect((await machine.run([...SETUP, '--json'], { cwd: none })).json).toMatchObject({
    error: { message: 'this project has no missions' },
  });
  const only = path.join(none, 'kitty-specs', '001-only');
  mkdirSync(only, { recursive: true });
  writeFileSync(path.join(only, 'spec.md'), '# Only\n');
  const ended = await machine.run([...SETUP, '--json'], { cwd: none });
  expect(ended.json).toMatchObject({ result: 'success', mission_slug: '001-only' });
  expect(JSON.stringify(ended.json['diagnostics'])).toContain('does not say which project');
});

it('leaves nothing anywhere but in the project’s store', async () => {
  const { machine, root, at } = await site();
  await machine.run([...FINALIZE, ...CLOCK], at);
  const id = projectIdOf(root);
  const files = readdirSync(machine.home, { recursive: true, encoding: 'utf8' }).sort();
  const plain = files.filter((name) => !/-(?:wal|shm)$/.test(name));
  expect(plain.filter((name) => !/^(?:ballast|log.*|machine\.db)$/.test(name))).toEqual([
    'projects',
    path.join('projects', `${id}.db`),
  ]);
});
