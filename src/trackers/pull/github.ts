import { asArray, type JsonObject } from '../../wire/index.ts';
import { refusalOf, type Called, type Caller } from './calls.ts';
import { at, instantAt, readList, textAt } from './reading.ts';
import type { IssueSource, PageReply, PulledIssue } from './source.ts';

export interface GithubAccess {
  readonly baseUrl: string;
  readonly owner: string;
  readonly repo: string;
  readonly token: string;
  readonly workspace: string;
}

export const GITHUB_URL = 'https://api.github.com';
const API_VERSION = '2022-11-28';

/** Issues of one repository (REST); pull requests, which GitHub lists among them, are left out. */
export function githubSource(access: GithubAccess, call: Caller): IssueSource {
  return {
    page: async (place) => {
      const { endpoint } = await import('@octokit/endpoint');
      // A page has its number among pages of one size, so the size stays as it was when the pass began.
      const [size, page] = placeOf(place.cursor, place.size);
      const { url, headers } = endpoint('GET /repos/{owner}/{repo}/issues', {
        baseUrl: access.baseUrl,
        owner: access.owner,
        repo: access.repo,
        state: 'all',
        sort: 'updated',
        direction: 'desc',
        per_page: size,
        page,
        ...(place.since === null ? {} : { since: place.since }),
      });
      const called = await call({
        method: 'GET',
        url,
        headers: {
          accept: headers.accept ?? 'application/json',
          authorization: `Bearer ${access.token}`,
          'user-agent': 'spec-kitty-sync',
          'x-github-api-version': API_VERSION,
        },
        body: null,
      });
      return pageOf(called, access, `${size}:${page + 1}`);
    },
  };
}

/** GitHub answers 403 where others answer 429. */
export function isGithubLimited({
  status,
  headers,
}: {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}): boolean {
  const isExhausted = headers['x-ratelimit-remaining']?.trim() === '0';
  return status === 403 && (isExhausted || headers['retry-after'] !== undefined);
}

function placeOf(cursor: string | null, size: number): readonly [size: number, page: number] {
  const [, stated, page] = /^(\d{1,3}):(\d{1,6})$/.exec(cursor ?? '') ?? [];
  return stated === undefined || page === undefined ? [size, 1] : [Number(stated), Number(page)];
}

function pageOf(called: Called, access: GithubAccess, following: string): PageReply {
  if (called.kind === 'stopped') return called;
  const list = called.status === 200 ? readList(called.body, []) : null;
  if (list === null) return { kind: 'stopped', stop: refusalOf(called) };
  const issues = list
    .filter(({ value }) => at(value, 'pull_request') === undefined)
    .flatMap(({ value, raw }) => issueOf(value, raw, access) ?? []);
  const isMore = /;\s*rel="next"/.test(called.headers['link'] ?? '');
  return { kind: 'page', issues, next: isMore ? following : null };
}

function issueOf(value: JsonObject, raw: string, access: GithubAccess): PulledIssue | null {
  const [id, number] = [at(value, 'id'), at(value, 'number')];
  if (typeof id !== 'number' && typeof id !== 'string') return null;
  const key = typeof number === 'number' ? `${access.owner}/${access.repo}#${number}` : null;
  const updatedAt = instantAt(value, 'updated_at');
  const names = (list: string, name: string): readonly string[] =>
    (asArray(at(value, list)) ?? []).flatMap((each) => textAt(each, name) ?? []);
  const shown = {
    ref: {
      system: 'github',
      workspace: access.workspace,
      id: String(id),
      key,
      url: textAt(value, 'html_url'),
    },
    title: textAt(value, 'title') ?? 'Untitled',
    body: textAt(value, 'body'),
    status: textAt(value, 'state') ?? 'todo',
    issue_type: textAt(value, 'type', 'name') ?? 'task',
    priority: null,
    assignees: names('assignees', 'login'),
    labels: names('labels', 'name'),
    updated_at: updatedAt,
  };
  return { id: String(id), key, shown, raw, updatedAt };
}
