// Bundles the benchmarks and runs them on this machine, then the built command: how it starts, and a first delivery.
// Usage: npm run bench [-- SECTION…] [-- --large]
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import process from 'node:process';
import { build } from 'esbuild';
import { ROOT } from './fingerprint.mjs';

const OUT = path.join(ROOT, 'dist', 'bench', 'main.mjs');
const words = process.argv.slice(2);
const sections = words.filter((word) => !word.startsWith('--'));

await build({
  absWorkingDir: ROOT,
  entryPoints: ['bench/main.ts'],
  outfile: OUT,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  loader: { '.sql': 'text' },
  external: ['better-sqlite3', 'better-sqlite3-node22', '@napi-rs/keyring', 'pg-native'],
  banner: {
    js: "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);",
  },
  logLevel: 'warning',
});
/** What is measured of the built command, each by a script of its own. */
const BUILT = ['startup', 'up'];
let failed = false;
if (sections.length === 0 || sections.some((section) => !BUILT.includes(section))) {
  const ran = spawnSync(process.execPath, [OUT, ...words], { stdio: 'inherit' });
  failed = ran.status !== 0;
}
for (const name of BUILT) {
  if (sections.length > 0 && !sections.includes(name)) continue;
  const ran = spawnSync(process.execPath, [`scripts/measure-${name}.mjs`], {
    cwd: ROOT,
    stdio: 'inherit',
  });
  failed ||= ran.status !== 0;
}
process.exitCode = failed ? 1 : 0;
