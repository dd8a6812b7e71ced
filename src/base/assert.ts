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

/**
 * Ends a switch over a closed union; the compiler refuses it while a case is missing.
 * @throws AssertionFailure always, because no value can reach it.
 */
export function unreachable(value: never): never {
  throw new AssertionFailure(`unexpected value ${JSON.stringify(value)}`);
}
