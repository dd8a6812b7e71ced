import { createDecipheriv, scryptSync } from 'node:crypto';
import path from 'node:path';
import { asArray, asObject, asText, member, parseJson } from '../../wire/index.ts';
import type { Place } from '../paths.ts';

/** Who was logged in with the earlier program. Its tokens are that program's: they are never looked at. */
export interface UpstreamIdentity {
  readonly email: string;
  /** Id of the private team. */
  readonly team: string;
}

const MAX_FILE_BYTES = 1_048_576;
const VERSION = 2;
const SALT_BYTES = 16;
const TAG_BYTES = 16;
const KEY_BYTES = 32;
const SCRYPT = { N: 16_384, r: 8, p: 1 } as const;
const OTHERS = 0o077;

/**
 * The identity in the earlier program's session, whose key is derived from host and user alone (disk contract 1.5):
 * a diagnostic for the name of its queue. Null when there is none, or none that can be read.
 */
export function readUpstreamIdentity(place: Place): UpstreamIdentity | null {
  const sealed = readFile(place, 'session.json');
  const salt = sealed === null ? null : readFile(place, 'session.salt');
  if (sealed === null || salt?.length !== SALT_BYTES) return null;
  const plain = open(sealed, keyOf(place, salt));
  return plain === null ? null : identityIn(plain);
}

function readFile(place: Place, name: string): Buffer | null {
  const file = path.join(place.paths.upstreamAuth, name);
  const read = place.system.files.readInside(place.paths.root, file, MAX_FILE_BYTES);
  if (!read.ok) return null;
  const isOpen = place.system.host.platform !== 'win32' && (read.stat.mode & OTHERS) !== 0;
  return isOpen && name === 'session.json' ? null : read.bytes;
}

function keyOf({ system: { host } }: Place, salt: Buffer): Buffer {
  const uid = host.platform === 'win32' ? 0 : (process.getuid?.() ?? 0);
  return scryptSync(`${host.name}:${uid}`, salt, KEY_BYTES, SCRYPT);
}

function open(sealed: Buffer, key: Buffer): Buffer | null {
  const parsed = parseJson(sealed);
  const file = parsed.ok ? (asObject(parsed.value) ?? {}) : {};
  const nonce = Buffer.from(asText(member(file, 'nonce')) ?? '', 'hex');
  const bytes = Buffer.from(asText(member(file, 'ciphertext')) ?? '', 'hex');
  if (member(file, 'version') !== VERSION || nonce.length === 0 || bytes.length < TAG_BYTES) {
    return null;
  }
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, nonce);
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    return Buffer.concat([decipher.update(bytes.subarray(0, -TAG_BYTES)), decipher.final()]);
  } catch (error) {
    // Another host or user, or a file that was changed.
    if (error instanceof Error) return null;
    throw error;
  }
}

function identityIn(plain: Buffer): UpstreamIdentity | null {
  const parsed = parseJson(plain);
  const session = parsed.ok ? (asObject(parsed.value) ?? {}) : {};
  const email = asText(member(session, 'email')) ?? '';
  const teams = (asArray(member(session, 'teams')) ?? []).map((team) => asObject(team) ?? {});
  const mine = teams.find((team) => member(team, 'is_private_teamspace') === true) ?? {};
  const team = asText(member(mine, 'id')) ?? '';
  return email === '' || team === '' ? null : { email, team };
}
