import { isTerminalCode, type TerminalCode } from '../wire/index.ts';

/** What a failure comes down to, in the words of the earlier program's reports (wire contract 3). */
export const ERROR_CATEGORIES = [
  'oversized_batch',
  'oversized_event',
  'throttled',
  'schema_mismatch',
  'auth_expired',
  'unauthenticated',
  'direct_ingress_missing_private_team',
  'retryable_transport',
  'server_error',
  'unauthorized',
  'unknown',
] as const;

export type ErrorCategory = (typeof ERROR_CATEGORIES)[number];

/** A failure as a receiver described it. */
export interface Failure {
  readonly httpStatus: number | null;
  /** A code, ours or the receiver's. */
  readonly code: string | null;
  readonly text: string | null;
}

/** Looked for in this order; the first category with a word in the text wins. */
const KEYWORDS: readonly (readonly [ErrorCategory, readonly string[]])[] = [
  [
    'oversized_batch',
    [
      'batch payload exceeds decompressed byte limit',
      'sync_batch_too_large',
      'request_too_large',
      'payload too large',
    ],
  ],
  [
    'oversized_event',
    [
      'single event exceeds decompressed byte limit',
      'event exceeds decompressed byte limit',
      'oversized event',
    ],
  ],
  ['throttled', ['rate limit', 'rate_limited', 'too many requests', 'throttle']],
  ['schema_mismatch', ['invalid', 'schema', 'field', 'missing', 'type']],
  ['auth_expired', ['token', 'expired', 'unauthorized', '401']],
  ['unauthenticated', ['not authenticated', 'no valid access token']],
  [
    'direct_ingress_missing_private_team',
    ['private teamspace', 'private team', 'direct ingress', 'direct_ingress_missing_private_team'],
  ],
  ['retryable_transport', ['timeout', 'connection', 'network', 'unreachable', 'unavailable']],
  ['server_error', ['internal', '500', '502', '503', '504', 'server error']],
];

/** A code that parks says more than any text beside it. */
const OF_CODES: Readonly<Partial<Record<TerminalCode, ErrorCategory>>> = {
  payload_too_large: 'oversized_event',
  schema_invalid: 'schema_mismatch',
  unknown_event_type: 'schema_mismatch',
  bad_request: 'schema_mismatch',
  project_not_admitted: 'unauthorized',
  project_not_consented: 'unauthorized',
  project_refused: 'unauthorized',
};

const ACTIONS: Readonly<Record<ErrorCategory, string>> = {
  oversized_batch: 'smaller batches follow by themselves: `spec-kitty sync now`',
  oversized_event: 'see which: `spec-kitty sync parked list --code payload_too_large`',
  throttled: 'the receiver asks to wait: `spec-kitty sync now` later',
  schema_mismatch: 'see what is wrong with which event: `spec-kitty sync diagnose`',
  auth_expired: 'log in again: `spec-kitty auth login --help`',
  unauthenticated: 'log in: `spec-kitty auth login --help`',
  direct_ingress_missing_private_team: 'the account needs a Private Teamspace at the server',
  retryable_transport: 'check the connection, then `spec-kitty sync now`',
  server_error: 'the receiver failed: `spec-kitty sync now` later',
  unauthorized: 'the receiver does not take this project: ask who runs it',
  unknown: 'keep every answer: `spec-kitty sync now --report failures.json`',
};

/**
 * The category of a failure: by its code where that parks, else by the status of the whole request, else by the
 * words of its text. It is for people and reports; it decides nothing.
 */
export function categoryOf({ httpStatus, code, text }: Failure): ErrorCategory {
  const stated = ERROR_CATEGORIES.find((each) => each === code);
  if (stated !== undefined) return stated;
  const ofCode = code !== null && isTerminalCode(code) ? OF_CODES[code] : undefined;
  return ofCode ?? categoryOfStatus(httpStatus, text ?? '') ?? categoryOfText(text ?? '');
}

/** The category of a text alone: the first one with a word in it, whatever the case. */
export function categoryOfText(text: string): ErrorCategory {
  const lower = text.toLowerCase();
  const found = KEYWORDS.find(([, words]) => words.some((word) => lower.includes(word)));
  return found?.[0] ?? 'unknown';
}

/** What an operator can do about failures of a category. */
export function actionFor(category: ErrorCategory): string {
  return ACTIONS[category];
}

/** How many there are of each category, the most frequent first, then in the order of the categories. */
export function countCategories(
  categories: readonly ErrorCategory[],
): readonly (readonly [ErrorCategory, number])[] {
  return ERROR_CATEGORIES.map(
    (category) => [category, categories.filter((each) => each === category).length] as const,
  )
    .filter(([, n]) => n > 0)
    .toSorted(([, a], [, b]) => b - a);
}

/** What a status says before any text is read; null when it leaves that to the text. */
function categoryOfStatus(status: number | null, text: string): ErrorCategory | null {
  if (status === 401) return 'auth_expired';
  if (status === 403)
    return speaksOfPrivateTeam(text) ? 'direct_ingress_missing_private_team' : 'unauthorized';
  if (status === 413 || (isFailure(status) && categoryOfText(text) === 'oversized_batch')) {
    return 'oversized_batch';
  }
  if (status === 408) return 'retryable_transport';
  if (status === 429) return 'throttled';
  return status !== null && status >= 500 && status <= 599 ? 'server_error' : null;
}

function isFailure(status: number | null): boolean {
  return status !== null && status >= 300;
}

function speaksOfPrivateTeam(text: string): boolean {
  return categoryOfText(text) === 'direct_ingress_missing_private_team';
}
