import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { createSystem, type System } from '../../src/base/index.ts';
import { startLocal } from '../../src/cli/local-receiver/starting.ts';
import { claimLease, identifyProgram } from '../../src/daemon/index.ts';
import { currentSyncTarget, openHome } from '../../src/home/index.ts';
import {
  ARTIFACTS,
  copyMissions,
  createMachine,
  EXAMPLE_FACTS,
  EXAMPLE_MISSIONS,
  type CommandOptions,
  type Ended,
  type Machine,
} from '../support/command-line.ts';
import { runs, until } from '../support/daemon-trial.ts';
import { asProgram, endLocalReceiver } from '../support/program.ts';
import { realReceiver } from '../support/real-receiver.ts';
import { idsOf, recordingServer } from '../support/recording-server.ts';
import { booksAt, openStoreOf } from '../support/store-view.ts';

const LOCAL = ['up', '--yes', '--receiver', 'local'];

interface Site {
  readonly machine: Machine;
  readonly root: string;
  readonly at: CommandOptions & { readonly cwd: string };
}

/** A clone that nobody did anything with. */
function clone(system?: Partial<System>): Site {
  const machine = createMachine(ARTIFACTS);
  const root = machine.repository('repo');
  copyMissions(EXAMPLE_MISSIONS, root);
  return { machine, root, at: { cwd: root, ...(system === undefined ? {} : { system }) } };
}

interface Up {
  readonly steps: readonly { readonly step: string; readonly state: string }[];
  readonly receiver: { readonly url: string; readonly pid: number; readonly started: boolean };
  readonly verification: Readonly<Record<string, unknown>>;
}

function upOf({ json }: Ended): Up {
  return json as unknown as Up;
}

function states(ended: Ended): string {
  return upOf(ended)
    .steps.map(({ step, state }) => `${step} ${state}`)
    .join(', ');
}

/** A person who answers one question after the other. */
function inTurn(...answers: readonly string[]): () => string {
  const left = [...answers];
  return () => left.shift() ?? '';
}

