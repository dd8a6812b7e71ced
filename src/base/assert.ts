/** Raised when our own arguments break a rule of ours: a bug, reported in one line with exit code 70. */
export class AssertionFailure extends Error {
  override readonly name = 'AssertionFailure';
}

/**
 * States what must hold of our own arguments. Input from outside is parsed, never asserted.
 * @throws AssertionFailure when `condition` is false.
 */
export function assert(condition: boolean, rule: string): asserts condition {
  if (!condition) throw new AssertionFailure(rule);
}
