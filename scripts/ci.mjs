// Everything that must hold, in one list that is the same on every machine. All steps run, whatever fails; the
// tests come last, so that their summary closes the output. Usage: npm run ci
import { spawn } from 'node:child_process';
import process from 'node:process';
import { stripVTControlCharacters } from 'node:util';
import { ROOT } from './fingerprint.mjs';

/** Tidy, the schema dump and the coverage thresholds are tests, so `coverage` checks them too. */
const STEPS = [
  'format:check',
  'lint',
  'types',
  'knip',
  'build',
  'pack:check',
  'demo',
  'sim',
  'coverage',
];
const NAME_WIDTH = 14;

const results = [];
for (const name of STEPS) {
  console.log(`\n── ${name} ${'─'.repeat(Math.max(0, 76 - name.length))}`);
  const start = performance.now();
  const { code, output } = await runScript(name);
  results.push({ name, code, output, seconds: (performance.now() - start) / 1000 });
}

console.log(`\n── summary ${'─'.repeat(69)}`);
for (const { name, code, seconds } of results) {
  const verdict = code === 0 ? 'ok' : `FAILED (exit ${code})`;
  console.log(`  ${name.padEnd(NAME_WIDTH)}${seconds.toFixed(1).padStart(6)} s  ${verdict}`);
}
console.log(testSummary(results.at(-1).output));
const failed = results.filter((result) => result.code !== 0).map((result) => result.name);
console.log(failed.length === 0 ? '\nAll checks passed.' : `\nFailed: ${failed.join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;

/** Runs one package script, its output shown as it comes and kept. */
function runScript(name) {
  const npm = process.env.npm_execpath;
  const [command, args] = npm === undefined ? ['npm', []] : [process.execPath, [npm]];
  const child = spawn(command, [...args, 'run', '--silent', name], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: childEnv(),
    shell: npm === undefined && process.platform === 'win32',
  });
  const chunks = [];
  child.stdout.on('data', (chunk) => {
    chunks.push(chunk);
    process.stdout.write(chunk);
  });
  child.stderr.on('data', (chunk) => process.stderr.write(chunk));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      resolve({ code: code ?? 1, output: Buffer.concat(chunks).toString() });
    });
  });
}

/** The children write into a pipe: whether colours are wanted is known here alone. */
function childEnv() {
  const { FORCE_COLOR: _force, NO_COLOR: _no, ...env } = process.env;
  return process.stdout.isTTY ? { ...env, FORCE_COLOR: '1' } : { ...env, NO_COLOR: '1' };
}

/** The test runner's own closing lines, which the coverage report has pushed up the screen. */
function testSummary(output) {
  const lines = stripVTControlCharacters(output).split('\n');
  const last = lines.findLastIndex((line) => /^\s*Test Files /.test(line));
  if (last === -1) return '\n  the test runner printed no summary';
  const end = lines.findIndex((line, index) => index > last && line.trim() === '');
  return `\n${lines.slice(last, end === -1 ? last + 5 : end).join('\n')}`;
}
