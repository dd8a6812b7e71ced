// Builds dist: the command line, the library entries as split ES modules, the declarations, and the licences of
// everything that was bundled.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { build } from 'esbuild';
import { writeCodeCache } from './code-cache.mjs';
import { bundleCore } from './core.mjs';
import { fingerprint, ROOT, STAMP } from './fingerprint.mjs';

const DIST = path.join(ROOT, 'dist');
const BIN = path.join(DIST, 'bin');
const { version } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8'));

const COMMON = {
  absWorkingDir: ROOT,
  bundle: true,
  platform: 'node',
  target: 'node20',
  loader: { '.sql': 'text' },
  define: { PROGRAM_VERSION: JSON.stringify(version) },
  external: ['better-sqlite3', 'better-sqlite3-node22', '@napi-rs/keyring', 'pg-native'],
  // An `import('yaml')` of the CommonJS form would find nothing but a default export in a split bundle.
  alias: { yaml: path.join(ROOT, 'node_modules', 'yaml', 'browser', 'index.js') },
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
};

/** The PostgreSQL client is CommonJS and requires modules of Node, which an ES module cannot without help. */
const REQUIRE =
  'import { createRequire as requireFrom } from "node:module"; const require = requireFrom(import.meta.url);';

function buildLauncher() {
  return build({
    absWorkingDir: ROOT,
    entryPoints: ['scripts/launcher.cjs'],
    outfile: path.join(BIN, 'spec-kitty.js'),
    platform: 'node',
    target: 'node20',
    define: { VERSION: JSON.stringify(version) },
    minify: true,
    logLevel: 'warning',
  });
}

function buildLibrary() {
  return build({
    ...COMMON,
    entryPoints: {
      index: 'src/index.ts',
      wire: 'src/wire/index.ts',
      server: 'src/server/index.ts',
    },
    outdir: DIST,
    format: 'esm',
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    banner: { js: REQUIRE },
  });
}

function buildDeclarations() {
  const tsc = path.join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  const done = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], {
    cwd: ROOT,
    stdio: 'inherit',
  });
  if (done.status !== 0) throw new Error('the declarations do not compile');
}

/** The MIT and ISC licences ask that their text travels with the code. */
function writeLicences(metafiles) {
  const packages = new Set(
    metafiles
      .flatMap((metafile) => Object.keys(metafile.inputs))
      .map((input) => /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1])
      .filter((name) => name !== undefined),
  );
  const texts = [...packages].sort(byCodeUnit).map((name) => {
    const folder = path.join(ROOT, 'node_modules', name);
    const licence = licenceIn(folder);
    if (licence === null) throw new Error(`${name} is bundled and has no licence text`);
    const manifest = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
    return `${name} ${manifest.version}\n\n${licence.trim()}\n`;
  });
  writeFileSync(path.join(DIST, 'THIRD-PARTY-LICENSES.txt'), texts.join(`\n${'-'.repeat(80)}\n\n`));
}

/** The text of a package's licence: a file of its own, or the end of what there is to read; null without one. */
function licenceIn(folder) {
  const file = ['LICENSE', 'LICENSE.md', 'LICENCE', 'license', 'LICENSE.txt', 'LICENSE-MIT.txt']
    .map((candidate) => path.join(folder, candidate))
    .find((candidate) => existsSync(candidate));
  if (file !== undefined) return readFileSync(file, 'utf8');
  const readme = path.join(folder, 'README.md');
  const text = existsSync(readme) ? readFileSync(readme, 'utf8') : '';
  const section = text.slice(text.search(/^#+ *licen[cs]e/im));
  return section.includes('Permission is hereby granted') ? section : null;
}

/** A package that is loaded lazily must have named exports, see `alias` above. */
function requireNamedExports({ outputs }) {
  for (const { entryPoint, exports } of Object.values(outputs)) {
    if (entryPoint?.includes('node_modules/') && exports.join() === 'default') {
      throw new Error(`${entryPoint} is CommonJS and cannot be imported lazily`);
    }
  }
}

function byCodeUnit(a, b) {
  return a < b ? -1 : Number(a > b);
}

// The launcher reads the core byte by byte. esbuild escapes all but the texts of tagged templates, whose raw form it
// must keep; ours are read as they are meant.
function writeAscii(file) {
  writeFileSync(file, readFileSync(file, 'utf8').replaceAll(/[^\0-\x7f]/g, toEscape));
}

function toEscape(unit) {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

async function bundle() {
  const [core, library] = await Promise.all([
    bundleCore(BIN, COMMON),
    buildLibrary(),
    buildLauncher(),
  ]);
  chmodSync(path.join(BIN, 'spec-kitty.js'), 0o755);
  for (const script of ['core.js', 'rest.js']) writeAscii(path.join(BIN, script));
  const metafiles = [core, library.metafile];
  for (const metafile of metafiles) requireNamedExports(metafile);
  writeLicences(metafiles);
}

rmSync(DIST, { recursive: true, force: true });
mkdirSync(BIN, { recursive: true });
writeFileSync(path.join(BIN, 'package.json'), '{ "type": "commonjs" }\n');
try {
  await bundle();
  if (!process.argv.includes('--no-types')) buildDeclarations();
} catch (error) {
  // esbuild and tsc have printed what is wrong and where.
  console.error(`the build failed: ${error.message.split('\n')[0]}`);
  process.exit(1);
}
writeCodeCache(BIN);
writeFileSync(STAMP, fingerprint());
console.log(`built ${path.relative(process.cwd(), DIST) || DIST} ${version}`);
