import { canonicalUrl, quoted, UserError, type Millis } from '../../base/index.ts';
import type { Place } from '../paths.ts';

/** How a login came about: a pasted token, a password, or a code that was confirmed in a browser. */
export const LOGIN_KINDS = ['machine', 'password', 'device'] as const;

export type LoginKind = (typeof LOGIN_KINDS)[number];

/** A login and the one origin that may ever see its secrets, which are kept apart from it. */
export interface Session {
  /** `scheme://host[:port]`, canonical. */
  readonly origin: string;
  /** Canonical base URL of the server at that origin; its paths begin here. */
  readonly server: string;
  readonly kind: LoginKind;
  /** The private team, to which everything is sent; null when the login has none. */
  readonly team: string | null;
  readonly user: string | null;
  /** What else the server said of the person; null and empty for machine tokens. */
  readonly userId: string | null;
  readonly teams: readonly SessionTeam[];
  readonly sessionId: string | null;
  /** How this machine's processes name themselves to the server together, so that their races are no theft. */
  readonly client: string | null;
  readonly savedAt: Millis;
  /** When the token stops working; null when nobody said so. */
  readonly accessExpiresAt: Millis | null;
  readonly refreshExpiresAt: Millis | null;
  readonly storage: 'file' | 'keyring';
  /** Why the server ended it; null while it did not. */
  readonly ended: string | null;
  /** How often its tokens were renewed: what was read is compared by it before it is replaced. */
  readonly renewals: number;
}

export interface SessionTeam {
  readonly id: string;
  readonly name: string;
  readonly role: string;
  readonly isPrivate: boolean;
}

/** What must never be shown. */
export interface Secrets {
  readonly token: string;
  /** Gets the next token, once; null for tokens that are not renewed. */
  readonly refresh: string | null;
}

/**
 * The login bound to the origin of `url`, or null; one that ended or expired too (see `whyLoggedOut`).
 * @throws UserError `session_unreadable` when others may read the file, it is a link, or it is not ours.
 */
export function sessionFor(place: Place, url: string): Session | null {
  return entryFor(place, url)?.session ?? null;
}

/** Every login of this machine, by origin. @throws UserError `session_unreadable`. */
export function listSessions(place: Place): readonly Session[] {
  return Object.entries(readSessions(place)).map(
    ([origin, entry]) => toEntry(place, origin, entry).session,
  );
}

/** Why a login does not count, in one line; null for one that does. */
export function whyLoggedOut(session: Session | null, now: Millis): string | null {
  if (session === null) return 'nobody is logged in at this server';
  if (session.ended !== null) return `the login ended: ${session.ended}`;
  const until = session.kind === 'machine' ? session.accessExpiresAt : session.refreshExpiresAt;
  if (until === null || until > now) return null;
  return `the login expired at ${new Date(until).toISOString()}`;
}

/** A login with its secrets as the file holds them; they are null when a keyring does. */
export interface Entry {
  readonly session: Session;
  readonly secrets: Secrets | null;
}

/** Reads a login for `keeping.ts`. @throws UserError `session_unreadable`. */
export function entryFor(place: Place, url: string): Entry | null {
  const canonical = canonicalUrl(url);
  if (!canonical.ok) return null;
  const { origin } = canonical.value;
  const sessions = readSessions(place);
  return Object.hasOwn(sessions, origin) ? toEntry(place, origin, sessions[origin]) : null;
}

/** Writes a login into the file, which only its owner can read from its first byte on. Nobody else may write meanwhile. */
export function writeEntry(place: Place, { session, secrets }: Entry): void {
  const entry = {
    kind: session.kind,
    server: session.server,
    team: session.team,
    user: session.user,
    user_id: session.userId,
    teams: session.teams.map(({ isPrivate, ...team }) => ({ ...team, private: isPrivate })),
    session_id: session.sessionId,
    client: session.client,
    saved_at: session.savedAt,
    access_expires_at: session.accessExpiresAt,
    refresh_expires_at: session.refreshExpiresAt,
    storage: session.storage,
    ended: session.ended,
    renewals: session.renewals,
    ...(secrets === null ? {} : { token: secrets.token, refresh: secrets.refresh }),
  };
  writeSessions(place, { ...readSessions(place), [session.origin]: entry });
}

