import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { UserError } from '../../src/base/index.ts';
import { homePaths, readConfig, resolveSyncTarget, targetToWire } from '../../src/home/index.ts';
import { cachedQueueScope } from '../../src/home/sync-target.ts';
import { tempDir, testSystem } from '../support/temp-home.ts';
import { describeVectors, expectSame, type Difference } from './vectors.ts';

type WireTarget = Readonly<Record<string, string | null>>;

interface TargetCase {
  readonly config: string;
  readonly config_toml: string | null;
  readonly env_SPEC_KITTY_SAAS_URL: string | null;
  readonly user_id: string | null;
  readonly team_slug: string | null;
  readonly process_wide_override: boolean;
  readonly active_scope_marker: string | null;
  readonly credentials_toml?: string;
  readonly resolved: WireTarget & { readonly error?: string };
}

const CORRUPT = 'config_corrupt';
const SPLIT_BRAIN = 'split_brain';
const OLD_DEFAULT = 'https://spec-kitty-dev.fly.dev';

/** The two ways in which ours differs, by the shape of the file. */
const UNNAMED = new Set([
  'no_file',
  'empty_file',
  'no_sync_table',
  'sync_without_url',
  'url_blank',
  'url_whitespace',
]);
/** Of those, the ones where the earlier program fell back to its default server. */
const DEFAULTED = new Set([...UNNAMED].filter((shape) => shape !== 'url_whitespace'));
const IMPOSSIBLE = new Set(['url_number', 'url_bool', 'malformed_toml', 'sync_is_string']);

/** Without a server in the file there is nothing to disagree with: the environment alone names one, or nobody. */
function unnamed(recorded: TargetCase): WireTarget {
  const stated = recorded.env_SPEC_KITTY_SAAS_URL?.trim().replace(/\/+$/, '') ?? '';
  const env = stated === '' ? null : stated;
  const scope =
    env === null ? null : `${env}|${recorded.user_id ?? ''}|${recorded.team_slug ?? ''}`;
  const digest = createHash('sha256')
    .update(scope ?? '')
    .digest('hex')
    .slice(0, 16);
  return {
    configured_server_url: recorded.resolved['configured_server_url'] ?? null,
    env_server_url: env,
    override_mode: 'none',
    resolved_server_url: env,
    user_id: recorded.user_id,
    team_slug: recorded.team_slug,
    derived_queue_scope: scope,
    queue_db_path: scope === null ? null : `queues/queue-${digest}.db`,
    active_queue_scope_status: 'absent',
  };
}

function differenceOf(recorded: TargetCase): Difference | undefined {
  if (IMPOSSIBLE.has(recorded.config)) {
    return { because: 'A corrupt file is refused', ours: CORRUPT };
  }
  if (UNNAMED.has(recorded.config)) {
    return { because: 'No default server', ours: unnamed(recorded) };
  }
  return undefined;
}

async function resolve(recorded: TargetCase): Promise<WireTarget | string> {
  const dir = tempDir();
  const home = path.join(dir, 'home');
  const env: Record<string, string> = { SPEC_KITTY_HOME: home };
  const stated = recorded.env_SPEC_KITTY_SAAS_URL;
  if (stated !== null) env['SPEC_KITTY_SAAS_URL'] = stated;
  const system = testSystem(dir, { env });
  const paths = homePaths(system);
  mkdirSync(home);
  if (recorded.config_toml !== null) writeFileSync(paths.config, recorded.config_toml);
  if (recorded.active_scope_marker !== null) {
    writeFileSync(paths.activeQueueScope, recorded.active_scope_marker);
  }
  if (recorded.credentials_toml !== undefined) {
    writeFileSync(paths.credentials, recorded.credentials_toml);
  }
  try {
    const config = await readConfig({ system, paths });
    const target = resolveSyncTarget({
      configuredServerUrl: config.configuredServerUrl.value,
      envServerUrl: config.envServerUrl.value,
      userId: recorded.user_id,
      teamSlug: recorded.team_slug,
      cachedScope: await cachedQueueScope({ system, paths }),
      processWideOverride: recorded.process_wide_override,
      root: '',
    });
    return targetToWire(target);
  } catch (error) {
    if (error instanceof UserError) return error.code;
    throw error;
  }
}

describeVectors<{ readonly cases: readonly TargetCase[] }>(
  'target_resolution.json',
  ({ cases }) => {
    it.each(cases.map((each, index) => [index, each.config, each] as const))(
      '%i %s',
      async (_index, _config, recorded) => {
        const theirs = recorded.resolved.error === undefined ? recorded.resolved : SPLIT_BRAIN;
        const ours = await resolve(recorded);
        const difference = differenceOf(recorded);
        // Naming the old default itself, the environment gives the same answer in both.
        const isSame =
          recorded.env_SPEC_KITTY_SAAS_URL === OLD_DEFAULT && DEFAULTED.has(recorded.config);
        expectSame(ours, theirs, isSame ? undefined : difference);
      },
    );

    it('still differs in every listed shape of the file', () => {
      const shapes = new Set(cases.map((each) => each.config));
      for (const listed of [...UNNAMED, ...IMPOSSIBLE]) expect(shapes).toContain(listed);
    });
  },
);
