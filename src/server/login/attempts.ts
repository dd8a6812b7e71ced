import type { Millis } from '../../base/index.ts';
import type { Driver } from '../store/driver.ts';

const WINDOW_MS = 15 * 60_000;

/** Tries in one window. One address at one account is the usual guesser; the others catch those who spread out. */
const MOST = { pair: 5, account: 60, address: 60, beginnings: 60 } as const;

export interface Attempt {
  /** What is tried: an account's email, or what else takes guesses. */
  readonly account: string;
  /** Where the try comes from. */
  readonly address: string;
}

const COUNT = `
  INSERT INTO attempts (subject, count, window_ends_at) VALUES ($1, 1, $2)
  ON CONFLICT (subject) DO UPDATE SET
    count = CASE WHEN attempts.window_ends_at <= $3 THEN 1 ELSE attempts.count + 1 END,
    window_ends_at = CASE WHEN attempts.window_ends_at <= $3 THEN $2 ELSE attempts.window_ends_at END
  RETURNING count, window_ends_at`;
const FORGET_OLD = 'DELETE FROM attempts WHERE window_ends_at <= $1 RETURNING subject';
const FORGIVE = `
  UPDATE attempts SET count = count - 1 WHERE subject = $1 AND count > 0 RETURNING subject`;
const FORGET = 'DELETE FROM attempts WHERE subject = $1 RETURNING subject';

/**
 * Counts a try before it is made, so that tries at the same moment count too.
 * @returns milliseconds until it may be made; null for now.
 */
export async function countAttempt(
  driver: Driver,
  attempt: Attempt,
  now: Millis,
): Promise<Millis | null> {
  return countTowards(driver, subjectsOf(attempt), now);
}

/** The same for what anybody may begin: so many times from one address. */
export async function countBeginning(
  driver: Driver,
  { what, address }: { readonly what: string; readonly address: string },
  now: Millis,
): Promise<Millis | null> {
  return countTowards(driver, [[`begin ${what} ${address}`, MOST.beginnings]], now);
}

async function countTowards(
  driver: Driver,
  limits: readonly Limit[],
  now: Millis,
): Promise<Millis | null> {
  return driver.tx(async (sql) => {
    await sql.all(FORGET_OLD, [now]);
    for (const [subject, most] of limits) {
      type Row = { readonly count: number; readonly window_ends_at: number };
      const [row] = await sql.all<Row>(COUNT, [subject, now + WINDOW_MS, now]);
      // What one guesser is refused is not held against others at the same account or address.
      if (row !== undefined && row.count > most) return row.window_ends_at - now;
    }
    return null;
  });
}

/** Takes a try back that was right. */
export async function forgiveAttempt(driver: Driver, attempt: Attempt): Promise<void> {
  const [pair, ...others] = subjectsOf(attempt);
  await driver.tx(async (sql) => {
    await sql.all(FORGET, [pair[0]]);
    for (const [subject] of others) await sql.all(FORGIVE, [subject]);
  });
}

type Limit = readonly [subject: string, most: number];

function subjectsOf({ account, address }: Attempt): readonly [Limit, Limit, Limit] {
  return [
    [`pair ${account} ${address}`, MOST.pair],
    [`account ${account}`, MOST.account],
    [`address ${address}`, MOST.address],
  ];
}
