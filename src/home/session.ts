import { canonicalUrl, UserError, type Millis } from '../base/index.ts';
import type { Place } from './paths.ts';

/** A credential and the one origin that may ever see it. */
export interface Session {
  /** `scheme://host[:port]`, canonical. */
  readonly origin: string;
  readonly token: string;
  readonly team: string | null;
  readonly user: string | null;
  /** How the token was obtained; so far only tokens that an operator pasted. */
  readonly kind: 'machine';
  readonly savedAt: Millis;
}

export interface NewSession {
  readonly token: string;
  readonly team: string | null;
  readonly user: string | null;
}

/**
 * The session bound to the origin of `url`, or null.
 * @throws UserError `session_unreadable` when others may read the file, it is a link, or it is not ours.
 */
export function sessionFor(place: Place, url: string): Session | null {
  const canonical = canonicalUrl(url);
  if (!canonical.ok) return null;
  const { origin } = canonical.value;
  const sessions = readSessions(place);
  return Object.hasOwn(sessions, origin) ? toSession(place, origin, sessions[origin]) : null;
}

/**
 * Stores a session for the origin of `url`, in a file that only the owner can read.
 * @throws UserError `invalid_url`, `usage` (a token that no header can carry), `session_unreadable`.
 */
export function saveSession(place: Place, url: string, session: NewSession): Session {
  const canonical = canonicalUrl(url);
  if (!canonical.ok) throw new UserError('invalid_url', canonical.error, { remedy: null });
  if (!HEADER_SAFE.test(session.token)) {
    throw new UserError(
      'usage',
      `a token is 1 to ${MAX_TOKEN} printable characters without spaces`,
      {
        remedy: null,
      },
    );
  }
  const { origin } = canonical.value;
  const savedAt = place.system.clock.now();
  const { token, team, user } = session;
  const entry = { token, team, user, kind: 'machine', saved_at: savedAt };
  writeSessions(place, { ...readSessions(place), [origin]: entry });
  return { origin, token, team, user, kind: 'machine', savedAt };
}

const FORMAT = 1;
const MAX_FILE_BYTES = 1_048_576;
const MAX_TOKEN = 16_384;
const HEADER_SAFE = /^[\x21-\x7e]{1,16384}$/;
const OTHERS = 0o077;

type Entries = Readonly<Record<string, unknown>>;

function readSessions(place: Place): Entries {
  const file = place.paths.session;
  const read = place.system.files.readInside(place.paths.root, file, MAX_FILE_BYTES);
  if (!read.ok) {
    if (read.reason === 'absent') return {};
    const why = read.reason === 'outside' ? 'it is a symbolic link' : 'it cannot be read';
    throw unreadable(file, why, `rm ${quoted(file)}`);
  }
  requirePrivate(place, file, read.stat);
  const sessions = parseSessions(read.bytes.toString('utf8'));
  if (sessions === null) throw unreadable(file, 'its content is not ours', `rm ${quoted(file)}`);
  return sessions;
}

function requirePrivate(place: Place, file: string, stat: { mode: number; owner: number }): void {
  // Windows keeps permissions elsewhere; the directory below the user's profile is private there.
  const uid = place.system.host.platform === 'win32' ? undefined : process.getuid?.();
  if (uid === undefined) return;
  if (stat.owner !== uid) {
    throw unreadable(file, 'it belongs to another user', `chown ${uid} ${quoted(file)}`);
  }
  if ((stat.mode & OTHERS) !== 0) {
    throw unreadable(file, 'other users may read it', `chmod 600 ${quoted(file)}`);
  }
}

function parseSessions(text: string): Entries | null {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    // The parser's message quotes the file, so neither it nor a cause may travel.
    if (error instanceof SyntaxError) return null;
    throw error;
  }
  if (!isRecord(document) || document['version'] !== FORMAT) return null;
  const sessions = document['sessions'];
  return isRecord(sessions) ? sessions : null;
}

function toSession(place: Place, origin: string, entry: unknown): Session {
  const file = place.paths.session;
  if (!isRecord(entry)) throw unreadable(file, 'its content is not ours', `rm ${quoted(file)}`);
  const { token, team, user, saved_at: savedAt } = entry;
  if (typeof token !== 'string' || !HEADER_SAFE.test(token)) {
    throw unreadable(file, 'it holds no usable token', `rm ${quoted(file)}`);
  }
  return {
    origin,
    token,
    team: typeof team === 'string' ? team : null,
    user: typeof user === 'string' ? user : null,
    kind: 'machine',
    savedAt: typeof savedAt === 'number' ? savedAt : 0,
  };
}

function writeSessions(place: Place, sessions: Entries): void {
  place.system.files.makeDir(place.paths.root);
  const text = `${JSON.stringify({ version: FORMAT, sessions }, null, 2)}\n`;
  place.system.files.write(place.paths.session, text);
}

function isRecord(value: unknown): value is Entries {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function unreadable(file: string, reason: string, remedy: string): UserError {
  return new UserError('session_unreadable', `${file} is not used: ${reason}`, { remedy });
}

/** A path as one word of a shell command. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
