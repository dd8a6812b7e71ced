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
  /** What has to answer before nothing found means that nothing is wrong. */
  readonly needs: 'stores' | 'machine' | 'files';
  readonly find: (facts: Facts) => readonly Found[];
}

/** How a check ended: what could not be looked at is unknown, which is never the same as in order. */
export interface Judged {
  readonly code: string;
  readonly state: 'ok' | 'bad' | 'unknown';
  readonly findings: readonly Finding[];
}

/** What a check says. */
export function found(detail: string, remedy: string | null = null): Found {
  return { detail, remedy };
}

/** How each check ended, in their order. @param silent what did not answer. */
export function judgeChecks<Facts>(
  checks: readonly Check<Facts>[],
  facts: Facts,
  silent: ReadonlySet<Check<Facts>['needs']>,
): readonly Judged[] {
  return checks.map(({ code, severity, needs, find }) => {
    const findings = find(facts).map((each) => ({ code, severity, ...each }));
    if (findings.length > 0) {
      return { code, state: severity === 'unknown' ? 'unknown' : 'bad', findings };
    }
    return { code, state: silent.has(needs) ? 'unknown' : 'ok', findings };
  });
}

/** Every finding of `checks`, in their order. */
export function runChecks<Facts>(
  checks: readonly Check<Facts>[],
  facts: Facts,
): readonly Finding[] {
  return judgeChecks(checks, facts, new Set()).flatMap(({ findings }) => findings);
}
