import { UserError, type Db } from '../base/index.ts';
import { findDestination } from '../delivery/index.ts';
import { currentSyncTarget, type Home } from '../home/index.ts';
import { legacyRowsOf, readLegacy, waitingRowsOf } from '../legacy/index.ts';
import type { ProjectId } from '../wire/index.ts';
import { checkBoundary } from './boundary-checks.ts';
import {
  gatherBoundary,
  loginFacts,
  type BoundaryFacts,
  type Owner,
  type OwnerMismatch,
} from './boundary.ts';
import type { Finding } from './finding.ts';

export interface PreflightQuestion {
  /** The project that wants to send; null when the question is about the machine alone. */
  readonly projectId: ProjectId | null;
  /** Whether the command is worth nothing without a login. */
  readonly requireAuth: boolean;
}

/** Whether a command may send, and everything that stands in its way. */
export interface PreflightResult {
  /** True when nothing was found. */
  readonly ok: boolean;
  readonly findings: readonly Finding[];
  readonly mismatches: readonly OwnerMismatch[];
  /** Records of daemons of the earlier program that are gone. */
  readonly orphans: readonly Owner[];
  readonly legacyEventRows: number;
  readonly legacyBodyUploadRows: number;
  readonly authPresent: boolean;
  readonly authRequired: boolean;
}

/**
 * Asks whether anything may be sent from here: the checks of severity `boundary` over facts read without network and
 * without changing any. It belongs before every command that delivers, and before none that captures, imports or
 * permits.
 * @throws UserError `config_corrupt`, `session_unreadable`, and what opening the project's store may throw but
 * `store_newer`, which is a finding.
 */
export async function runPreflight(
  home: Home,
  question: PreflightQuestion,
): Promise<PreflightResult> {
  return judgeBoundary(await gatherFacts(home, question));
}

/** The same over facts that were gathered already. */
export function judgeBoundary(facts: BoundaryFacts): PreflightResult {
  const findings = checkBoundary(facts);
  const { mismatches, upstream } = facts.boundary;
  const sum = (part: 'events' | 'bodies'): number =>
    facts.legacyRows.reduce((total, rows) => total + rows[part], 0);
  return {
    ok: findings.length === 0,
    findings,
    mismatches,
    orphans: upstream.status === 'orphan' ? [{ program: 'python', ...upstream }] : [],
    legacyEventRows: sum('events'),
    legacyBodyUploadRows: sum('bodies'),
    authPresent: facts.isLoggedIn,
    authRequired: facts.needsLogin,
  };
}

async function gatherFacts(
  home: Home,
  { projectId, requireAuth }: PreflightQuestion,
): Promise<BoundaryFacts> {
  const store = projectId === null ? null : openStore(home, projectId);
  const db = store instanceof UserError ? null : store;
  const authority =
    db === null
      ? await currentSyncTarget(home, { processWideOverride: true })
      : (await findDestination(home, db, { processWideOverride: true })).authority;
  return {
    authority,
    ...loginFacts(home, authority.resolvedServerUrl),
    needsLogin: requireAuth,
    boundary: await gatherBoundary(home),
    legacyRows:
      db === null || projectId === null
        ? []
        : [waitingRowsOf(projectId, legacyRowsOf(db, projectId, readLegacy(home)))],
    newerStores: store instanceof UserError ? [store.message] : [],
  };
}

function openStore(home: Home, projectId: ProjectId): Db | UserError {
  try {
    return home.store(projectId);
  } catch (error) {
    if (error instanceof UserError && error.code === 'store_newer') return error;
    throw error;
  }
}