describe('a clone and a receiver of this home', () => {
  it('ends with everything delivered and shown, runs again with nothing to do, stops and comes back', async () => {
    const { machine, root, at } = clone(asProgram());
    const pids: number[] = [];
    endLocalReceiver(machine, pids);
    const first = await machine.run([...LOCAL, '--json'], at);
    const { receiver, verification } = upOf(first);
    pids.push(receiver.pid);
    expect(first).toMatchObject({ exit: 0, stderr: '' });
    expect(first.json).toMatchObject({
      ...{ stuck_at: null, next_step: null, verified: true },
      delivery: { all_delivered: true, exit_code: 0 },
    });
    expect(states(first)).toBe(
      'identity done, target done, consent done, login ok, delivery done, verification done',
    );
    const events = (await booksAt(machine, root, receiver.url)).delivered;
    const bodies = (await booksAt(machine, root, receiver.url, 'bodies')).delivered;
    expect(events).toBeGreaterThan(EXAMPLE_FACTS);
    expect(bodies).toBeGreaterThan(3);
    expect(verification).toEqual({
      ...{ balanced: true, all_held: true },
      delivered: { events, bodies },
      held: { events, bodies },
    });
    expect(runs(receiver.pid)).toBe(true);

    const again = await machine.run([...LOCAL, '--json'], at);
    expect(upOf(again).receiver).toMatchObject({ ...receiver, started: false });
    expect(states(again)).toBe(
      'identity ok, target ok, consent ok, login ok, delivery done, verification done',
    );
    expect(again.json).toMatchObject({ verified: true, delivery: { selected: 0 } });

    const people = await machine.run(['up'], at);
    expect(people.exit).toBe(0);
    expect(people.stdout.split('\n').at(-2)).toBe(
      `✓ verification  ${events} event(s) and ${bodies} text(s) delivered: ${receiver.url} lists them all, and the books balance`,
    );
    expect(people.stdout).toContain('`spec-kitty receiver stop` ends it');

    const stopped = await machine.run(['receiver', 'stop', '--json'], at);
    expect(stopped).toMatchObject({ exit: 0, json: { stopped: true, pid: receiver.pid } });
    await until(() => !runs(receiver.pid));
    expect((await machine.run(['receiver', 'stop'], at)).stdout).toContain('No receiver');
    const back = await machine.run(['up', '--json'], at);
    pids.push(upOf(back).receiver.pid);
    expect(back.json).toMatchObject({
      ...{ verified: true, delivery: { selected: 0 } },
      receiver: { url: receiver.url, started: true },
    });
    const store = openStoreOf(machine, root);
    expect(store.all('SELECT DISTINCT canonical_url FROM targets')).toHaveLength(1);
  });

  it('asks a person who names nothing where to, and whether that is permitted, and nothing else', async () => {
    const { machine, at } = clone(asProgram());
    const pids: number[] = [];
    endLocalReceiver(machine, pids);
    const ended = await machine.run(['up', '--json'], { ...at, answer: inTurn('', 'yes') });
    pids.push(upOf(ended).receiver.pid);
    expect(ended.json).toMatchObject({ verified: true, receiver: { started: true } });
    expect(ended.stderr).toMatch(
      /^Where shall this project be sent\? .*: 0 retained event\(s\) and 21 new line\(s\) of repo would go to a receiver on this machine\. Permit it for this checkout\? \[y\/N\] $/,
    );
    const odd = clone();
    const wrong = await odd.machine.run(['up', '--json'], {
      ...odd.at,
      answer: inTurn('ftp://x'),
    });
    expect(wrong.json).toMatchObject({ stuck_at: 'target', code: 'invalid_url' });
  });

  it('two commands at once start one', async () => {
    const machine = createMachine();
    const pids: number[] = [];
    endLocalReceiver(machine, pids);
    const system = {
      ...createSystem({ HOME: machine.dir, SPEC_KITTY_HOME: machine.home }, machine.dir),
      ...asProgram(),
    };
    const [one, other] = [openHome(system), openHome(system)];
    const started = await Promise.all([startLocal(one), startLocal(other)]);
    one.close();
    other.close();
    pids.push(...started.map(({ receiver }) => receiver.pid));
    expect(new Set(pids).size).toBe(1);
    expect(started.filter(({ isNew }) => isNew)).toHaveLength(1);
  });

  it('says what is the matter when none can be started', async () => {
    const { machine, at } = clone();
    const { json, exit } = await machine.run([...LOCAL, '--json'], at);
    expect(exit).toBe(1);
    expect(json).toMatchObject({ stuck_at: 'target', code: 'address_unavailable' });
    expect(existsSync(path.join(machine.home, 'receiver', 'ready.json'))).toBe(false);
  });
});

/** Stuck there, and the printed command leads further. */
async function stuck(
  { machine, at }: Site,
  argv: readonly string[],
  expected: { readonly step: string; readonly code: string; readonly exit: number },
): Promise<string> {
  const ended = await machine.run([...argv, '--json'], at);
  const { step, code, exit } = expected;
  expect(ended.json).toMatchObject({ stuck_at: step, code, exit_code: exit, verified: false });
  expect(ended.exit).toBe(exit);
  const next = String(ended.json['next_step']);
  const people = await machine.run(argv, at);
  expect(people.stdout).toContain(`Next: \`${next}\``);
  return next;
}

