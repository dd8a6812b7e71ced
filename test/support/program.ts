import { rmSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { onTestFinished } from 'vitest';
import type { System } from '../../src/base/index.ts';
import type { Machine } from './command-line.ts';
import { childScript } from './child-script.ts';
import { runs, until } from './daemon-trial.ts';

const PROGRAM = "import { runProcess } from './src/cli/main.ts';\nawait runProcess();\n";

/** Lets commands that run in this process start others of the same program. */
export function asProgram(): Pick<System, 'program'> {
  const script = childScript(PROGRAM);
  return { program: { version: 'unreleased', executable: process.execPath, script } };
}

/** Ends with the test whatever receiver of this home was started in it. */
export function endLocalReceiver(machine: Machine, pids: readonly number[]): void {
  onTestFinished(async () => {
    rmSync(path.join(machine.home, 'receiver', 'ready.json'), { force: true });
    await until(() => !pids.some(runs));
  });
}
