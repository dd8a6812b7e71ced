import { readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { build, type Plugin } from 'esbuild';
import { expect, it } from 'vitest';
import { startScript } from '../support/child-script.ts';
import { tempDir } from '../support/temp-home.ts';
import { PLANTED_BUGS, type PlantedBug } from './planted-bugs.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const FIRST_SEED = 1;
/** Within so many histories a bug must show. */
const HISTORIES = 600;
const HEALTHY_HISTORIES = 40;

/** Plays histories until one of the named laws is broken, and says which was broken last. */
const PROGRAM = `
  import { playHistory } from './test/sim/history.ts';
  const [from, count, laws] = process.argv.slice(2);
  let found = null;
  for (let seed = Number(from); seed < Number(from) + Number(count); seed += 1) {
    const { broken } = await playHistory(seed);
    if (broken !== null) found = { seed, law: broken.law, message: broken.message };
    if (broken !== null && laws.split(' ').includes(broken.law)) break;
  }
  process.stdout.write(JSON.stringify(found));
`;

interface Found {
  readonly seed: number;
  readonly law: string;
  readonly message: string;
}

it.each(PLANTED_BUGS)('notices when $name', { timeout: 300_000 }, async (bug) => {
  const found = await hunt(bug, HISTORIES);
  expect(bug.laws, found?.message ?? 'every law seemed to hold').toContain(found?.law);
});

it('notices nothing where nothing is planted', { timeout: 120_000 }, async () => {
  expect(await hunt(null, HEALTHY_HISTORIES)).toBeNull();
});

async function hunt(bug: PlantedBug | null, histories: number): Promise<Found | null> {
  const dir = tempDir();
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(dir, 'node_modules'));
  const outfile = path.join(dir, 'histories.mjs');
  await build({
    stdin: { contents: PROGRAM, resolveDir: ROOT, loader: 'ts' },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    loader: { '.sql': 'text' },
    logLevel: 'warning',
    plugins: bug === null ? [] : [plant(bug)],
  });
  const args = [FIRST_SEED, histories, (bug?.laws ?? []).join(' ')].map(String);
  const { stdout, stderr, code } = await startScript(outfile, args).ended;
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as Found | null;
}

/** Changes one place of one file while the product is put together; the file itself stays as it is. */
function plant({ file, find, replace, name }: PlantedBug): Plugin {
  const whole = path.join(ROOT, file);
  const parts = readFileSync(whole, 'utf8').split(find);
  if (parts.length !== 2)
    throw new Error(`${name}: its place stands ${parts.length - 1} times in ${file}`);
  return {
    name: 'planted-bug',
    setup: (bundle) => {
      bundle.onLoad({ filter: /\.ts$/ }, ({ path: loaded }) =>
        loaded === whole ? { contents: parts.join(replace), loader: 'ts' } : null,
      );
    },
  };
}
