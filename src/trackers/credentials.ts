import path from 'node:path';
import { quoted, UserError } from '../base/index.ts';
import { readForeignToml, type Home, type Keyring, type Place } from '../home/index.ts';

/** What a tracker asks for; names are the tracker's own. */
export type Credentials = Readonly<Record<string, string>>;

/** Whose credentials they are: one tracker and one workspace of it. */
export interface Account {
  readonly provider: string;
  readonly workspace: string;
}

const FORMAT = 1;
const MAX_FILE_BYTES = 1_048_576;
const OTHERS = 0o077;
const NOT_OURS = 'its content is not ours';
/** Names that look like a secret's and are none. */
const PLAIN: ReadonlySet<string> = new Set(['project_key', 'auth_type', 'key_prefix']);
const SECRET =
  /token|secret|passw|pass$|passphrase|key$|^pat$|_pat$|auth|credential|private|cookie|bearer/i;

/** Whether a credential of this name must not be seen on a command line. */
export function looksSecret(name: string): boolean {
  return !PLAIN.has(name.toLowerCase()) && SECRET.test(name);
}

/**
 * The credentials of an account: ours, otherwise those that the earlier program kept for the tracker; null when there
 * are none.
 * @throws UserError `credentials_unreadable` when others may read our file, it is a link, or it is not ours, and when
 * they were put into a keyring that does not give them back.
 */
export async function readCredentials(home: Home, account: Account): Promise<Credentials | null> {
  const kept = readFile(home);
  const key = keyOf(account);
  if (!Object.hasOwn(kept, key)) return readForeign(home, account.provider);
  const entry = kept[key];
  if (!isRecord(entry) || entry['keyring'] !== true) return textsOf(entry);
  return fromKeyring(home, await home.keyring(), key);
}

/**
 * Keeps credentials, all of an account anew: in the keyring where there is one, else in a file that its owner alone can
 * read.
 */
export async function saveCredentials(
  home: Home,
  account: Account,
  credentials: Credentials,
): Promise<void> {
  const key = keyOf(account);
  const keyring = await home.keyring();
  keyring?.write(inKeyring(home, key), JSON.stringify(credentials));
  writeFile(home, { ...readFile(home), [key]: keyring === null ? credentials : { keyring: true } });
}

/**
 * Forgets the credentials of an account. Those that the earlier program kept lie in its own file, which is not ours to
 * change: from now on they are passed over.
 */
export async function forgetCredentials(home: Home, account: Account): Promise<void> {
  const key = keyOf(account);
  const kept = readFile(home);
  const entry = kept[key];
  if (isRecord(entry) && entry['keyring'] === true) {
    (await home.keyring())?.remove(inKeyring(home, key));
  }
  writeFile(home, { ...kept, [key]: {} });
}

/** Two homes of one user keep theirs apart. */
function inKeyring({ paths }: Home, key: string): string {
  return `tracker ${key} ${paths.root}`;
}

function fromKeyring(home: Home, keyring: Keyring | null, key: string): Credentials {
  const text = readQuietly(keyring, inKeyring(home, key));
  if (text !== null) return textsOf(parseJsonText(text));
  throw new UserError(
    'credentials_unreadable',
    `the credentials for ${key} are in the keyring, which does not give them back`,
    { remedy: 'spec-kitty tracker bind --help' },
  );
}

/** A keyring that is locked throws what the system says; to us it has nothing. */
function readQuietly(keyring: Keyring | null, account: string): string | null {
  try {
    return keyring?.read(account) ?? null;
  } catch (error) {
    if (error instanceof Error) return null;
    throw error;
  }
}

/** Null for what is no JSON. The parser's message quotes the text, so neither it nor a cause may travel. */
function parseJsonText(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function keyOf({ provider, workspace }: Account): string {
  return `${provider} ${workspace}`;
}

/** The earlier program kept one table for each tracker (disk contract 8). */
async function readForeign(place: Place, provider: string): Promise<Credentials | null> {
  const { paths } = place;
  for (const file of [paths.credentials, path.join(paths.root, 'tracker', 'credentials')]) {
    const document = await readForeignToml(place, file);
    const found = ['tracker', 'providers', provider].reduce<unknown>(
      (value, key) => (isRecord(value) ? value[key] : undefined),
      document,
    );
    const credentials = textsOf(found);
    if (Object.keys(credentials).length > 0) return credentials;
  }
  return null;
}

/** Texts alone, and numbers as they are spelled; what is blank is missing. */
function textsOf(value: unknown): Credentials {
  const entries = isRecord(value) ? Object.entries(value) : [];
  return Object.fromEntries(
    entries.flatMap(([name, each]) => {
      const text = typeof each === 'number' ? String(each) : each;
      return typeof text === 'string' && text.trim() !== '' ? [[name, text]] : [];
    }),
  );
}

type Kept = Readonly<Record<string, unknown>>;

function readFile(place: Place): Kept {
  const { files, host } = place.system;
  const file = place.paths.trackerCredentials;
  const read = files.readInside(place.paths.root, file, MAX_FILE_BYTES);
  if (!read.ok) {
    if (read.reason === 'absent') return {};
    const isLink = read.reason === 'outside';
    throw unreadable(file, isLink ? 'it is a symbolic link' : 'it cannot be read');
  }
  // Windows keeps permissions elsewhere; the directory below the user's profile is private there.
  const uid = host.platform === 'win32' ? undefined : process.getuid?.();
  if (uid !== undefined && read.stat.owner !== uid) {
    throw unreadable(file, 'it belongs to another user');
  }
  if (uid !== undefined && (read.stat.mode & OTHERS) !== 0) {
    throw unreadable(file, 'other users may read it');
  }
  return parse(file, read.bytes.toString('utf8'));
}

function parse(file: string, text: string): Kept {
  const document = parseJsonText(text);
  const kept = isRecord(document) && document['version'] === FORMAT ? document['trackers'] : null;
  if (isRecord(kept)) return kept;
  throw unreadable(file, NOT_OURS);
}

function writeFile(place: Place, trackers: Kept): void {
  const { files } = place.system;
  files.makeDir(place.paths.root);
  const text = `${JSON.stringify({ version: FORMAT, trackers }, null, 2)}\n`;
  files.write(place.paths.trackerCredentials, text);
}

function isRecord(value: unknown): value is Kept {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function unreadable(file: string, reason: string): UserError {
  const remedy = `rm ${quoted(file)}`;
  return new UserError('credentials_unreadable', `${file} is not used: ${reason}`, { remedy });
}
