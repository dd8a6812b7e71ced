// Plays seeded histories on all processors, another part of the seeds on each. The first seed is printed; given
// again as SIM_SEED it plays the same histories. Usage: npm run sim   (SIM_HISTORIES=5000 SIM_SEED=…)
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import os from 'node:os';
import process from 'node:process';
import { ROOT } from './fingerprint.mjs';

const HISTORIES = Number(process.env.SIM_HISTORIES ?? 5_000);
/** Another one on every run. */
const SEED = Number(process.env.SIM_SEED ?? randomInt(2 ** 31));
/** Fewer would not pass every fault point, which each part checks. */
const LEAST_A_PART = 1_000;

const parts = Math.max(
  1,
  Math.min(os.availableParallelism(), Math.floor(HISTORIES / LEAST_A_PART)),
);
const each = Math.ceil(HISTORIES / parts);
console.log(`simulator: ${HISTORIES} histories in ${parts} parts, SIM_SEED=${SEED}`);
const codes = await Promise.all(
  Array.from({ length: parts }, (_, part) =>
    play(SEED + part * each, Math.min(each, HISTORIES - part * each)),
  ),
);
process.exitCode = codes.every((code) => code === 0) ? 0 : 1;

function play(seed, histories) {
  const runner = ['node_modules/vitest/vitest.mjs', 'run', 'test/sim/sim.test.ts'];
  const child = spawn(process.execPath, runner, {
    cwd: ROOT,
    stdio: 'inherit',
    env: { ...process.env, SIM_SEED: String(seed), SIM_HISTORIES: String(histories) },
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
}
