import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import { openDb, sha256Hex, systemClock } from '../../src/base/index.ts';
import { ARTIFACTS, EXAMPLE_FACTS, EXAMPLE_MISSIONS, type Ended } from '../support/command-line.ts';
import { daemonTrial, runs, until, type DaemonTrial } from '../support/daemon-trial.ts';
import { realReceiver, type RealReceiver } from '../support/real-receiver.ts';
import { projectIdOf } from '../support/store-view.ts';

interface Site {
  readonly trial: DaemonTrial;
  readonly root: string;
  readonly at: { readonly cwd: string };
  readonly receiver: RealReceiver;
}

async function site(): Promise<Site> {
  const trial = daemonTrial();
  const root = await trial.machine.project('repo', EXAMPLE_MISSIONS);
  const at = { cwd: root };
  const receiver = await realReceiver();
  const argv = ['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', receiver.url];
  expect((await trial.machine.run(argv, at)).exit).toBe(0);
  return { trial, root, at, receiver };
}

describe('a daemon that was started', () => {
  it('takes in what lies there, sends it, and sends what is captured within a second', async () => {
    const { trial, receiver, at, root } = await site();
    // Of the shell that starts it nothing stays: neither where it stands nor what it says.
    const env = { SPEC_KITTY_SAAS_URL: 'https://elsewhere.example', HARBOUR_KEY: 'secret' };
    const started = await trial.process(['daemon', 'start', '--json'], { env, cwd: root });
    expect(started).toMatchObject({ code: 0, stderr: '' });
    const { pid } = JSON.parse(started.stdout) as { pid: number };
    expect(trial.owner()).toMatchObject({
      pid,
      serverUrl: null,
      environment: { SPEC_KITTY_HOME: trial.machine.home },
    });
    expect(readlinkSync(`/proc/${pid}/cwd`)).toBe(trial.machine.home);
    expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).not.toMatch(/SAAS_URL|HARBOUR_KEY/);
    await until(async () => (await receiver.holdings()).length >= EXAMPLE_FACTS);

    const emit = ['emit', 'BuildHeartbeat', '--payload', '{"build_id":"ci-7"}'];
    const waits: number[] = [];
    for (let capture = 0; capture < 3; capture += 1) {
      const before = (await receiver.holdings()).length;
      expect((await trial.machine.run(emit, at)).exit).toBe(0);
      waits.push(await until(async () => (await receiver.holdings()).length > before));
    }
    // The best of them: a machine with other work to do may be late, the daemon may not.
    expect(Math.min(...waits)).toBeLessThan(1_000);

    const log = path.join(root, 'kitty-specs', '001-tide-clock', 'status.events.jsonl');
    const line = readFileSync(log, 'utf8').trim().split('\n')[0] ?? '';
    const id = '01M1E6PKC46CQ643DZVMXXQKZZ';
    appendFileSync(log, `${line.replace(/"event_id": ?"[^"]+"/, `"event_id":"${id}"`)}\n`);
    await until(async () => (await receiver.holdings()).some((held) => held.startsWith(id)));

    const status = await trial.process(['daemon', 'status', '--json']);
    expect(JSON.parse(status.stdout)).toMatchObject({ status: 'present', pid });
    const stopped = await trial.process(['daemon', 'stop']);
    expect(stopped.stdout).toBe(`The daemon (process ${pid}) has ended.\n`);
    await until(() => !runs(pid));
    expect(trial.owner()).toBeNull();
    const logs = await trial.process(['daemon', 'logs', '--json']);
    expect(logs.stdout).toContain('daemon.ended');
  });
});

describe('a day in a repository', () => {
  it('the receiver has in the evening what lies there, though it was away twice', {
    timeout: 90_000,
  }, async () => {
    const trial = daemonTrial();
    const { machine } = trial;
    const root = await machine.project('repo', EXAMPLE_MISSIONS);
    const at = { cwd: root };
    let receiver = await realReceiver();
    const { file } = receiver;
    const port = Number(new URL(receiver.url).port);
    await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', receiver.url], at);
    expect((await machine.run(['sync', 'now'], { ...at, env: ARTIFACTS })).exit).toBe(0);
    await trial.process(['daemon', 'start']);

    const mission = path.join(root, 'kitty-specs', '001-tide-clock');
    const log = path.join(mission, 'status.events.jsonl');
    const [line = ''] = readFileSync(log, 'utf8').split('\n');
    const written: string[] = [];
    mkdirSync(path.join(mission, 'research'), { recursive: true });
    for (let hour = 0; hour < HOURS; hour += 1) {
      const id = `01M1E6PKC46CQ643DZVMXXQ${String(hour).padStart(3, '0')}`;
      written.push(id);
      appendFileSync(log, `${line.replace(/"event_id": ?"[^"]+"/, `"event_id":"${id}"`)}\n`);
      writeFileSync(path.join(mission, 'spec.md'), `# Spec\n\nAs of hour ${hour}.\n`);
      writeFileSync(path.join(mission, 'research', `note-${hour % 3}.md`), `# Note ${hour}\n`);
      if (hour % 6 === 2) await receiver.stop();
      if (hour % 6 === 5) receiver = await realReceiver({ file, port });
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    await until(async () => {
      const held = await receiver.holdings();
      return written.every((id) => held.some((each) => each.startsWith(id)));
    }, 40_000);
    const check = ['sync', 'status', '--check'];
    await until(async () => (await trial.process(check, at)).code === 0, 30_000);
    const tree = treeOf(path.join(root, 'kitty-specs'));
    const argv = ['receiver', 'artifacts', projectIdOf(root), '--db', file, '--json'];
    await until(async () => isDeepStrictEqual(indexOf(await machine.run(argv)), tree), 30_000);
    const texts = new Set(textsOf(file));
    const evening = Object.keys(tree).filter((name) => name.endsWith('.md'));
    expect(evening).toContain('001-tide-clock/research/note-2.md');
    for (const name of evening) {
      expect(texts).toContain(readFileSync(path.join(root, 'kitty-specs', name), 'utf8'));
    }
    expect((await trial.process(check, at)).code).toBe(0);
  });
});

const HOURS = 12;

/** The hash of every file below a directory, by its path there. */
function treeOf(dir: string): Readonly<Record<string, string>> {
  const files = readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(path.join(dir, name)).isFile())
    .map((name) => [name, sha256Hex(readFileSync(path.join(dir, name)))] as const);
  return Object.fromEntries(files);
}

/** What a receiver says is there now, in the same form. */
function indexOf({ json }: Ended): Readonly<Record<string, string>> {
  const { namespaces } = json as { readonly namespaces: readonly Namespace[] };
  const files = namespaces.flatMap(({ mission_slug: mission, artifacts }) =>
    artifacts.map((each) => [`${mission}/${each.path}`, each.content_hash] as const),
  );
  return Object.fromEntries(files);
}

interface Namespace {
  readonly mission_slug: string;
  readonly artifacts: readonly { readonly path: string; readonly content_hash: string }[];
}

/** Every text a receiver's store holds. */
function textsOf(file: string): readonly string[] {
  const db = openDb(file, { clock: systemClock(), readonly: true });
  try {
    const rows = db.all<{ content: Uint8Array }>('SELECT content FROM bodies');
    return rows.map(({ content }) => Buffer.from(content).toString());
  } finally {
    db.close();
  }
}
