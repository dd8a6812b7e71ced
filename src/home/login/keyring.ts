import type * as Keyrings from '@napi-rs/keyring';
import { errnoOf, type Env } from '../../base/index.ts';

/** The operating system's store of secrets. Every call may throw what the system says. */
export interface Keyring {
  /** Null when nothing is kept under this account. */
  read(account: string): string | null;
  write(account: string, secret: string): void;
  /** Absent is fine. */
  remove(account: string): void;
}

/** How a keyring is found, asked when a login is kept or used. */
export type KeyringFinder = () => Promise<Keyring | null>;

/** The finder of a process; `SPEC_KITTY_KEYRING=0` is for machines whose keyring must be left alone. */
export function keyringOf(env: Env): KeyringFinder {
  return env['SPEC_KITTY_KEYRING'] === '0' ? () => Promise.resolve(null) : systemKeyring;
}

const SERVICE = 'spec-kitty-sync';
const PROBE = 'probe';

/**
 * The keyring of this machine's user, or null where there is none: no library for the platform, no service that
 * answers, or one that refuses. On Linux the Secret Service alone counts, because the kernel's keyring forgets with
 * every start of the machine.
 */
async function systemKeyring(): Promise<Keyring | null> {
  const library = await loadLibrary();
  if (library === null) return null;
  const entry = (account: string): InstanceType<Library['Entry']> =>
    new library.Entry(SERVICE, account, { linux: { store: 'secret-service' } });
  const keyring: Keyring = {
    read: (account) => entry(account).getPassword(),
    write: (account, secret) => {
      entry(account).setPassword(secret);
    },
    remove: (account) => {
      if (keyring.read(account) !== null) entry(account).deletePassword();
    },
  };
  return answers(keyring) ? keyring : null;
}

type Library = Pick<typeof Keyrings, 'Entry'>;

async function loadLibrary(): Promise<Library | null> {
  try {
    return await import('@napi-rs/keyring');
  } catch (error) {
    // An optional dependency that is not installed, or has no build for this platform.
    if (error instanceof Error && (errnoOf(error) !== '' || isBindingMissing(error))) return null;
    throw error;
  }
}

function isBindingMissing(error: Error): boolean {
  return /native binding|Cannot find module|Failed to load/.test(error.message);
}

/** Whether it takes a secret and gives it back: a service that only answers questions is not enough. */
function answers(keyring: Keyring): boolean {
  try {
    keyring.write(PROBE, PROBE);
    const isKept = keyring.read(PROBE) === PROBE;
    keyring.remove(PROBE);
    return isKept;
  } catch (error) {
    if (error instanceof Error) return false;
    throw error;
  }
}
