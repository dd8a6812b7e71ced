// The table of performance goals: every line measured in this run, ours and its baseline in turns.
// Usage: npm run bench [-- capture drain status encode startup ingest import processes memory | --large]
import { writeFileSync } from 'node:fs';
import { benchCapture } from './capture.ts';
import { benchDrain, benchEncode } from './drain.ts';
import { benchImport } from './import.ts';
import { benchIngest } from './ingest.ts';
import type { Measured } from './measure.ts';
import { benchMemory, benchProcesses, workInChild } from './processes.ts';
import { benchStatus } from './status.ts';

const MILLION = 1_000_000;

type Section = (large: boolean) => Promise<readonly Measured[]>;

const SECTIONS: Readonly<Record<string, Section>> = {
  capture: async (large) => [
    ...(await benchCapture(0)),
    ...(large ? await benchCapture(MILLION) : []),
  ],
  encode: () => benchEncode(),
  drain: async (large) => [
    ...(await benchDrain(10_000)),
    ...(await benchDrain(100_000)),
    ...(large ? await benchDrain(MILLION) : []),
  ],
  status: (large) => benchStatus(large ? [100_000, MILLION] : [100_000]),
  ingest: () => benchIngest(),
  import: () => benchImport(),
  processes: () => benchProcesses(),
  memory: (large) => benchMemory(large ? [100_000, MILLION] : [100_000]),
};

await main(process.argv.slice(2));

async function main(words: readonly string[]): Promise<void> {
  if (words[0] === 'child') {
    await workInChild(words.slice(1));
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
