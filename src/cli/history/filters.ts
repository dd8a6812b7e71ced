import { EXIT, printable, UserError, type Millis } from '../../base/index.ts';
import { findTarget, routeTo, type ReplayFilter, type Route } from '../../delivery/index.ts';
import { parseTimestamp } from '../../wire/index.ts';
import { textOption, type Context } from '../io.ts';
import type { Workspace } from '../workspace.ts';

/** What `--mission`, `--type`, `--since` and `--until` ask. @throws UserError `usage`. */
export function readFilter(context: Context, command: string): ReplayFilter {
  const { options } = context;
  return {
    mission: textOption(options, 'mission'),
    type: textOption(options, 'type'),
    since: instantOption(context, 'since', command),
    until: instantOption(context, 'until', command),
  };
}

/**
 * The route that `--target` names, null when it was not given.
 * @throws UserError `target_unknown`.
 */
export function routeOption(context: Context, workspace: Workspace): Route | null {
  const reference = textOption(context.options, 'target');
  if (reference === null) return null;
  return routeTo(workspace.db, findTarget(workspace.db, reference, context.system.cwd).id);
}

/** A whole number between 1 and `most`. @throws UserError `usage`. */
export function countOption(
  context: Context,
  name: string,
  bounds: { readonly usual: number; readonly most: number; readonly command: string },
): number {
  const text = textOption(context.options, name);
  if (text === null) return bounds.usual;
  const n = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (n >= 1 && n <= bounds.most) return n;
  throw misused(`--${name} takes a number from 1 to ${bounds.most}, not ${text}`, bounds.command);
}

/** A refusal of the command line that names the command's own help. */
export function misused(message: string, command: string): UserError {
  return new UserError('usage', printable(message), {
    remedy: `spec-kitty ${command} --help`,
    exitCode: EXIT.refused,
  });
}

function instantOption(context: Context, name: string, command: string): Millis | null {
  const text = textOption(context.options, name);
  if (text === null) return null;
  // A bare date means its first instant in UTC.
  const day = /^\d{4}-\d{2}-\d{2}$/.test(text) ? parseTimestamp(`${text}T00:00:00Z`) : null;
  const at = parseTimestamp(text) ?? day;
  if (at !== null) return at;
  throw misused(`--${name} takes a date or a time with its zone, not ${text}`, command);
}
