import { type Recorded, recordingServer, type Reply } from './recording-server.ts';

/** One issue of a local tracker, as far as every tracker has it. */
export interface LocalIssue {
  readonly number: number;
  title: string;
  /** ISO 8601. */
  updatedAt: string;
}

/** A server on this machine that answers as a tracker's documentation shows it. */
export interface LocalTracker {
  readonly url: string;
  readonly issues: readonly LocalIssue[];
  readonly requests: readonly Recorded[];
  /** Issues sent so far. */
  readonly sent: { issues: number };
  /** Answers the next requests instead, one each; null lets one through. */
  readonly instead: (Reply | null)[];
  /** Called before each page of issues is answered, with its number. */
  onPage: ((page: number) => void | Promise<void>) | null;
  /** What a project is bound to it with. */
  readonly bind: { readonly args: readonly string[]; readonly input: string };
  /** As people name an issue. */
  keyOf(number: number): string;
  /** Changes an issue; it is the newest then. */
  edit(number: number, title: string): void;
}

export const TRACKER_SECRET = 'local-tracker-secret-7c41e9';
const BEGIN = Date.UTC(2026, 0, 1);
const EVERY_MS = 2 * 3_600_000;

interface Shape {
  readonly bind: (url: string) => { readonly args: readonly string[]; readonly input: string };
  readonly keyOf: (number: number) => string;
  /** The answer to a request, and how many issues it holds; null for what is no page. */
  readonly answer: (
    request: Recorded,
    state: { readonly issues: readonly LocalIssue[]; readonly url: string },
  ) => { readonly reply: Reply; readonly issues: number | null };
}

async function localTracker(shape: Shape, count: number): Promise<LocalTracker> {
  const issues: LocalIssue[] = Array.from({ length: count }, (_, index) => ({
    number: index + 1,
    title: `Task ${index + 1}`,
    updatedAt: new Date(BEGIN + index * EVERY_MS).toISOString(),
  }));
  const sent = { issues: 0 };
  const instead: (Reply | null)[] = [];
  const tracker: { onPage: LocalTracker['onPage'] } = { onPage: null };
  let pages = 0;
  const server = await recordingServer(async (request) => {
    const planned = instead.shift() ?? null;
    if (planned !== null) return planned;
    const answered = shape.answer(request, { issues, url: server.url });
    if (answered.issues !== null) {
      pages += 1;
      await tracker.onPage?.(pages);
      sent.issues += answered.issues;
    }
    return answered.reply;
  });
  return Object.assign(tracker, {
    url: server.url,
    issues,
    requests: server.requests,
    sent,
    instead,
    bind: shape.bind(server.url),
    keyOf: shape.keyOf,
    edit: (number: number, title: string) => {
      const issue = issues[number - 1];
      if (issue === undefined) throw new Error('no such issue');
      const newest = Math.max(...issues.map(({ updatedAt }) => Date.parse(updatedAt)));
      issue.title = title;
      issue.updatedAt = new Date(newest + EVERY_MS).toISOString();
    },
  });
}

function newestFirst(
  issues: readonly LocalIssue[],
  from: (issue: LocalIssue) => boolean,
): LocalIssue[] {
  return issues.filter(from).sort((a, b) => (a.updatedAt < b.updatedAt ? 1 : -1));
}

function answer(
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Reply {
  return { status, headers, body: JSON.stringify(body) };
}

const ZONE = 'America/New_York';

/** A minute as a query names it, in the account's time zone. */
function minuteIn(zone: string, iso: string): string {
  const text = new Date(iso).toLocaleString('sv-SE', { timeZone: zone });
  return text.slice(0, 16);
}

const JIRA: Shape = {
  keyOf: (number) => `TIDE-${number}`,
  bind: (url) => ({
    args: [
      ...['--provider', 'jira', '--workspace', 'tide.atlassian.net', '--credential-stdin'],
      ...['--credential', `base_url=${url}/`, '--credential', 'email=bot@tide.example'],
      ...['--credential', 'project_key=TIDE'],
    ],
    input: `api_token=${TRACKER_SECRET}\n`,
  }),
  answer: (request, { issues, url }) => {
    const basic = Buffer.from(`bot@tide.example:${TRACKER_SECRET}`).toString('base64');
    if (request.headers.authorization !== `Basic ${basic}`)
      return { reply: answer(401, {}), issues: null };
    if (request.path === '/rest/api/3/myself') {
      return { reply: answer(200, { accountId: '5b10', timeZone: ZONE }), issues: null };
    }
    if (request.path !== '/rest/api/3/search/jql') return { reply: answer(404, {}), issues: null };
    const asked = JSON.parse(request.body.toString()) as {
      jql: string;
      maxResults: number;
      nextPageToken?: string;
    };
    const from = /updated >= "([^"]+)"/.exec(asked.jql)?.[1] ?? '';
    if (!asked.jql.startsWith('project = "TIDE"')) return { reply: answer(400, {}), issues: null };
    const found = newestFirst(issues, (issue) => minuteIn(ZONE, issue.updatedAt) >= from);
    const start = Number(asked.nextPageToken?.slice(1) ?? '0');
    const page = found.slice(start, start + asked.maxResults);
    const end = start + page.length;
    return {
      issues: page.length,
      reply: answer(200, {
        issues: page.map((issue) => jiraIssue(issue, url)),
        isLast: end >= found.length,
        ...(end < found.length ? { nextPageToken: `t${end}` } : {}),
      }),
    };
  },
};

