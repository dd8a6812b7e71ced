import {
  AssertionFailure,
  EXIT,
  IntegrityError,
  isDamaged,
  isSystemError,
  messageOf,
  printable,
  sqliteCode,
  UserError,
  type ExitCode,
} from '../base/index.ts';
import type { Answer } from './answer.ts';

/** What is said of any error: one line and a command to type, the same as one value, and the exit code. */
export function answerError(error: unknown): Answer {
  if (error instanceof UserError) {
    const { code, message, remedy, details, exitCode } = error;
    return failure(exitCode, { code, message, remedy, details });
  }
  const message = messageOf(error);
  if (error instanceof IntegrityError || isDamaged(error)) {
    const mend = 'spec-kitty sync verify --repair';
    return failure(EXIT.integrity, { code: 'integrity', message, remedy: mend, details: {} });
  }
  if (OUT_OF_ORDER.test(sqliteCode(error))) {
    const look = 'spec-kitty sync status';
    return failure(EXIT.failed, { code: 'store_unreadable', message, remedy: look, details: {} });
  }
  // The operating system's word (EROFS, ENOSPC, EACCES …) is no bug of ours.
  if (isSystemError(error)) {
    return failure(EXIT.failed, { code: 'file_error', message, remedy: null, details: {} });
  }
  const rule = error instanceof AssertionFailure ? 'a rule of ours was broken' : 'unexpected error';
  return failure(EXIT.bug, {
    code: 'bug',
    message: `${rule}: ${message} (details in the log below the home directory)`,
    remedy: null,
    details: {},
  });
}

/** What a disk does to a database that cannot be written or read just now. */
const OUT_OF_ORDER = /^SQLITE_(?:FULL|IOERR|READONLY|CANTOPEN|PERM|BUSY|LOCKED)/;

interface Failure {
  readonly code: string;
  readonly message: string;
  readonly remedy: string | null;
  readonly details: Readonly<Record<string, unknown>>;
}

function failure(exit: ExitCode, error: Failure): Answer {
  const lines = [`Error: ${printable(error.message)}`];
  if (error.remedy !== null) lines.push(`  Run \`${printable(error.remedy)}\`.`);
  return { exit, json: { error, exit_code: exit }, lines };
}
