/** One reason why a document is refused. */
export interface Issue {
  /** Where, as a JSON pointer (RFC 6901); the empty text is the whole document. */
  readonly pointer: string;
  /** Which rule, a code in kebab case. */
  readonly rule: string;
  /** For people. */
  readonly message: string;
}

/** The JSON pointer to what lies at the end of these keys and indexes (RFC 6901 section 3). */
export function jsonPointer(path: readonly PropertyKey[]): string {
  return path
    .map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`)
    .join('');
}
