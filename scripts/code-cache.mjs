// What a build does so that later starts need not compile.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const WARM_UP = path.join(path.dirname(fileURLToPath(import.meta.url)), 'warm-up.cjs');

/** The command people run most, for the cache and for the measurement. */
export const TYPICAL_EMIT = [
  'emit',
  'WPStatusChanged',
  '--payload',
  JSON.stringify({
    mission_slug: '001-tide-clock',
    wp_id: 'WP01',
    from_lane: 'planned',
    to_lane: 'claimed',
    actor: 'user',
    execution_mode: 'worktree',
  }),
];

/**
 * Leaves V8's compiled form of both scripts in `bin`: of the core what an `emit` compiled, of the rest what a look
 * at the status did. A machine that cannot run the product yet gets none, and compiles at each start.
 */
export function writeCodeCache(bin) {
  const root = mkdtempSync(path.join(os.tmpdir(), 'spec-kitty-build-'));
  try {
    const cwd = path.join(root, 'project');
    mkdirSync(path.join(cwd, '.git'), { recursive: true });
    const env = { HOME: root, SPEC_KITTY_HOME: path.join(root, 'home') };
    const run = (...args) => spawnSync(process.execPath, args, { cwd, env, encoding: 'utf8' });
    const program = path.join(bin, 'spec-kitty.js');
    const steps = [run(program, 'init'), run(WARM_UP, program, ...TYPICAL_EMIT)];
    const failed = steps.find((step) => step.status !== 0);
    if (failed !== undefined) {
      console.warn(`no code cache, so every start compiles:\n${failed.stderr}${failed.stdout}`);
    } else run(WARM_UP, program, 'sync', 'status');
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
