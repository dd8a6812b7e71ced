// Names the state of everything the build reads, so that `demo` and `test` build only when something changed.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
export const STAMP = path.join(ROOT, 'dist', '.fingerprint');

const INPUTS = ['src', 'scripts', 'package.json', 'package-lock.json', 'tsconfig.json'];

/** SHA-256 over names and contents of the build's inputs, and over the Node that the code cache is made for. */
export function fingerprint() {
  const hash = createHash('sha256').update(
    `${process.version} ${process.arch} ${process.platform}`,
  );
  for (const file of INPUTS.flatMap((input) => filesBelow(path.join(ROOT, input)))) {
    hash.update(`\n${path.relative(ROOT, file)}\n`).update(readFileSync(file));
  }
  return hash.digest('hex');
}

/** True when `dist` was built from exactly these inputs by this Node. */
export function isBuilt() {
  try {
    return readFileSync(STAMP, 'utf8') === fingerprint();
  } catch (error) {
    if (error.code === 'ENOENT') return false;
    throw error;
  }
}

function filesBelow(start) {
  const entries = readdirOrNull(start);
  if (entries === null) return [start];
  return entries
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => filesBelow(path.join(start, entry.name)))
    .filter((file) => !file.endsWith('.test.ts'));
}

function readdirOrNull(directory) {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    if (error.code === 'ENOTDIR') return null;
    throw error;
  }
}
