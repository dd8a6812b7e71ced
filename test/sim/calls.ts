import { UserError } from '../../src/base/index.ts';
import type { Kept } from '../../src/journal/index.ts';
import { Death } from './life.ts';
import { LawBroken } from './model.ts';
import { bury, tell, type Checkout, type Process, type World } from './world.ts';

/** How a call ended. */
export type Ending<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'died' }
  | { readonly kind: 'failed'; readonly error: Error };

/** Most of the work is done in the first checkout. */
export const CHECKOUTS = [
  [3, 0],
  [1, 1],
] as const;

/** Runs one call as a process of its own and buries the process, unless it is the one that goes on. */
export function perform<T>(world: World, process: Process, work: () => T): Ending<T> {
  try {
    return { kind: 'done', value: work() };
  } catch (error) {
    return endingOf(world, process, error);
  } finally {
    if (process !== world.writer || process.life.state !== 'running') bury(world, process.life);
  }
}

/** What may be thrown: the death of the process, what a trap made it meet, a locked store, a capture that says so. */
export function endingOf(world: World, { life }: Process, error: unknown): Ending<never> {
  if (error instanceof Death) return { kind: 'died' };
  if (!(error instanceof Error)) throw new LawBroken('L14', `${life.role} threw ${String(error)}`);
  const isInjected = life.injected.some(
    (each) => each.error === error || each.error === error.cause,
  );
  const isBusy = error instanceof UserError && error.code === 'busy';
  if (isInjected || isBusy) {
    tell(world, `    ${life.role} failed: ${error.message}`);
    return { kind: 'failed', error };
  }
  if (error instanceof LawBroken) throw error;
  throw new LawBroken('L14', `${life.role} threw ${error.stack ?? error.message}`);
}

/** One word for an ending, or the words of the receipts. */
export function wordOf(ending: Ending<unknown>): string {
  if (ending.kind !== 'done') return ending.kind;
  if (!Array.isArray(ending.value)) return 'done';
  const kept = ending.value as readonly Kept[];
  return [...new Set(kept.map(({ status }) => status))].join(', ');
}

export function checkoutOf(world: World, index: number): Checkout {
  const checkout = world.checkouts[index];
  if (checkout === undefined) throw new Error(`there is no checkout ${index}`);
  return checkout;
}
