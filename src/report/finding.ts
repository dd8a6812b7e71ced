/**
 * How bad a finding is: the books or a store contradict themselves; something is not known; two programs or
 * accounts disagree, so that nothing may be sent; something still waits.
 */
export type Severity = 'integrity' | 'unknown' | 'boundary' | 'waiting';

/** One result of one check. */
export interface Finding {
  readonly code: string;
  readonly severity: Severity;
  readonly detail: string;
  /** A command that mends it, or null. */
  readonly remedy: string | null;
}

/** What a check found: its code and severity are the check's. */
export type Found = Pick<Finding, 'detail' | 'remedy'>;

/** Looks at gathered facts and nothing else. */
export interface Check<Facts> {
  readonly code: string;
  readonly severity: Severity;
  readonly find: (facts: Facts) => readonly Found[];
}

/** What a check says. */
export function found(detail: string, remedy: string | null = null): Found {
  return { detail, remedy };
}

/** Every finding of `checks`, in their order. */
export function runChecks<Facts>(
  checks: readonly Check<Facts>[],
  facts: Facts,
): readonly Finding[] {
  return checks.flatMap(({ code, severity, find }) =>
    find(facts).map((each) => ({ code, severity, ...each })),
  );
}
