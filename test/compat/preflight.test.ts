import { expect, it } from 'vitest';
import { resolveSyncTarget } from '../../src/home/index.ts';
import { preflightToJson, refusalLines } from '../../src/cli/boundary/words.ts';
import { compareOwner, judgeBoundary, type BoundaryFacts } from '../../src/report/index.ts';
import { PROJECT_ID } from '../support/envelopes.ts';
import { describeVectors, expectSame } from './vectors.ts';

interface Recorded {
  readonly canonical_field_order: readonly string[];
  readonly cases: readonly Case[];
}

interface Case {
  readonly name: string;
  readonly foreground: Readonly<Record<Field, string | null>>;
  readonly record: Readonly<Record<string, string | null>>;
  readonly orphan: boolean;
  readonly legacy_event_rows: number;
  readonly legacy_body_rows: number;
  readonly require_auth: boolean;
  readonly result: Readonly<Record<string, unknown>> & {
    readonly auth_present: boolean;
    readonly mismatches: readonly Readonly<Record<string, string>>[];
  };
}

type Field =
  | 'package_version'
  | 'executable_path'
  | 'source_path'
  | 'server_url'
  | 'team_or_user'
  | 'queue_db_path';

const REMEDY = 'spec-kitty doctor restart-daemon';

/** The facts of a recorded case. */
function factsOf(recorded: Case): BoundaryFacts {
  const foreground = { ...identityOf(recorded.foreground), pid: 7 };
  const { auth_principal: principal, auth_team: team } = recorded.record;
  const identity = identityOf({
    ...recorded.record,
    source_path: recorded.record['source_checkout_path'],
    team_or_user: principal == null ? null : [principal, team].filter(Boolean).join('/'),
  });
  const record = { ...identity, pid: 4242, port: 9401, startedAt: '' };
  const status = recorded.orphan ? ('orphan' as const) : ('present' as const);
  const upstream = { status, path: '/h/owner.json', record, authScope: null, detail: null };
  const authority = resolveSyncTarget({
    ...{ configuredServerUrl: null, envServerUrl: null, flagServerUrl: null },
    ...{ userId: null, teamSlug: null, cachedScope: null, processWideOverride: true, root: '/h' },
  });
  return {
    authority,
    isLoggedIn: recorded.result.auth_present,
    loginEnded: null,
    needsLogin: recorded.require_auth,
    boundary: {
      foreground,
      owner: { program: 'python', ...upstream },
      upstream,
      mismatches: compareOwner(foreground, record).map((each) => ({ ...each, remedy: REMEDY })),
      machineError: null,
    },
    legacyRows: [
      {
        projectId: PROJECT_ID,
        events: recorded.legacy_event_rows,
        bodies: recorded.legacy_body_rows,
      },
    ],
    newerStores: [],
  };
}

function identityOf(fields: Readonly<Record<string, string | null | undefined>>) {
  return {
    packageVersion: fields['package_version'] ?? '',
    executablePath: fields['executable_path'] ?? '',
    sourcePath: fields['source_path'] ?? null,
    serverUrl: fields['server_url'] ?? null,
    teamOrUser: fields['team_or_user'] ?? null,
    queueDbPath: fields['queue_db_path'] ?? '',
  };
}

describeVectors<Recorded>('preflight.json', ({ cases }) => {
  it.each(cases)('$name', (recorded) => {
    const result = judgeBoundary(factsOf(recorded));
    const { findings, ...ours } = preflightToJson(result);
    const hinted = recorded.result.mismatches.map((each) => ({
      ...each,
      remediation_hint: `Run \`${REMEDY}\`.`,
    }));
    const difference = {
      because: 'One remedy that works',
      ours: { ...recorded.result, mismatches: hinted },
    };
    expectSame(ours, recorded.result, hinted.length === 0 ? undefined : difference);
    expect(findings === undefined).toBe(false);
    const lines = refusalLines('sync now', result);
    const onScreen = lines.reduce((sum, line) => sum + Math.ceil(line.length / 80), 0);
    expect(onScreen).toBeLessThanOrEqual(25);
  });
});
