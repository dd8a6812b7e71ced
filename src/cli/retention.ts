import type { RetentionPlan } from '../report/index.ts';
import { flagOption, type Context } from './io.ts';

/** What a person reads of a number of bytes. */
export function bytesText(bytes: number): string {
  return `${bytes.toLocaleString('en-US')} bytes`;
}

/** A plan under the names of reports. */
export function planToJson(plan: RetentionPlan): Readonly<Record<string, unknown>> {
  return {
    events: plan.unneeded.length,
    payload_bytes: plan.bytes,
    kept_events: plan.kept,
    registered_targets: plan.targets,
    store_bytes: plan.storeBytes,
  };
}

/**
 * Whether to go on: `--yes`, or a person who says so. Without either a command that removes something only tells
 * what it would do.
 */
export async function isConfirmed(context: Context, question: string): Promise<boolean> {
  const { options, io } = context;
  if (flagOption(options, 'dryRun')) return false;
  if (flagOption(options, 'yes')) return true;
  const answer = await io.ask(`${question} [y/N] `);
  return answer !== null && /^y(es)?$/i.test(answer.trim());
}
