import { type Millis, type Random, sha256Hex } from '../../base/index.ts';
import type { Sql } from '../store/driver.ts';
import type { Identity } from '../identity/identity.ts';
import { drawSecret, hashOfSecret } from './secrets.ts';

export const DEVICE_GRANT_MS = 900_000;
export const POLL_EVERY_S = 5;
const SLOWEST_POLL_S = 10;

/** Grants that wait at one time, of everybody: a flood of them must not fill the disk. */
const MOST_PENDING = 1_000;

// No vowels, so no words, and nothing that is read as something else (RFC 8628 section 6.1).
const LETTERS = 'BCDFGHJKLMNPQRSTVWXZ';
const CODE_CHARS = 8;
const CODE = new RegExp(`^[${LETTERS}]{${CODE_CHARS}}$`);

export interface DeviceGrant {
  /** For the device alone. */
  readonly deviceCode: string;
  /** For the person, `ABCD-EFGH`. */
  readonly userCode: string;
}

const FORGET = 'DELETE FROM device_grants WHERE expires_at <= $1 RETURNING device_hash';
const COUNT = 'SELECT count(*) AS count FROM device_grants';
const INSERT = `
  INSERT INTO device_grants (device_hash, user_code_hash, state, created_at, expires_at, interval_s)
  VALUES ($1, $2, 'pending', $3, $4, $5) ON CONFLICT (user_code_hash) DO NOTHING RETURNING device_hash`;

/** Begins a grant; null when too many wait. */
export async function startDeviceGrant({
  store,
  clock,
  random,
}: Identity): Promise<DeviceGrant | null> {
  const now = clock.now();
  return store.driver.tx(async (sql) => {
    // Kept for one more life, so that a device that comes late hears `expired_token`.
    await sql.all(FORGET, [now - DEVICE_GRANT_MS]);
    const [row] = await sql.all<{ readonly count: number }>(COUNT);
    if ((row?.count ?? 0) >= MOST_PENDING) return null;
    const device = drawSecret(random, 'skd');
    const userCode = drawUserCode(random);
    const hash = sha256Hex(userCode);
    const times = [now, now + DEVICE_GRANT_MS, POLL_EVERY_S];
    const added = await sql.all(INSERT, [device.hash, hash, ...times]);
    return added.length === 0 ? null : { deviceCode: device.text, userCode: grouped(userCode) };
  });
}

function drawUserCode(random: Random): string {
  let code = '';
  while (code.length < CODE_CHARS) {
    for (const byte of random(2 * CODE_CHARS)) {
      // 240 is the largest multiple of 20 that a byte holds: every letter is as likely as every other.
      if (byte < 240 && code.length < CODE_CHARS) code += LETTERS[byte % LETTERS.length] ?? '';
    }
  }
  return code;
}

function grouped(code: string): string {
  return `${code.slice(0, 4)}-${code.slice(4)}`;
}

/** The code as a person may have typed it; null for what can be none. */
export function parseUserCode(text: string): string | null {
  const code = text.toUpperCase().replaceAll(/[^A-Z]/g, '');
  return CODE.test(code) ? code : null;
}

const DECIDE = `
  UPDATE device_grants SET state = $2, user_id = $3, team_id = $4
  WHERE user_code_hash = $1 AND state = 'pending' AND expires_at > $5 RETURNING device_hash`;

/** For whom a person lets a device in; null to turn it away. */
export interface Approval {
  readonly userId: string;
  readonly teamId: string;
}

/** @returns false when nothing waits under this code. */
export async function decideDeviceGrant(
  sql: Sql,
  userCode: string,
  approval: Approval | null,
  now: Millis,
): Promise<boolean> {
  const state = approval === null ? 'denied' : 'approved';
  const whom = [approval?.userId ?? null, approval?.teamId ?? null];
  return (await sql.all(DECIDE, [sha256Hex(userCode), state, ...whom, now])).length > 0;
}

/** What a device hears that asks. */
export type Poll =
  | { readonly kind: 'approved'; readonly approval: Approval }
  | {
      readonly kind:
        | 'authorization_pending'
        | 'slow_down'
        | 'access_denied'
        | 'expired_token'
        | 'invalid_grant';
    };

const READ = `
  SELECT state, user_id, team_id, expires_at, interval_s, polled_at FROM device_grants
  WHERE device_hash = $1`;
const POLLED = `
  UPDATE device_grants SET polled_at = $2, interval_s = $3 WHERE device_hash = $1 RETURNING device_hash`;
const SPEND = `
  UPDATE device_grants SET state = 'spent' WHERE device_hash = $1 AND state = 'approved'
  RETURNING device_hash`;

/** Answers a device; an approval is handed out once. The caller holds the transaction. */
export async function pollDeviceGrant(sql: Sql, deviceCode: string, now: Millis): Promise<Poll> {
  const hash = hashOfSecret(deviceCode, 'skd');
  if (hash === null) return { kind: 'invalid_grant' };
  const [row] = await sql.all<GrantRow>(READ, [hash]);
  if (row === undefined || row.state === 'spent') return { kind: 'invalid_grant' };
  if (row.expires_at <= now) return { kind: 'expired_token' };
  if (row.state === 'denied') return { kind: 'access_denied' };
  const isEarly = row.polled_at !== null && now - row.polled_at < row.interval_s * 1000;
  if (row.state === 'pending') {
    const intervalS = isEarly ? Math.min(row.interval_s + 5, SLOWEST_POLL_S) : row.interval_s;
    await sql.all(POLLED, [hash, now, intervalS]);
    return { kind: isEarly ? 'slow_down' : 'authorization_pending' };
  }
  if ((await sql.all(SPEND, [hash])).length === 0) return { kind: 'invalid_grant' };
  const { user_id: userId, team_id: teamId } = row;
  if (userId === null || teamId === null) return { kind: 'invalid_grant' };
  return { kind: 'approved', approval: { userId, teamId } };
}

interface GrantRow {
  readonly state: 'pending' | 'approved' | 'denied' | 'spent';
  readonly user_id: string | null;
  readonly team_id: string | null;
  readonly expires_at: number;
  readonly interval_s: number;
  readonly polled_at: number | null;
}
