import process from 'node:process';

/**
 * How much of a check runs. `CRASH=full` asks for the full figures, `CRASH_<NAME>` for one figure alone; without
 * either it is little enough for every run of the tests.
 */
export function size(name: string, normal: number, full: number): number {
  const stated = Number(process.env[`CRASH_${name}`] ?? 'NaN');
  if (Number.isInteger(stated)) return stated;
  return isFull() ? full : normal;
}

/** Whether the full figures were asked for. */
export function isFull(): boolean {
  return process.env['CRASH'] === 'full';
}

/** A seed for this run: `CRASH_SEED`, or another one each time. Whoever draws from it prints it. */
export function seedOfRun(): number {
  const stated = Number(process.env['CRASH_SEED'] ?? 'NaN');
  return Number.isInteger(stated) ? stated : Number(process.hrtime.bigint() % 1_000_000_007n);
}

/** Says a figure, or what was not checked, into the output of the run. */
export function say(line: string): void {
  process.stderr.write(`crash: ${line}\n`);
}
