// Leaves V8's compiled form of the core beside it. What one `emit` compiled is in it, because that is the command
// people run most; other commands compile only what is theirs.
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

/** Writes `core.cache` into `bin`; a machine that cannot run the product yet gets none and compiles at each start. */
export function writeCodeCache(bin) {
  const root = mkdtempSync(path.join(os.tmpdir(), 'spec-kitty-build-'));
  try {
    const project = path.join(root, 'project');
    mkdirSync(path.join(project, '.git'), { recursive: true });
    const run = (script, ...args) =>
      spawnSync(process.execPath, [script, ...args], {
        cwd: project,
        env: { HOME: root, SPEC_KITTY_HOME: path.join(root, 'home'), CORE: bin },
        encoding: 'utf8',
      });
    const steps = [run(path.join(bin, 'spec-kitty.js'), 'init'), run(WARM_UP, ...TYPICAL_EMIT)];
    const failed = steps.find((step) => step.status !== 0);
    if (failed !== undefined) {
      console.warn(`no code cache, so every start compiles:\n${failed.stderr}${failed.stdout}`);
    }
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
