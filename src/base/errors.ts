/** The one table of exit codes; every command uses it. */
export const EXIT = {
  fine: 0,
  failed: 1,
  refused: 2,
  integrity: 3,
  loggedOut: 4,
  unconfigured: 5,
  bug: 70,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Every code a `UserError` may carry. A code names what is wrong, never who noticed it. */
export const USER_ERROR_CODES = [
  'address_unavailable',
  'archive_damaged',
  'auth_required',
  'boundary_refused',
  'busy',
  'capture_failed',
  'checkout_not_covered',
  'config_corrupt',
  'credential_on_command_line',
  'credentials_unreadable',
  'daemon_failed',
  'driver_missing',
  'endpoint_missing',
  'envelope_invalid',
  'identity_corrupt',
  'identity_missing',
  'insecure_tls',
  'insecure_url',
  'invalid_url',
  'journal_broken',
  'login_refused',
  'mission_unknown',
  'mode_unavailable',
  'no_grant',
  'not_a_project',
  'not_found',
  'payload_invalid',
  'receiver_unprotected',
  'receiver_unreachable',
  'session_unreadable',
  'split_brain',
  'sqlite_too_old',
  'store_newer',
  'store_unreadable',
  'target_unknown',
  'target_unresolved',
  'token_refused',
  'tracker_disabled',
  'tracker_failed',
  'tracker_unbound',
  'type_unknown',
  'usage',
] as const;

export type UserErrorCode = (typeof USER_ERROR_CODES)[number];

export interface UserErrorOptions {
  /** A command the operator can type as it stands, or null when nothing can be typed. */
  readonly remedy: string | null;
  readonly exitCode?: ExitCode;
  /** Further facts for `--json`; never secrets, never payloads. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** Something the operator can fix. Thrown anywhere, caught once, at the door of the command line. */
export class UserError extends Error {
  override readonly name = 'UserError';
  readonly code: UserErrorCode;
  readonly remedy: string | null;
  readonly exitCode: ExitCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: UserErrorCode, message: string, options: UserErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.remedy = options.remedy;
    this.exitCode = options.exitCode ?? EXIT.failed;
    this.details = options.details ?? {};
  }
}

/** Stored data breaks a rule that the product itself keeps: a finding, exit code 3. */
export class IntegrityError extends Error {
  override readonly name = 'IntegrityError';
}

/** The message of anything that was thrown, on one line. */
export function messageOf(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return text.replaceAll(/\s+/g, ' ').trim();
}
