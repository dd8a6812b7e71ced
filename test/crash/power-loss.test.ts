import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { listRoutes } from '../../src/delivery/index.ts';
import { rollDice, type Dice } from '../sim/dice.ts';
import { realReceiver, type RealReceiver } from '../support/real-receiver.ts';
import { followDisk, type Disk } from './disk-image.ts';
import { readDiskLog } from './disk-log.ts';
import { judgeBooks, judgeSite } from './oracle.ts';
import { bundlePrograms, runScript, scratchDir, type Defect } from './programs.ts';
import { createSite, drainOnce, environmentOf, openSite, wordsOf, type Site } from './site.ts';
import { say, seedOfRun, size } from './sizes.ts';
import { logCalls, straceInjects } from './strace.ts';

// The power fails while facts are captured, spilled and taken in, with checkpoints in between: every write is
// logged, and what a disk may hold afterwards is built again and again and opened as the next command would.
// Sizes: CRASH=full, or CRASH_IMAGES; CRASH_SEED repeats the choice of images.

const LONG = 900_000;
/** Of so many bad images the complaints are told. */
const SHOWN = 5;

const scratch = scratchDir(true);
const canTrace = straceInjects('power loss');

/** Not defects: they make a short run pass more often through what a long one passes through. */
const HASTE: readonly Defect[] = [
  {
    file: 'base/sqlite.ts',
    from: "  native.pragma('foreign_keys = ON');",
    to: "  native.pragma('foreign_keys = ON');\n  native.pragma('wal_autocheckpoint = 24');",
  },
  {
    file: 'journal/record.ts',
    from: 'const CAPTURE_BUDGET_MS = 250;',
    to: 'const CAPTURE_BUDGET_MS = 40;',
  },
];

const DEFECTS: readonly (readonly [what: string, defect: Defect])[] = [
  [
    'synchronous=NORMAL',
    { file: 'base/sqlite.ts', from: 'synchronous = FULL', to: 'synchronous = NORMAL' },
  ],
  [
    'a spill file that is not flushed',
    {
      file: 'base/files.ts',
      from: '      fs.fsyncSync(fd);\n    });\n    isPlaced',
      to: '    });\n    isPlaced',
    },
  ],
  [
    'a directory that is not flushed',
    {
      file: 'base/files.ts',
      from: "  if (process.platform === 'win32') return;",
      to: '  if (directory) return;',
    },
  ],
];

test.skipIf(!canTrace)(
  'nothing acknowledged is lost with the power',
  { timeout: LONG },
  async () => {
    const images = size('IMAGES', 400, 10_000);
    const seed = seedOfRun();
    const { disk, site } = await logRun('sound', []);
    const found = await losePower(disk, site, { images, seed });
    say(
      `${images} power-loss images of ${disk.length} steps (CRASH_SEED=${seed}): ${found.bad} bad`,
    );
    expect(found.complaints).toEqual([]);
  },
);

test.skipIf(!canTrace).each(DEFECTS)('%s is noticed', { timeout: LONG }, async (what, defect) => {
  const images = size('IMAGES', 400, 10_000) / 4;
  const seed = seedOfRun();
  const { disk, site } = await logRun(what, [defect]);
  const found = await losePower(disk, site, { images, seed });
  say(`${what}: ${found.bad} of ${images} power-loss images bad (CRASH_SEED=${seed})`);
  expect(found.complaints.join('\n')).toMatch(/is lost|torn|does not open/);
});

test.skipIf(!canTrace)(
  'a ledger that lost its last writes delivers the rest',
  { timeout: LONG },
  async () => {
    const images = size('IMAGES', 400, 10_000) / 10;
    const seed = seedOfRun();
    const dice = rollDice(seed);
    const receiver = await realReceiver({ file: path.join(scratch, 'receiver.db') });
    const { disk, site } = await logRun('ledger', [], (at) => [
      'deliver',
      ...wordsOf(at),
      receiver.url,
    ]);
    const tried = disk.ackedBefore(disk.length);
    const complaints: string[] = [];
    for (let image = 0; image < images; image += 1) {
      const cut = dice.between(0, disk.length);
      const found = imageOf(disk, site, cut, dice);
      complaints.push(...(await judgeSite(found, { acked: [disk.ackedBefore(cut)], tried })));
      complaints.push(...(await deliverRest(found, receiver)));
    }
    say(`${images} power-loss images of a ledger (CRASH_SEED=${seed}): ${complaints.length} bad`);
    expect(complaints.slice(0, SHOWN)).toEqual([]);
  },
);

/** Logs what the product writes, with a defect or without. */
async function logRun(
  what: string,
  defects: readonly Defect[],
  wordsAt: (site: Site) => readonly (string | number)[] = (site) => ['mixed', ...wordsOf(site), 0],
): Promise<{ readonly disk: Disk; readonly site: Site }> {
  const dir = path.join(scratch, what.replaceAll(/\W/g, '-'));
  mkdirSync(dir);
  const { worker } = await bundlePrograms(dir, [...HASTE, ...defects]);
  const site = createSite(path.join(dir, 'site'));
  const log = path.join(dir, 'calls');
  const options = { before: logCalls(log), env: environmentOf(site) };
  const ended = await runScript(worker, wordsAt(site), options);
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  const root = path.dirname(site.home);
  return { disk: followDisk(readDiskLog(log, root), root), site };
}

/** Builds images at random places of the log and compares each with what was acknowledged until there. */
async function losePower(
  disk: Disk,
  site: Site,
  { images, seed }: { readonly images: number; readonly seed: number },
): Promise<{ readonly bad: number; readonly complaints: readonly string[] }> {
  const dice = rollDice(seed);
  const tried = disk.ackedBefore(disk.length);
  const complaints: string[] = [];
  let bad = 0;
  for (let image = 0; image < images; image += 1) {
    const cut = dice.weigh([
      [1, dice.pick(disk.behindAcks)],
      [1, dice.pick(disk.beforeFlushes)],
      [1, dice.between(0, disk.length)],
    ]);
    const acked = [disk.ackedBefore(cut)];
    const found = await judgeSite(imageOf(disk, site, cut, dice), { acked, tried });
    if (found.length > 0) bad += 1;
    if (bad > SHOWN) continue;
    complaints.push(...found.map((complaint) => `image ${image}, cut ${cut}: ${complaint}`));
  }
  return { bad, complaints };
}

/** One of the disks that may be found when the power failed at `cut`, in place of the one before. */
function imageOf(disk: Disk, site: Site, cut: number, dice: Dice): Site {
  const into = path.join(scratch, 'image');
  rmSync(into, { recursive: true, force: true });
  disk.writeImage(into, cut, dice);
  return { root: site.root, home: path.join(into, 'home') };
}

/** Delivers what a found ledger still has to deliver, and answers what is wrong then. */
async function deliverRest(site: Site, receiver: RealReceiver): Promise<readonly string[]> {
  const opened = await openSite(site);
  const db = opened.home.store(opened.project.id);
  const complaints: string[] = [];
  if (listRoutes(db).length > 0) {
    const { blocked } = await drainOnce(opened.home, db);
    if (blocked !== null) complaints.push(blocked.detail);
    const there = new Set(await receiver.holdings());
    const rows = db.all<{ held: string }>(`SELECT event_id || ' ' || sha256 AS held FROM events`);
    complaints.push(
      ...rows.filter(({ held }) => !there.has(held)).map(({ held }) => `not sent: ${held}`),
    );
  }
  complaints.push(...judgeBooks(opened));
  opened.home.close();
  return complaints;
}
