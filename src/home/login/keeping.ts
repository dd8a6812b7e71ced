import { canonicalUrl, messageOf, UserError, type Millis } from '../../base/index.ts';
import type { Home } from '../home.ts';
import type { Keyring } from './keyring.ts';
import {
  entryFor,
  isToken,
  MAX_TOKEN,
  removeEntry,
  toSecrets,
  whyLoggedOut,
  writeEntry,
  type LoginKind,
  type Secrets,
  type Session,
  type SessionTeam,
} from './sessions.ts';

/** A login as a command hands it over. What is left out nobody said. */
export interface NewSession {
  readonly kind: LoginKind;
  readonly team: string | null;
  readonly user: string | null;
  readonly userId?: string | null;
  readonly teams?: readonly SessionTeam[];
  readonly sessionId?: string | null;
  readonly accessExpiresAt?: Millis | null;
  readonly refreshExpiresAt?: Millis | null;
}

/**
 * Keeps a login for the origin of `url`: its secrets in the keyring where there is one, else in a file that only the
 * owner can read. Whatever login the origin had before is gone.
 * @throws UserError `invalid_url`, `usage` (a token that no header can carry), `session_unreadable`.
 */
export async function saveSession(
  home: Home,
  url: string,
  login: NewSession,
  secrets: Secrets,
): Promise<Session> {
  const canonical = canonicalUrl(url);
  if (!canonical.ok) throw new UserError('invalid_url', canonical.error, { remedy: null });
  if (!isToken(secrets.token) || (secrets.refresh !== null && !isToken(secrets.refresh))) {
    throw new UserError(
      'usage',
      `a token is 1 to ${MAX_TOKEN} printable characters without spaces`,
      { remedy: null },
    );
  }
  const keyring = await home.keyring();
  const { origin, url: server } = canonical.value;
  const session: Session = {
    userId: null,
    teams: [],
    sessionId: null,
    accessExpiresAt: null,
    refreshExpiresAt: null,
    ...login,
    origin,
    server,
    client: home.system.ids.ulid(),
    savedAt: home.system.clock.now(),
    storage: keyring === null ? 'file' : 'keyring',
    ended: null,
    renewals: 0,
  };
  home.machine().tx(() => {
    keep(home, keyring, session, secrets);
  });
  return session;
}

/** The login at an origin with its secrets; null when there is none that counts. */
export interface Login {
  readonly session: Session;
  readonly secrets: Secrets;
}

/**
 * The login bound to an origin, with what proves it; null when nobody is logged in there.
 * @throws UserError `session_unreadable`, also when the keyring does not give its part.
 */
export async function readLogin(home: Home, origin: string): Promise<Login | null> {
  const entry = entryFor(home, origin);
  if (entry === null || whyLoggedOut(entry.session, home.system.clock.now()) !== null) return null;
  const { session } = entry;
  if (entry.secrets !== null) return { session, secrets: entry.secrets };
  const secrets = readKeyring(home, await home.keyring(), origin);
  if (secrets !== null) return { session, secrets };
  throw new UserError('session_unreadable', `the keyring does not hold the login at ${origin}`, {
    remedy: `spec-kitty auth logout --server ${session.server}`,
  });
}

/**
 * Replaces a login, provided that it is still the one that was read: a login that came meanwhile, or another
 * process's renewal, is left alone. `secrets` null takes them away.
 */
export async function replaceLogin(
  home: Home,
  read: Session,
  change: Partial<Session>,
  secrets: Secrets | null,
): Promise<void> {
  const keyring = read.storage === 'keyring' ? await home.keyring() : null;
  home.machine().tx(() => {
    const stored = entryFor(home, read.origin)?.session;
    if (stored?.savedAt !== read.savedAt || stored.renewals !== read.renewals) return;
    const session = { ...read, ...change };
    if (secrets !== null) {
      keep(home, keyring, session, secrets);
      return;
    }
    forget(home, keyring, read.origin);
    writeEntry(home, { session, secrets: null });
  });
}

/** Forgets the login at an origin, whatever state it is in. @throws UserError `session_unreadable`. */
export async function forgetLogin(home: Home, origin: string): Promise<void> {
  const entry = entryFor(home, origin);
  if (entry === null) return;
  const keyring = entry.session.storage === 'keyring' ? await home.keyring() : null;
  home.machine().tx(() => {
    forget(home, keyring, origin);
    removeEntry(home, origin);
  });
}

/** The keyring first: a token that is only there is found again, one that is only expected there is not. */
function keep(home: Home, keyring: Keyring | null, session: Session, secrets: Secrets): void {
  if (session.storage === 'file' || keyring === null) {
    writeEntry(home, { session: { ...session, storage: 'file' }, secrets });
    return;
  }
  keyring.write(accountOf(home, session.origin), JSON.stringify(secrets));
  writeEntry(home, { session, secrets: null });
}

function forget(home: Home, keyring: Keyring | null, origin: string): void {
  keyring?.remove(accountOf(home, origin));
}

function readKeyring(home: Home, keyring: Keyring | null, origin: string): Secrets | null {
  try {
    return toSecrets(JSON.parse(keyring?.read(accountOf(home, origin)) ?? 'null'));
  } catch (error) {
    // The parser's message quotes what it read.
    if (error instanceof SyntaxError) return null;
    throw new UserError('session_unreadable', `the keyring fails: ${messageOf(error)}`, {
      remedy: 'spec-kitty auth status',
    });
  }
}

/** Two homes of one user keep their logins apart. */
function accountOf(home: Home, origin: string): string {
  return `${origin} ${home.paths.root}`;
}
