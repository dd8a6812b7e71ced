import type { OptOutTally } from '../../journal/index.ts';

/** What the mode OPT_OUT did with a number of events; nothing where it did nothing. */
export function optOutLines(tally: OptOutTally, wording: 'done' | 'rehearsed' = 'done'): string[] {
  const would = wording === 'done' ? '' : 'would be ';
  const lines: string[] = [];
  if (tally.discarded > 0) {
    lines.push(`  OPT_OUT: ${tally.discarded} ${would}dropped, of kinds that may be`);
  }
  if (tally.audited > 0) {
    lines.push(
      `  OPT_OUT: ${tally.audited} ${would}dropped on record: \`spec-kitty sync audit list\``,
    );
  }
  if (tally.kept > 0) {
    lines.push(
      `  OPT_OUT: ${tally.kept} ${would}kept here and never sent, in any later mode: they may not be dropped without a record`,
    );
  }
  if (tally.discardedBefore > 0) {
    lines.push(
      `  ${tally.discardedBefore} of the known were dropped on record before, and stay so: \`spec-kitty sync audit list\``,
    );
  }
  return lines;
}

/** The same for machines. */
export function optOutJson(tally: OptOutTally): Readonly<Record<string, number>> {
  return {
    discarded: tally.discarded,
    audited: tally.audited,
    kept: tally.kept,
    discarded_before: tally.discardedBefore,
  };
}
