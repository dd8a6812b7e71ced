import { asArray, type JsonObject } from '../../wire/index.ts';
import { refusalOf, type Called, type Caller } from './calls.ts';
import { at, instantAt, readDocument, readList, textAt } from './reading.ts';
import type { IssueSource, PageReply, PulledIssue } from './source.ts';

export interface LinearAccess {
  readonly url: string;
  readonly apiKey: string;
  /** The team's UUID, or its key. */
  readonly teamId: string;
  readonly workspace: string;
}

export const LINEAR_URL = 'https://api.linear.app/graphql';

// One request a page with everything of an issue that others ask for; what a snapshot does not show is kept as it came.
const ISSUES = `
  query Issues($first: Int!, $after: String, $filter: IssueFilter) {
    issues(first: $first, after: $after, filter: $filter, orderBy: updatedAt) {
      nodes {
        id identifier number url title description priority priorityLabel estimate branchName dueDate
        createdAt updatedAt startedAt completedAt canceledAt archivedAt trashed
        state { id name type } team { id key name } project { id name } cycle { id number }
        parent { id identifier } creator { id name } assignee { id name displayName }
        labels { nodes { id name } }
      }
      pageInfo { hasNextPage endCursor }
    }
  }`;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Issues of one Linear team (GraphQL). */
export function linearSource(access: LinearAccess, call: Caller): IssueSource {
  const team = UUID.test(access.teamId)
    ? { id: { eq: access.teamId } }
    : { key: { eq: access.teamId } };
  return {
    page: async ({ since, cursor, size }) => {
      const filter = { team, ...(since === null ? {} : { updatedAt: { gte: since } }) };
      const variables = { first: size, after: cursor, filter };
      const called = await call({
        method: 'POST',
        url: access.url,
        headers: { authorization: access.apiKey, 'content-type': 'application/json' },
        body: Buffer.from(JSON.stringify({ query: ISSUES, variables })),
      });
      return pageOf(called, access, cursor);
    },
  };
}

/** Linear answers 400 with a code where others answer 429. */
export function isLinearLimited({
  status,
  body,
}: {
  readonly status: number;
  readonly body: Buffer;
}): boolean {
  if (status !== 400) return false;
  const errors = asArray(at(readDocument(body), 'errors')) ?? [];
  return errors.some((error) => textAt(error, 'extensions', 'code') === 'RATELIMITED');
}

function pageOf(called: Called, access: LinearAccess, cursor: string | null): PageReply {
  if (called.kind === 'stopped') return called;
  const document = readDocument(called.body);
  const list = called.status === 200 ? readList(called.body, ['data', 'issues', 'nodes']) : null;
  if (list === null) {
    const isKnown = called.status === 401 || called.status === 403;
    if (cursor !== null && !isKnown) return { kind: 'lost' };
    return { kind: 'stopped', stop: stopOf(called) };
  }
  const page = at(document, 'data', 'issues', 'pageInfo');
  const next = at(page, 'hasNextPage') === true ? textAt(page, 'endCursor') : null;
  return {
    kind: 'page',
    issues: list.flatMap(({ value, raw }) => issueOf(value, raw, access) ?? []),
    next,
  };
}

/** A refusal of GraphQL comes with 200 or 400. */
function stopOf(called: Extract<Called, { kind: 'answer' }>): ReturnType<typeof refusalOf> {
  const errors = asArray(at(readDocument(called.body), 'errors')) ?? [];
  const isRefused = errors.some(
    (error) => textAt(error, 'extensions', 'code') === 'AUTHENTICATION_ERROR',
  );
  return refusalOf({ status: isRefused ? 401 : called.status });
}

function issueOf(value: JsonObject, raw: string, { workspace }: LinearAccess): PulledIssue | null {
  const [id, key] = [textAt(value, 'id'), textAt(value, 'identifier')];
  if (id === null) return null;
  const updatedAt = instantAt(value, 'updatedAt');
  const assignee = textAt(value, 'assignee', 'displayName') ?? textAt(value, 'assignee', 'name');
  const priority = at(value, 'priority');
  const labels = asArray(at(value, 'labels', 'nodes')) ?? [];
  const shown = {
    ref: { system: 'linear', workspace, id, key, url: textAt(value, 'url') },
    title: textAt(value, 'title') ?? 'Untitled',
    body: textAt(value, 'description'),
    status: textAt(value, 'state', 'name') ?? 'todo',
    issue_type: 'task',
    priority: typeof priority === 'number' ? priority : null,
    assignees: assignee === null ? [] : [assignee],
    labels: labels.flatMap((label) => textAt(label, 'name') ?? []),
    updated_at: updatedAt,
  };
  return { id, key, shown, raw, updatedAt };
}
