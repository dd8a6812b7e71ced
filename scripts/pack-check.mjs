// What a user would download: publint's verdict on package.json, whether every entry loads, and the list of packed
// files compared with scripts/pack-files.txt. Usage: node scripts/pack-check.mjs [--update]
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { ROOT } from './fingerprint.mjs';

const GOLDEN = path.join(ROOT, 'scripts', 'pack-files.txt');

const MANIFEST = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8'));

const complaints = [
  ...(await lintPackage()),
  ...checkProgram(),
  ...(await checkEntries()),
  ...compareFiles(packedFiles()),
];
for (const complaint of complaints) console.error(complaint);
if (complaints.length > 0) process.exitCode = 1;
else console.log('the package is as described in scripts/pack-files.txt');

async function lintPackage() {
  const { messages } = await publint({ pkgDir: ROOT, pack: 'npm', strict: true });
  return messages.map(
    (message) => `publint: ${formatMessage(message, MANIFEST, { color: false })}`,
  );
}

function checkProgram() {
  const bin = path.join(ROOT, MANIFEST.bin['spec-kitty']);
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, '--version'], {
    encoding: 'utf8',
  });
  if (status === 0 && stdout === `${MANIFEST.version}\n`) return [];
  return [`spec-kitty --version: exit ${status}, ${stdout}${stderr}`];
}

async function checkEntries() {
  const files = Object.values(MANIFEST.exports).map((entry) => entry.default);
  const empty = files.map(async (file) => {
    const names = Object.keys(await import(pathToFileURL(path.join(ROOT, file)).href));
    return names.length === 0 ? [`${file} exports nothing`] : [];
  });
  return (await Promise.all(empty)).flat();
}

function packedFiles() {
  const npm = process.env.npm_execpath;
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts'];
  const done =
    npm === undefined
      ? spawnSync('npm', args, { cwd: ROOT, encoding: 'utf8', shell: process.platform === 'win32' })
      : spawnSync(process.execPath, [npm, ...args], { cwd: ROOT, encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`npm pack failed: ${done.stderr}`);
  return JSON.parse(done.stdout)[0].files.map((file) => file.path);
}

/** Chunks carry a hash in their names, declarations follow the sources, notes come and go: no list to keep. */
function compareFiles(files) {
  const found = [
    ...new Set(
      files.map((file) =>
        file
          .replace(/^dist\/chunks\/.*\.js$/, 'dist/chunks/*.js')
          .replace(/^dist\/types\/.*\.d\.ts$/, 'dist/types/**/*.d.ts')
          .replace(/^docs\/decisions\/.*\.md$/, 'docs/decisions/*.md'),
      ),
    ),
  ].sort((a, b) => (a < b ? -1 : 1));
  if (process.argv.includes('--update')) writeFileSync(GOLDEN, `${found.join('\n')}\n`);
  const wanted = readFileSync(GOLDEN, 'utf8').trim().split('\n');
  return [
    ...found.filter((file) => !wanted.includes(file)).map((file) => `packed unexpectedly: ${file}`),
    ...wanted.filter((file) => !found.includes(file)).map((file) => `not packed: ${file}`),
  ];
}
