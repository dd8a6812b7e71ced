import { createRequire } from 'node:module';
import type DatabaseConstructor from 'better-sqlite3';
import { EXIT, messageOf, UserError } from './errors.ts';

const FIRST_NODE_FOR_13 = 22;
const require = createRequire(import.meta.url);

/** The names under which the two pinned drivers are installed, best first for this Node. */
export function driverCandidates(nodeMajor: number): readonly string[] {
  // 13 needs Node-API 10: on Node 20 it crashes the process instead of throwing, so it must not be tried there.
  return nodeMajor >= FIRST_NODE_FOR_13
    ? ['better-sqlite3-node22', 'better-sqlite3']
    : ['better-sqlite3'];
}

/**
 * The SQLite driver for this Node.
 * @throws UserError `driver_missing` when none of the candidates loads.
 */
export function loadDriver(
  candidates: readonly string[] = driverCandidates(Number.parseInt(process.versions.node, 10)),
): typeof DatabaseConstructor {
  const reasons: string[] = [];
  for (const name of candidates) {
    try {
      return require(name) as typeof DatabaseConstructor;
    } catch (error) {
      reasons.push(`${name}: ${messageOf(error).slice(0, 200)}`);
    }
  }
  throw driverMissing(reasons.join('; '));
}

/** The driver's package is there and its compiled part is not: install scripts were blocked or failed. */
export function isAddonMissing(error: unknown): boolean {
  return /bindings file|ERR_DLOPEN_FAILED|\.node['"]?$/.test(messageOf(error));
}

/** What to say when no driver can be used. */
export function driverMissing(reasons: string): UserError {
  return new UserError('driver_missing', `no SQLite driver could be loaded (${reasons})`, {
    remedy: 'npm install --include=optional',
    exitCode: EXIT.failed,
  });
}
