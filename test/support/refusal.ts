import { UserError } from '../../src/base/index.ts';

/** The error that `work` refuses with; fails when it does not refuse, or with something else. */
export function refusal(work: () => unknown): UserError {
  const thrown = thrownBy(work);
  if (thrown instanceof UserError) return thrown;
  throw thrown === null ? new Error('nothing was refused') : thrown;
}

/** The same for work that takes its time. */
export async function lateRefusal(work: Promise<unknown>): Promise<UserError> {
  const outcome = await work.then(
    () => new Error('nothing was refused'),
    (error: unknown) => error,
  );
  if (outcome instanceof UserError) return outcome;
  throw outcome instanceof Error ? outcome : new Error(String(outcome));
}

/** What `work` throws, or null. */
export function thrownBy(work: () => unknown): Error | null {
  try {
    work();
    return null;
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
}
