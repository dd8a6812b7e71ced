import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import type { Millis } from '../../base/index.ts';
import type { Sql } from '../store/driver.ts';
import type { Identity } from '../identity/identity.ts';

/** The only algorithm: Ed25519 signatures (RFC 8037). What a token's head says decides nothing. */
export const ALGORITHM = 'EdDSA';

/** How long a retired key is believed: the life of the last token it signed, and the skew of clocks. */
const RETIRED_MS = 16 * 60_000;

export interface SigningKey {
  readonly id: string;
  readonly privateKey: KeyObject;
}

const CURRENT = `
  SELECT key_id, private_key FROM signing_keys WHERE retired_at IS NULL
  ORDER BY created_at DESC, key_id DESC LIMIT 1`;
const WITH_ID = `
  SELECT key_id, private_key FROM signing_keys
  WHERE key_id = $1 AND (retired_at IS NULL OR retired_at > $2)`;
const INSERT = `
  INSERT INTO signing_keys (key_id, private_key, created_at) VALUES ($1, $2, $3) RETURNING key_id`;
const RETIRE_OTHERS = `
  UPDATE signing_keys SET retired_at = $2 WHERE key_id <> $1 AND retired_at IS NULL RETURNING key_id`;

interface KeyRow {
  readonly key_id: string;
  readonly private_key: string;
}

/** The key that signs now; the first one is made when it is needed. The caller holds the transaction. */
export async function currentKey(identity: Identity, sql: Sql): Promise<SigningKey> {
  const [row] = await sql.all<KeyRow>(CURRENT);
  return row === undefined ? addKey(identity, sql) : toKey(row);
}

/** Signs with a new key from now on; tokens of the old one are believed until they expire. */
export async function rotateKeys(identity: Identity): Promise<string> {
  return identity.store.driver.tx(async (sql) => {
    const { id } = await addKey(identity, sql);
    await sql.all(RETIRE_OTHERS, [id, identity.clock.now()]);
    return id;
  });
}

/** The public half of the key with this id; null when no such key is believed. */
export async function publicKey(sql: Sql, id: string, now: Millis): Promise<KeyObject | null> {
  const [row] = await sql.all<KeyRow>(WITH_ID, [id, now - RETIRED_MS]);
  return row === undefined ? null : createPublicKey(toKey(row).privateKey);
}

async function addKey({ ids, clock }: Identity, sql: Sql): Promise<SigningKey> {
  const { privateKey } = generateKeyPairSync('ed25519');
  const id = ids.ulid();
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  await sql.all(INSERT, [id, pem, clock.now()]);
  return { id, privateKey };
}

function toKey(row: KeyRow): SigningKey {
  return { id: row.key_id, privateKey: createPrivateKey(row.private_key) };
}
