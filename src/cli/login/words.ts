import { printable } from '../../base/index.ts';
import { whyLoggedOut, type Session } from '../../home/index.ts';
import type { Context } from '../io.ts';

/** Where the secrets of a login lie, as a person reads it. */
export function storageWord(context: Context, { storage }: Session): string {
  if (storage === 'keyring') return 'the keyring of this machine';
  return `${context.home.paths.session} (readable by you alone; this machine offers no keyring)`;
}

/** A login without its secrets. */
export function sessionToJson(session: Session): Readonly<Record<string, unknown>> {
  return {
    origin: session.origin,
    server_url: session.server,
    user: session.user,
    user_id: session.userId,
    team: session.team,
    teams: session.teams.map(({ id, name, role, isPrivate }) => ({
      id,
      name,
      role,
      is_private_teamspace: isPrivate,
    })),
    auth_method: session.kind,
    storage: session.storage,
    session_id: session.sessionId,
    saved_at: timeOf(session.savedAt),
    access_token_expires_at: timeOf(session.accessExpiresAt),
    refresh_token_expires_at: timeOf(session.refreshExpiresAt),
  };
}

const METHODS = {
  machine: 'Machine token',
  password: 'Password',
  device: 'Headless (Device Authorization Grant)',
} as const;

/** A login in rows. */
export function sessionLines(context: Context, session: Session): readonly string[] {
  const now = context.system.clock.now();
  const why = whyLoggedOut(session, now);
  const { team } = session;
  const teams = session.teams.map(({ id, name, role, isPrivate }) => {
    const marks = [isPrivate ? 'private' : null, id === team ? 'default' : null];
    const said = marks.filter((mark) => mark !== null).join(', ');
    return `    - ${printable(name)} (${printable(role)})${said === '' ? '' : ` (${said})`}`;
  });
  return [
    why === null ? '+ Authenticated' : `- Not authenticated: ${printable(why)}`,
    `  Server:        ${session.server}`,
    `  User:          ${printable(session.user ?? '(unnamed)')}`,
    ...(session.userId === null ? [] : [`  User ID:       ${printable(session.userId)}`]),
    ...(teams.length === 0
      ? [`  Team:          ${printable(team ?? '(none)')}`]
      : ['  Teams:', ...teams]),
    `  Access token:  ${left(session.accessExpiresAt, now)}`,
    ...(session.kind === 'machine'
      ? []
      : [`  Refresh token: ${left(session.refreshExpiresAt, now)}`]),
    `  Storage:       ${storageWord(context, session)}`,
    ...(session.sessionId === null ? [] : [`  Session ID:    ${printable(session.sessionId)}`]),
    `  Auth method:   ${METHODS[session.kind]}`,
  ];
}

const MINUTE_MS = 60_000;
const UNITS = [
  ['days', 1_440],
  ['hours', 60],
  ['minutes', 1],
] as const;

function left(until: number | null, now: number): string {
  if (until === null) return 'as long as the server allows';
  if (until <= now) return 'expired';
  const minutes = Math.floor((until - now) / MINUTE_MS);
  for (const [unit, size] of UNITS) {
    if (minutes >= size) return `${Math.floor(minutes / size)} ${unit}`;
  }
  return '< 1 minute';
}

function timeOf(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
