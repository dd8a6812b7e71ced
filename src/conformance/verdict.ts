/** What one rule came to. */
export type Verdict =
  | { readonly kind: 'pass' }
  | { readonly kind: 'fail'; readonly detail: string }
  | { readonly kind: 'not_offered'; readonly detail: string }
  | { readonly kind: 'skipped'; readonly detail: string };

export const PASS: Verdict = { kind: 'pass' };

/** A broken rule, with what was seen instead. */
export function fail(detail: string): Verdict {
  return { kind: 'fail', detail };
}

export function skipped(detail: string): Verdict {
  return { kind: 'skipped', detail };
}

export function notOffered(detail: string): Verdict {
  return { kind: 'not_offered', detail };
}

/** Kept, or broken by what was seen. */
export function whether(isKept: boolean, seen: string): Verdict {
  return isKept ? PASS : fail(seen);
}

/** The first verdict that is no pass, else a pass. */
export function every(verdicts: readonly Verdict[]): Verdict {
  return verdicts.find((each) => each.kind !== 'pass') ?? PASS;
}
