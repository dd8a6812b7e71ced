import { spawn } from 'node:child_process';
import process from 'node:process';
import { describe, expect, it } from 'vitest';
import { openDb, systemClock } from '../../src/base/index.ts';
import { childScript } from '../support/child-script.ts';
import { createMachine, type Ended, type Machine } from '../support/command-line.ts';
import { realReceiver, type RealReceiver } from '../support/real-receiver.ts';
import { balancedBooks } from '../support/store-view.ts';
import { tracesOf } from '../support/traces.ts';
import { TRACKER_SECRET, TRACKERS, type LocalTracker } from '../support/tracker-servers.ts';

const ISSUES = 1_000;
const FLAG = { SPEC_KITTY_ENABLE_SAAS_SYNC: '1' };
const PROGRAM = "import { runProcess } from './src/cli/main.ts';\nawait runProcess();\n";

interface Story {
  readonly machine: Machine;
  readonly root: string;
  readonly tracker: LocalTracker;
  readonly run: (...line: readonly string[]) => Promise<Ended>;
  /** Runs a command in a process of its own and answers the signal that ended it. */
  readonly runApart: (
    line: readonly string[],
    options: { readonly script: string; readonly fault?: string },
  ) => { readonly kill: () => void; readonly ended: Promise<NodeJS.Signals | null> };
}

async function story(name: 'jira' | 'linear'): Promise<Story> {
  const machine = createMachine(FLAG);
  const root = await machine.project('repo');
  const tracker = await TRACKERS[name](ISSUES);
  const runApart: Story['runApart'] = (line, { script, fault }) => {
    const child = spawn(process.execPath, [script, ...line], {
      cwd: root,
      stdio: 'ignore',
      env: {
        ...FLAG,
        HOME: machine.dir,
        SPEC_KITTY_HOME: machine.home,
        PATH: process.env['PATH'],
        SPEC_KITTY_SYNC_ARTIFACTS: '0',
        ...(fault === undefined ? {} : { SPEC_KITTY_FAULT: fault }),
      },
    });
    return {
      kill: () => child.kill('SIGKILL'),
      ended: new Promise((resolve) => {
        child.on('exit', (_code, signal) => {
          resolve(signal);
        });
      }),
    };
  };
  const run: Story['run'] = (...line) => machine.run([...line, '--json'], { cwd: root });
  return { machine, root, tracker, run, runApart };
}

interface Stored {
  readonly resource_id: string;
  readonly issues: number;
  readonly titles: readonly string[];
}

function storedAt({ file }: RealReceiver): readonly Stored[] {
  const db = openDb(file, { clock: systemClock() });
  const rows = db.all<{ resource_id: string; issues: number; payload: Buffer }>(
    'SELECT resource_id, issues, payload FROM tracker_snapshots ORDER BY arrival',
  );
  db.close();
  return rows.map(({ payload, ...row }) => {
    const { issues } = JSON.parse(payload.toString()) as { issues: { title: string }[] };
    return { ...row, titles: issues.map(({ title }) => title) };
  });
}

const REBOUND = { jira: 'project_key=RIVER', linear: 'team_id=RIVER' };

describe.each(['jira', 'linear'] as const)('a thousand issues of %s', (name) => {
  it('are pulled through a kill, only changes travel, and each state reaches two receivers once', async () => {
    const { machine, root, tracker, run, runApart } = await story(name);
    const script = childScript(PROGRAM);
    const { args, input } = tracker.bind;
    await machine.run(['tracker', 'bind', ...args], { cwd: root, input });

    // Killed while the fifth page is under way, then again while the eighth one is.
    const pull = ['tracker', 'sync', 'pull', '--limit', '10000'];
    for (const page of [5, 8]) {
      const child = runApart(pull, { script });
      tracker.onPage = async (number) => {
        if (number !== page) return;
        child.kill();
        await child.ended;
      };
      expect(await child.ended).toBe('SIGKILL');
    }
    tracker.onPage = null;
    expect(await run(...pull)).toMatchObject({ exit: 0, json: { more: false, errors: [] } });
    // Two pages were under way in vain; nothing else was asked for twice.
    expect(tracker.sent.issues).toBe(ISSUES + 200);
    expect((await run('tracker', 'status')).json).toMatchObject({ issue_count: ISSUES });

    tracker.sent.issues = 0;
    for (const number of [10, 500, 900]) tracker.edit(number, `Edited ${number}`);
    expect(await run(...pull)).toMatchObject({
      exit: 0,
      json: { stats: { pulled_created: 0, pulled_updated: 3 } },
    });
    expect(tracker.sent.issues).toBeLessThanOrEqual(4);

    const receivers = [await realReceiver(), await realReceiver()];
    for (const { url } of receivers) {
      await run('sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', url);
    }
    const publish = ['tracker', 'sync', 'publish', '--all'];
    // Killed behind the answer of a receiver, before it was recorded.
    const killed = runApart(publish, { script, fault: 'batch.answer' });
    expect(await killed.ended).toBe('SIGKILL');
    expect(await run(...publish)).toMatchObject({ exit: 0, json: { ok: true, is_new: false } });
    const key = ['--credential', REBOUND[name]];
    const again = args.map((arg) => (/^(?:project_key|team_id)=/.test(arg) ? (key[1] ?? '') : arg));
    await machine.run(['tracker', 'bind', ...again], { cwd: root, input });
    expect(await run(...publish)).toMatchObject({ exit: 0, json: { ok: true, is_new: true } });

    for (const receiver of receivers) {
      const stored = storedAt(receiver);
      expect(stored.map((each) => [each.resource_id, each.issues])).toEqual([
        ['TIDE', ISSUES],
        ['RIVER', ISSUES],
      ]);
      expect(stored[0]?.titles).toEqual(
        expect.arrayContaining(['Edited 10', 'Edited 500', 'Task 1']),
      );
    }
    for (const books of await balancedBooks(machine, root, 'snapshots')) {
      expect(books).toMatchObject({ captured: 2, delivered: 2, queued: 0, parked: 0 });
    }
    expect(tracesOf(machine.dir, TRACKER_SECRET)).toEqual([
      `${machine.home}/tracker-credentials.json`,
    ]);
  }, 120_000);
});