describe('each gate that is closed is named, with the command that opens it', () => {
  it('identity: no repository at all', async () => {
    const machine = createMachine();
    const site = { machine, root: machine.dir, at: { cwd: machine.dir } };
    const expected = { step: 'identity', code: 'not_a_project', exit: 1 };
    expect(await stuck(site, ['up'], expected)).toBe('spec-kitty init');
    await machine.run(['init'], site.at);
    await stuck(site, ['up'], { step: 'target', code: 'target_unresolved', exit: 5 });
  });

  it('target: none named, or a mode that sends nothing', async () => {
    const site = clone(asProgram());
    const pids: number[] = [];
    endLocalReceiver(site.machine, pids);
    const none = { step: 'target', code: 'target_unresolved', exit: 5 };
    expect(await stuck(site, ['up', '--yes'], none)).toBe('spec-kitty up --yes --receiver local');
    await site.machine.run(['sync', 'mode', 'LOCAL_RETENTION'], site.at);
    const silent = { step: 'target', code: 'mode_unavailable', exit: 1 };
    const next = await stuck(site, ['up', '--yes'], silent);
    const done = await site.machine.run([...next.split(' ').slice(1), '--json'], site.at);
    pids.push(upOf(done).receiver.pid);
    expect(done.json).toMatchObject({ verified: true });
  });

  it('consent: nobody said yes', async () => {
    const site = clone();
    const receiver = await realReceiver();
    const expected = { step: 'consent', code: 'no_grant', exit: 1 };
    const next = await stuck(site, ['up', '--receiver', receiver.url], expected);
    expect(next).toBe(`spec-kitty up --yes --receiver ${receiver.url}`);
    expect(await receiver.holdings()).toEqual([]);
    const refused = await site.machine.run(['up', '--receiver', receiver.url], {
      ...site.at,
      answer: 'n',
    });
    expect(refused.exit).toBe(1);
    const asked = await site.machine.run(['up', '--receiver', receiver.url], {
      ...site.at,
      answer: 'y',
    });
    expect(asked.stderr.match(/\?/g)).toHaveLength(1);
    expect(asked.exit).toBe(0);
    expect((await receiver.holdings()).length).toBeGreaterThan(EXAMPLE_FACTS);
  });

  it('login: the hosted side is off, then nobody is logged in', async () => {
    const site = clone();
    await site.machine.run(['init'], site.at);
    await site.machine.run(['sync', 'server', 'https://kitty.example'], site.at);
    const off = { step: 'login', code: 'saas_disabled', exit: 1 };
    const next = await stuck(site, ['up', '--yes'], off);
    expect(next).toBe('export SPEC_KITTY_ENABLE_SAAS_SYNC=1');
    const on = { ...site, at: { ...site.at, env: { SPEC_KITTY_ENABLE_SAAS_SYNC: '1' } } };
    const out = { step: 'login', code: 'missing_auth', exit: 4 };
    expect(await stuck(on, ['up', '--yes'], out)).toContain('spec-kitty auth login');
  });

  it('delivery: the boundary refuses, or nobody is there', async () => {
    const site = clone();
    const { machine } = site;
    const receiver = await realReceiver();
    const system = createSystem({ HOME: machine.dir, SPEC_KITTY_HOME: machine.home }, machine.dir);
    const home = openHome(system);
    const authority = await currentSyncTarget(home, { processWideOverride: true });
    claimLease(home, { ...identifyProgram(home, authority), packageVersion: '0.0.1' }, {});
    const refused = { step: 'delivery', code: 'boundary_refused', exit: 2 };
    expect(await stuck(site, ['up', '--yes', '--receiver', receiver.url], refused)).toMatch(
      /^spec-kitty /,
    );
    home.machine().run('DELETE FROM daemon');
    home.close();
    await receiver.stop();
    const gone = { step: 'delivery', code: 'not_delivered', exit: 1 };
    expect(await stuck(site, ['up', '--yes'], gone)).toBe('spec-kitty sync status --check');
  });

  it('verification: a receiver that took everything and lists nothing of it', async () => {
    const site = clone();
    const server = await recordingServer((request) => {
      if (request.method === 'GET') return { status: 200, body: '{"items":[],"next_cursor":null}' };
      const results = idsOf(request.body).map((id) => ({ event_id: id, status: 'success' }));
      return { status: 200, body: JSON.stringify({ results }) };
    });
    const expected = { step: 'verification', code: 'not_verified', exit: 1 };
    const argv = ['up', '--yes', '--receiver', server.url];
    expect(await stuck(site, argv, expected)).toBe('spec-kitty sync status --check');
  });
});

it('a receiver that lists nothing is believed by its answers, and not called verified', async () => {
  const { machine, at } = clone();
  const file = path.join(machine.dir, 'facts.ndjson');
  const ended = await machine.run(['up', '--yes', '--receiver', `stub:${file}`, '--json'], at);
  expect(ended).toMatchObject({
    exit: 0,
    json: { verified: false, verification: { balanced: true, held: null, all_held: null } },
  });
  const corrupt = path.join(at.cwd, '.kittify', 'config.yaml');
  writeFileSync(corrupt, 'project:\n  uuid: nothing\n');
  expect((await machine.run(['up', '--json'], at)).json).toMatchObject({
    stuck_at: 'identity',
    code: 'identity_corrupt',
  });
});
