// Builds dist when it is absent or was built from something else.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import process from 'node:process';
import { isBuilt, ROOT } from './fingerprint.mjs';

if (!isBuilt()) {
  const script = path.join(ROOT, 'scripts', 'build.mjs');
  const done = spawnSync(process.execPath, [script], { cwd: ROOT, stdio: 'inherit' });
  if (done.status !== 0) process.exit(1);
}
