import { quoted } from '../base/index.ts';
import type { BoundaryFacts } from './boundary.ts';
import { found, runChecks, type Check, type Finding } from './finding.ts';

/**
 * What must be in order before anything is sent. `runPreflight`, `sync status --check` and `sync doctor` all read this
 * one table: what the first refuses the others show.
 */
export const BOUNDARY_CHECKS: readonly Check<BoundaryFacts>[] = [
  {
    code: 'machine_unreadable',
    severity: 'boundary',
    needs: 'files',
    find: ({ boundary: { machineError } }) =>
      machineError === null ? [] : [found(machineError.message, machineError.remedy)],
  },
  {
    code: 'store_newer',
    severity: 'boundary',
    needs: 'files',
    find: ({ newerStores }) => newerStores.map((detail) => found(detail, UPGRADE)),
  },
  {
    code: 'owner_mismatch',
    severity: 'boundary',
    needs: 'machine',
    find: mismatchesByRemedy,
  },
  {
    code: 'orphan_owner',
    severity: 'boundary',
    needs: 'files',
    find: ({ boundary: { upstream } }) =>
      upstream.status === 'orphan'
        ? [
            found(
              `1 orphan daemon record(s) detected: ${upstream.detail ?? ''}`,
              `rm ${quoted(upstream.path)}`,
            ),
          ]
        : [],
  },
  {
    code: 'owner_unreadable',
    severity: 'boundary',
    needs: 'files',
    find: ({ boundary: { upstream } }) =>
      upstream.status === 'unreadable'
        ? [
            found(
              `${upstream.path} cannot be judged: ${upstream.detail ?? ''}`,
              `rm ${quoted(upstream.path)}`,
            ),
          ]
        : [],
  },
  {
    code: 'legacy_rows',
    severity: 'boundary',
    needs: 'stores',
    find: ({ legacyRows }) =>
      legacyRows
        .filter(({ events, bodies }) => events + bodies > 0)
        .map(({ projectId, events, bodies }) =>
          found(`${events + bodies} row(s) of ${projectId} wait in old queue databases`, MIGRATE),
        ),
  },
  {
    code: 'auth_absent',
    severity: 'boundary',
    needs: 'files',
    find: ({ needsLogin, isLoggedIn, loginEnded, authority: { resolvedServerUrl } }) =>
      needsLogin && !isLoggedIn
        ? [
            found(
              `nobody is logged in at ${resolvedServerUrl ?? 'any server'}${loginEnded === null ? '' : `: ${loginEnded}`}`,
              login(resolvedServerUrl),
            ),
          ]
        : [],
  },
];

const MIGRATE = 'spec-kitty sync migrate';
/** A store that a newer program changed needs that program. */
export const UPGRADE = 'npm install --global spec-kitty-sync@latest';

/** The findings for which nothing may be sent. */
export function checkBoundary(facts: BoundaryFacts): readonly Finding[] {
  return runChecks(BOUNDARY_CHECKS, facts);
}

function mismatchesByRemedy({ boundary }: BoundaryFacts): ReturnType<Check<BoundaryFacts>['find']> {
  const byRemedy = new Map<string, string[]>();
  for (const mismatch of boundary.mismatches) {
    const { remedy } = mismatch;
    byRemedy.set(remedy, [...(byRemedy.get(remedy) ?? []), shortName(mismatch)]);
  }
  return [...byRemedy].map(([remedy, fields]) =>
    found(`foreground/daemon disagree on D-3 field(s): ${fields.join(', ')}`, remedy),
  );
}

function shortName({ field }: { readonly field: string }): string {
  return field.replace(/^daemon_/, '');
}

function login(server: string | null): string {
  return server === null
    ? 'spec-kitty sync server --help'
    : `spec-kitty auth login --server ${server}`;
}
