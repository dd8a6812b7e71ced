// The table of performance goals: every line measured in this run, ours and its baseline in turns.
// Usage: npm run bench [-- capture drain status preflight encode startup ingest postgres import migrate bodies processes memory | --large]
import { writeFileSync } from 'node:fs';
import { benchBodies } from './bodies.ts';
import { benchCapture } from './capture.ts';
import { benchDrain, benchEncode } from './drain.ts';
import { benchFlood, floodInChild } from './flood.ts';
import { benchImport } from './import.ts';
import { benchIngest } from './ingest.ts';
import { benchLocal } from './local.ts';
import { growth, type Measured } from './measure.ts';
import { benchMigrate, migrateInChild } from './migrate.ts';
import { benchPages } from './pages.ts';
import { benchPostgres, serveInChild } from './postgres.ts';
import { benchPreflight } from './preflight.ts';
import { benchMemory, benchProcesses, type Told, workInChild } from './processes.ts';
import { benchStatus } from './status.ts';
import { benchTexts, deliverTexts } from './texts.ts';

/** How many events `--large` means; another number only to try the large run itself. */
const LARGE = Number(process.env['BENCH_LARGE'] ?? '1000000');

type Section = (large: boolean) => Promise<readonly Measured[]>;

const SECTIONS: Readonly<Record<string, Section>> = {
  capture: async (large) => {
    const empty = await benchCapture(0);
    if (!large) return empty.lines;
    const full = await benchCapture(LARGE);
    const p50 = growth(
      'G1',
      'capture p50',
      [
        [0, empty.p50],
        [LARGE, full.p50],
      ],
      1.2,
    );
    return [...empty.lines, ...full.lines, p50];
  },
  encode: () => benchEncode(),
  drain: async (large) => {
    const small = await benchDrain(10_000);
    const usual = await benchDrain(100_000);
    if (!large) return [...small.lines, ...usual.lines];
    const most = await benchDrain(LARGE);
    const perEvent = growth(
      'G5/6',
      'drain, time an event',
      [
        [100_000, usual.perEventMs],
        [LARGE, most.perEventMs],
      ],
      1.1,
    );
    const idle = growth(
      'G7',
      'idle drain',
      [
        [10_000, small.idleMs],
        [LARGE, most.idleMs],
      ],
      1.5,
    );
    return [...small.lines, ...usual.lines, ...most.lines, perEvent, idle];
  },
  status: (large) => benchStatus(large ? [100_000, LARGE] : [100_000]),
  preflight: async () => [...(await benchPreflight()), ...(await benchLocal())],
  bodies: () => benchBodies(),
  texts: () => benchTexts(),
  ingest: () => benchIngest(),
  postgres: () => benchPostgres(),
  flood: () => benchFlood(),
  pages: (large) => benchPages(large ? LARGE : 100_000),
  import: () => benchImport(),
  migrate: () => benchMigrate(),
  processes: () => benchProcesses(),
  memory: (large) => benchMemory(large ? [100_000, LARGE] : [100_000]),
};

await main(process.argv.slice(2));

async function main(words: readonly string[]): Promise<void> {
  if (words[0] === 'child') {
    await workAsChild(words.slice(1));
    return;
  }
  const large = words.includes('--large');
  const names = words.filter((word) => word in SECTIONS);
  const lines: Measured[] = [];
  for (const [name, section] of Object.entries(SECTIONS)) {
    if (names.length > 0 && !names.includes(name)) continue;
    for (const line of await section(large)) {
      lines.push(line);
      process.stdout.write(`${row(line)}\n`);
    }
  }
  const out = process.env['BENCH_JSON'];
  if (out !== undefined) writeFileSync(out, `${JSON.stringify(lines, null, 2)}\n`);
}

/** What another process of this script was started for; all but a receiver say how it went in one line. */
async function workAsChild(words: readonly string[]): Promise<void> {
  const [kind, place = ''] = words;
  if (kind === 'receiver') await serveInChild(place);
  else if (kind === 'flood') await floodInChild(words.slice(1));
  else if (kind === 'texts') tell(await deliverTexts(place));
  else if (kind === 'migrate') tell(await migrateInChild(words.slice(1)));
  else tell(await workInChild(words));
}

function tell(told: Told): void {
  process.stdout.write(JSON.stringify(told));
}

function row(line: Measured): string {
  const verdict = line.reached ? 'reached' : 'NOT REACHED';
  return [
    line.goal.padEnd(6),
    line.what.padEnd(58),
    shown(line.ours, line).padStart(14),
    shown(line.baseline, line).padStart(14),
    line.ratio.toFixed(2).padStart(8),
    line.target.padStart(8),
    `  ${verdict}`,
  ].join(' ');
}

function shown(value: number, line: Measured): string {
  const digits = line.unit === 'per s' ? 0 : 2;
  return `${value.toLocaleString('en-US', { maximumFractionDigits: digits })} ${line.unit}`;
}
