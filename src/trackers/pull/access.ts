import { UserError, type System } from '../../base/index.ts';
import type { Home } from '../../home/index.ts';
import { parseEndpoint } from '../../receivers/index.ts';
import type { Tracking } from '../tracking.ts';
import { createCaller, type Caller, type CallOptions } from './calls.ts';
import { GITHUB_URL, githubSource, isGithubLimited } from './github.ts';
import { jiraSource } from './jira.ts';
import { isLinearLimited, LINEAR_URL, linearSource } from './linear.ts';
import type { IssueSource } from './source.ts';

interface Way {
  readonly tracking: Tracking;
  /** The address among the credentials, or the tracker's own. */
  readonly address: (name: string, otherwise: string) => string;
  /** How it is called; where too much was asked it may say so in its own way. */
  readonly callerFor: (isLimited: CallOptions['isLimited']) => Caller;
}

/** Trackers whose issues are pulled; of the others there are mappings and snapshots alone. */
const SOURCES: Readonly<Partial<Record<string, (way: Way) => IssueSource>>> = {
  jira: ({ tracking, address, callerFor }) => {
    const names = ['base_url', 'email', 'api_token', 'project_key'];
    const [, email = '', apiToken = '', projectKey = ''] = required(tracking, names);
    const baseUrl = address('base_url', '');
    const { workspace } = tracking.binding;
    return jiraSource({ baseUrl, email, apiToken, projectKey, workspace }, callerFor(never));
  },
  linear: ({ tracking, address, callerFor }) => {
    const [apiKey = '', teamId = ''] = required(tracking, ['api_key', 'team_id']);
    const url = address('graphql_url', LINEAR_URL);
    const { workspace } = tracking.binding;
    return linearSource({ url, apiKey, teamId, workspace }, callerFor(isLinearLimited));
  },
  github: ({ tracking, address, callerFor }) => {
    const [owner = '', repo = '', token = ''] = required(tracking, ['owner', 'repo', 'token']);
    const baseUrl = address('base_url', GITHUB_URL);
    const { workspace } = tracking.binding;
    return githubSource({ baseUrl, owner, repo, token, workspace }, callerFor(isGithubLimited));
  },
};

const never = (): boolean => false;

/**
 * The issues of the tracker a project is bound to.
 * @throws UserError `usage` for a tracker whose issues are not pulled, and for credentials that are missing;
 * `invalid_url`, `insecure_url` for the address among them.
 */
export function openSource(home: Home, tracking: Tracking, signal: AbortSignal): IssueSource {
  const { provider } = tracking.binding;
  const open = Object.hasOwn(SOURCES, provider) ? SOURCES[provider] : undefined;
  if (open === undefined) {
    throw new UserError(
      'usage',
      `issues of ${provider} are not pulled; mappings and snapshots work without them`,
      { remedy: 'spec-kitty tracker map add --help' },
    );
  }
  const { http, system } = home;
  return open({
    tracking,
    address: (name, otherwise) =>
      addressOf(tracking.credentials[name]?.trim() ?? otherwise, system),
    callerFor: (isLimited) => createCaller({ http, clock: system.clock, signal, isLimited }),
  });
}

function required({ binding, credentials }: Tracking, names: readonly string[]): readonly string[] {
  const missing = names.filter((name) => (credentials[name]?.trim() ?? '') === '');
  if (missing.length === 0) return names.map((name) => credentials[name]?.trim() ?? '');
  throw new UserError('usage', `${binding.provider} needs ${missing.join(', ')}`, {
    remedy: 'spec-kitty tracker bind --help',
  });
}

/** Secrets go over https, or to this machine. */
function addressOf(text: string, { cwd }: System): string {
  parseEndpoint(text, { kind: 'external', allowHttp: false, cwd });
  return text.replace(/\/+$/, '');
}
