import { appendFileSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { EXAMPLE_FACTS, EXAMPLE_MISSIONS } from '../support/command-line.ts';
import { daemonTrial, runs, until, type DaemonTrial } from '../support/daemon-trial.ts';
import { realReceiver, type RealReceiver } from '../support/real-receiver.ts';

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
    const started = await trial.process(['daemon', 'start', '--json']);
    expect(started).toMatchObject({ code: 0, stderr: '' });
    const { pid } = JSON.parse(started.stdout) as { pid: number };
    expect(trial.owner()).toMatchObject({
      pid,
      environment: { SPEC_KITTY_HOME: trial.machine.home },
    });
    await until(async () => (await receiver.holdings()).length >= EXAMPLE_FACTS);

    const before = (await receiver.holdings()).length;
    const emit = ['emit', 'BuildHeartbeat', '--payload', '{"build_id":"ci-7"}'];
    expect((await trial.machine.run(emit, at)).exit).toBe(0);
    const took = await until(async () => (await receiver.holdings()).length > before);
    expect(took).toBeLessThan(2_000);

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
