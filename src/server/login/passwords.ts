import { scrypt, timingSafeEqual } from 'node:crypto';
import type { Random } from '../../base/index.ts';

/** OWASP Password Storage Cheat Sheet, scrypt: N = 2^16 with 64 MiB, p = 2. */
const COST = { N: 65_536, r: 8, p: 2 } as const;
const MAX_MEMORY = 96 * 1_048_576;
const HASH_BYTES = 32;
const SALT_BYTES = 16;
const STORED = /^scrypt\$(\d{1,8})\$(\d{1,2})\$(\d{1,2})\$([\w-]+)\$([\w-]+)$/;

export const MIN_PASSWORD_CHARS = 12;
export const MAX_PASSWORD_CHARS = 256;

/** What is kept of a password: the function, its cost, a salt and the hash, so that a later cost can stand beside. */
export async function hashPassword(password: string, random: Random): Promise<string> {
  const salt = Buffer.from(random(SALT_BYTES));
  const hash = await derive(password, salt, COST);
  const { N, r, p } = COST;
  return ['scrypt', N, r, p, salt.toString('base64url'), hash.toString('base64url')].join('$');
}

/**
 * Whether the password is the one that was stored. Without a stored one the same work is done for nothing, so that
 * the time says nothing about which accounts exist.
 */
export async function isPassword(password: string, stored: string | null): Promise<boolean> {
  const [, n, r, p, salt = '', hash = ''] = STORED.exec(stored ?? '') ?? [];
  const cost = n === undefined ? COST : { N: Number(n), r: Number(r), p: Number(p) };
  const found = await derive(password, Buffer.from(salt, 'base64url'), cost);
  const wanted = Buffer.from(hash, 'base64url');
  return wanted.length === found.length && timingSafeEqual(wanted, found);
}

interface Cost {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

function derive(password: string, salt: Buffer, cost: Cost): Promise<Buffer> {
  // The same characters typed on two keyboards are one password.
  const text = password.normalize('NFKC').slice(0, MAX_PASSWORD_CHARS);
  return new Promise((resolve, reject) => {
    scrypt(text, salt, HASH_BYTES, { ...cost, maxmem: MAX_MEMORY }, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}