function jiraIssue({ number, title, updatedAt }: LocalIssue, url: string): unknown {
  const paragraph = { type: 'paragraph', content: [{ type: 'text', text: `About ${number}` }] };
  return {
    expand: 'renderedFields,names',
    id: String(10_000 + number),
    key: `TIDE-${number}`,
    self: `${url}/rest/api/3/issue/${10_000 + number}`,
    fields: {
      summary: title,
      description: { type: 'doc', version: 1, content: [paragraph] },
      status: { id: '3', name: 'In Progress', statusCategory: { key: 'indeterminate' } },
      issuetype: { id: '10001', name: 'Story', subtask: false },
      priority: { id: '2', name: 'High' },
      assignee: { accountId: '5b10', displayName: 'Ann' },
      labels: ['tide'],
      updated: updatedAt.replace('Z', '+0000'),
      customfield_10042: { value: 'unknown to us', number: 0.1 },
    },
  };
}

const LINEAR: Shape = {
  keyOf: (number) => `TIDE-${number}`,
  bind: (url) => ({
    args: [
      ...['--provider', 'linear', '--workspace', 'tide', '--credential-stdin'],
      ...['--credential', `graphql_url=${url}/graphql`, '--credential', 'team_id=TIDE'],
    ],
    input: `api_key=${TRACKER_SECRET}\n`,
  }),
  answer: (request, { issues }) => {
    if (request.headers.authorization !== TRACKER_SECRET) {
      const errors = [{ message: 'no', extensions: { code: 'AUTHENTICATION_ERROR' } }];
      return { reply: answer(400, { errors }), issues: null };
    }
    const { variables } = JSON.parse(request.body.toString()) as {
      variables: {
        first: number;
        after: string | null;
        filter: { team: { key?: { eq: string } }; updatedAt?: { gte: string } };
      };
    };
    const { first, after, filter } = variables;
    if (filter.team.key?.eq !== 'TIDE') return { reply: answer(400, { errors: [] }), issues: null };
    const from = filter.updatedAt?.gte ?? '';
    const found = newestFirst(issues, (issue) => issue.updatedAt >= from);
    const start = after === null ? 0 : found.findIndex((each) => `c${each.number}` === after) + 1;
    const page = found.slice(start, start + first);
    const pageInfo = {
      hasNextPage: start + page.length < found.length,
      endCursor: page.length === 0 ? null : `c${page.at(-1)?.number ?? 0}`,
    };
    const nodes = page.map(linearIssue);
    return { issues: page.length, reply: answer(200, { data: { issues: { nodes, pageInfo } } }) };
  },
};

function linearIssue({ number, title, updatedAt }: LocalIssue): unknown {
  return {
    id: `0000${number}`.slice(-4).padStart(36, '9c1f7a52-5a0b-4d38-8c55-6f0e3d2a'),
    identifier: `TIDE-${number}`,
    number,
    url: `https://linear.app/tide/issue/TIDE-${number}`,
    title,
    description: `About ${number}`,
    priority: 2,
    updatedAt,
    state: { id: 's1', name: 'In Progress', type: 'started' },
    assignee: { id: 'u1', name: 'ann', displayName: 'Ann' },
    labels: { nodes: [{ id: 'l1', name: 'tide' }] },
    customfield_10042: { value: 'unknown to us', number: 0.1 },
  };
}

const GITHUB: Shape = {
  keyOf: (number) => `tide/table#${number}`,
  bind: (url) => ({
    args: [
      ...['--provider', 'github', '--workspace', 'tide', '--credential-stdin'],
      ...['--credential', `base_url=${url}`],
      ...['--credential', 'owner=tide', '--credential', 'repo=table'],
    ],
    input: `token=${TRACKER_SECRET}\n`,
  }),
  answer: (request, { issues, url }) => {
    if (request.headers.authorization !== `Bearer ${TRACKER_SECRET}`) {
      return { reply: answer(401, { message: 'Bad credentials' }), issues: null };
    }
    const { pathname, searchParams } = new URL(request.path, url);
    if (pathname !== '/repos/tide/table/issues') return { reply: answer(404, {}), issues: null };
    const from = searchParams.get('since') ?? '';
    const found = newestFirst(issues, (issue) => issue.updatedAt >= from);
    const size = Number(searchParams.get('per_page') ?? '30');
    const page = Number(searchParams.get('page') ?? '1');
    const shown = found.slice((page - 1) * size, page * size);
    const next = `<${url}${pathname}?page=${page + 1}>; rel="next"`;
    const headers = page * size < found.length ? { link: next } : {};
    const pull = { id: 1, number: 999_999, title: 'a pull request', pull_request: { url: 'x' } };
    return { issues: shown.length, reply: answer(200, [pull, ...shown.map(githubIssue)], headers) };
  },
};

function githubIssue({ number, title, updatedAt }: LocalIssue): unknown {
  return {
    id: 20_000 + number,
    number,
    html_url: `https://github.com/tide/table/issues/${number}`,
    title,
    body: `About ${number}`,
    state: 'open',
    updated_at: updatedAt,
    assignees: [{ login: 'ann' }],
    labels: [{ id: 1, name: 'tide' }],
    customfield_10042: { value: 'unknown to us', number: 0.1 },
  };
}

/** Starts a local tracker with that many issues, each two hours newer than the one before. */
export const TRACKERS: Readonly<
  Record<'jira' | 'linear' | 'github', (count: number) => Promise<LocalTracker>>
> = {
  jira: (count) => localTracker(JIRA, count),
  linear: (count) => localTracker(LINEAR, count),
  github: (count) => localTracker(GITHUB, count),
};