/** Forgets a login. Nobody else may write meanwhile. */
export function removeEntry(place: Place, origin: string): void {
  const { [origin]: _gone, ...others } = readSessions(place);
  writeSessions(place, others);
}

/** Whether a header can carry this token. */
export function isToken(text: string): boolean {
  return HEADER_SAFE.test(text);
}

export const MAX_TOKEN = 16_384;
const HEADER_SAFE = new RegExp(String.raw`^[\x21-\x7e]{1,${MAX_TOKEN}}$`);

const FORMAT = 1;
const MAX_FILE_BYTES = 1_048_576;
const OTHERS = 0o077;

type Entries = Readonly<Record<string, unknown>>;

function readSessions(place: Place): Entries {
  const file = place.paths.session;
  const read = readWhole(place);
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

/**
 * A file that another process replaces while it is being read looks as if it lay elsewhere; the next look finds the new
 * one.
 */
function readWhole({ system: { files }, paths }: Place): ReturnType<typeof files.readInside> {
  for (let looks = 1; ; looks += 1) {
    const read = files.readInside(paths.root, paths.session, MAX_FILE_BYTES);
    if (read.ok || read.reason !== 'outside' || looks === MAX_LOOKS) return read;
    if (files.lstat(paths.session)?.kind !== 'file') return read;
  }
}

const MAX_LOOKS = 20;

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

function toEntry(place: Place, origin: string, entry: unknown): Entry {
  const file = place.paths.session;
  if (!isRecord(entry)) throw unreadable(file, 'its content is not ours', `rm ${quoted(file)}`);
  const kind = LOGIN_KINDS.find((each) => each === entry['kind']) ?? 'machine';
  const storage = entry['storage'] === 'keyring' ? 'keyring' : 'file';
  const session: Session = {
    origin,
    server: serverWithin(origin, entry['server']),
    kind,
    team: textOf(entry['team']),
    user: textOf(entry['user']),
    userId: textOf(entry['user_id']),
    teams: teamsOf(entry['teams']),
    sessionId: textOf(entry['session_id']),
    client: textOf(entry['client']),
    savedAt: numberOf(entry['saved_at']) ?? 0,
    accessExpiresAt: numberOf(entry['access_expires_at']),
    refreshExpiresAt: numberOf(entry['refresh_expires_at']),
    storage,
    ended: textOf(entry['ended']),
    renewals: numberOf(entry['renewals']) ?? 0,
  };
  if (storage === 'keyring' || session.ended !== null) return { session, secrets: null };
  const secrets = toSecrets(entry);
  if (secrets !== null) return { session, secrets };
  throw unreadable(file, 'it holds no usable token', `rm ${quoted(file)}`);
}

/** Secrets as the file and the keyring hold them; null for anything else. */
export function toSecrets(stored: unknown): Secrets | null {
  if (!isRecord(stored)) return null;
  const { token, refresh } = stored;
  if (typeof token !== 'string' || !isToken(token)) return null;
  return { token, refresh: typeof refresh === 'string' && isToken(refresh) ? refresh : null };
}

/** The paths of a login lie below its origin, whatever its file says. */
function serverWithin(origin: string, server: unknown): string {
  const canonical = canonicalUrl(textOf(server) ?? origin);
  return canonical.ok && canonical.value.origin === origin ? canonical.value.url : origin;
}

function teamsOf(value: unknown): readonly SessionTeam[] {
  if (!Array.isArray(value)) return [];
  return value.filter(isRecord).map((team) => ({
    id: textOf(team['id']) ?? '',
    name: textOf(team['name']) ?? '',
    role: textOf(team['role']) ?? '',
    isPrivate: team['private'] === true,
  }));
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
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
