import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { onTestFinished } from 'vitest';
import { systemClock } from '../../src/base/index.ts';
import { runs, until } from './daemon-trial.ts';

/** A number that no process has. */
export const NEVER_A_PID = 4_194_305;
/** What the Python daemon's command line holds. */
export const PYTHON = 'run_sync_daemon';

/** A process whose command line holds `words`, with this home in its environment; it is gone with the test. */
export async function stranger(
  words: readonly string[],
  home: string,
  script = 'setInterval(() => {}, 1000)',
): Promise<ChildProcess & { readonly pid: number }> {
  const child = spawn(process.execPath, ['-e', script, ...words], {
    stdio: 'ignore',
    env: { SPEC_KITTY_HOME: home },
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  await until(() => child.pid !== undefined && runs(child.pid));
  return Object.assign(child, { pid: child.pid ?? 0 });
}

/** The owner record of the earlier program, of this moment and of a process that is gone unless told otherwise. */
export function ownerRecord(home: string, change: Readonly<Record<string, unknown>> = {}): string {
  const file = path.join(home, 'sync', 'daemon', 'owner.json');
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(
    file,
    JSON.stringify({
      pid: NEVER_A_PID,
      port: 9400,
      token: 'f00d',
      package_version: '3.2.5',
      executable_path: process.execPath,
      source_checkout_path: '/srv/kitty',
      server_url: 'https://kitty.example',
      auth_scope: 'https://kitty.example|a|t',
      queue_db_path: path.join(home, 'queues', 'queue-0123456789abcdef.db'),
      started_at: new Date(systemClock().now()).toISOString(),
      ...change,
    }),
  );
  return file;
}
