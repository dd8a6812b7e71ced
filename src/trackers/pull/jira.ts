import type { IssueSearch as IssueSearchType } from 'jira.js/version3/issueSearch';
import { asArray, asObject, asText, type JsonObject, type JsonValue } from '../../wire/index.ts';
import { OVERLAP_MS } from '../limits.ts';
import { refusalOf, type Call, type Called, type Caller } from './calls.ts';
import { at, instantAt, readDocument, readList, textAt } from './reading.ts';
import type { IssueSource, PageReply, PulledIssue } from './source.ts';

export interface JiraAccess {
  readonly baseUrl: string;
  readonly email: string;
  readonly apiToken: string;
  readonly projectKey: string;
  readonly workspace: string;
}

/** A request as the client library builds it. */
interface Built {
  readonly url?: string;
  readonly method?: string;
  readonly data?: unknown;
}

/** Issues of one Jira project (REST API 3, enhanced search). The client library builds the requests, we send them. */
export function jiraSource(access: JiraAccess, call: Caller): IssueSource {
  let zone: string | null = null;
  return {
    page: async ({ since, cursor, size }) => {
      const { IssueSearch } = await import('jira.js/version3/issueSearch');
      const { Myself } = await import('jira.js/version3/myself');
      if (zone === null && since !== null) {
        const found = await zoneOf(
          await built((client) => new Myself(client).getCurrentUser(), access, call),
        );
        if (found.kind === 'stopped') return found;
        zone = found.zone;
      }
      const query = {
        jql: jqlFor(access.projectKey, since, zone ?? 'UTC'),
        maxResults: size,
        fields: ['*all'],
        ...(cursor === null ? {} : { nextPageToken: cursor }),
      };
      const called = await built(
        (client) => new IssueSearch(client).searchForIssuesUsingJqlEnhancedSearchPost(query),
        access,
        call,
      );
      return pageOf(called, access, cursor);
    },
  };
}

type JiraClient = ConstructorParameters<typeof IssueSearchType>[0];

/** Lets the library build one request and sends it through our own door. */
async function built(
  build: (client: JiraClient) => Promise<unknown>,
  access: JiraAccess,
  call: Caller,
): Promise<Called> {
  const requests: Built[] = [];
  const sendRequest = (request: Built): Promise<void> => {
    requests.push(request);
    return Promise.resolve();
  };
  await build({ sendRequest } as unknown as JiraClient);
  return call(toCall(requests[0] ?? {}, access));
}

function toCall({ url = '', method, data }: Built, { baseUrl, email, apiToken }: JiraAccess): Call {
  const secret = Buffer.from(`${email}:${apiToken}`).toString('base64');
  const headers = { authorization: `Basic ${secret}`, accept: 'application/json' };
  if (method !== 'POST') return { method: 'GET', url: `${baseUrl}${url}`, headers, body: null };
  return {
    method,
    url: `${baseUrl}${url}`,
    headers: { ...headers, 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify(data)),
  };
}

type Zone =
  | { readonly kind: 'zone'; readonly zone: string }
  | Extract<PageReply, { readonly kind: 'stopped' }>;

async function zoneOf(called: Called): Promise<Zone> {
  if (called.kind === 'stopped') return called;
  if (called.status !== 200) return { kind: 'stopped', stop: refusalOf(called) };
  return { kind: 'zone', zone: textAt(readDocument(called.body), 'timeZone') ?? 'UTC' };
}

/** A query knows minutes, and takes them for those of the account's own time zone; an hour may be there twice a year. */
export function jqlFor(projectKey: string, since: string | null, zone: string): string {
  const project = `project = ${JSON.stringify(projectKey)}`;
  const order = 'ORDER BY updated DESC';
  if (since === null) return `${project} ${order}`;
  const from = minutesIn(zone, Date.parse(since) - OVERLAP_MS);
  return `${project} AND updated >= "${from}" ${order}`;
}

function minutesIn(zone: string, moment: number): string {
  const fields = { year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit' } as const;
  const parts = new Intl.DateTimeFormat('en-CA', {
    ...fields,
    minute: '2-digit',
    hourCycle: 'h23',
    timeZone: isZone(zone) ? zone : 'UTC',
  }).formatToParts(moment);
  const part = (type: string): string => parts.find((each) => each.type === type)?.value ?? '';
  return `${part('year')}-${part('month')}-${part('day')} ${part('hour')}:${part('minute')}`;
}

function isZone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).format(0) !== '';
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

function pageOf(called: Called, access: JiraAccess, cursor: string | null): PageReply {
  if (called.kind === 'stopped') return called;
  const { status, body } = called;
  if (status === 400 && cursor !== null) return { kind: 'lost' };
  const list = status === 200 ? readList(body, ['issues']) : null;
  if (list === null) return { kind: 'stopped', stop: refusalOf(called) };
  const issues = list.flatMap(({ value, raw }) => issueOf(value, raw, access) ?? []);
  return { kind: 'page', issues, next: textAt(readDocument(body), 'nextPageToken') };
}

function issueOf(value: JsonObject, raw: string, access: JiraAccess): PulledIssue | null {
  const [id, key] = [textAt(value, 'id'), textAt(value, 'key')];
  if (id === null) return null;
  const fields = at(value, 'fields');
  const updatedAt = instantAt(fields, 'updated');
  const assignee =
    textAt(fields, 'assignee', 'displayName') ?? textAt(fields, 'assignee', 'accountId');
  const shown = {
    ref: {
      system: 'jira',
      workspace: access.workspace,
      id,
      key,
      url: key === null ? null : `${access.baseUrl}/browse/${key}`,
    },
    title: textAt(fields, 'summary') ?? 'Untitled',
    body: bodyOf(at(fields, 'description')),
    status: textAt(fields, 'status', 'name') ?? 'todo',
    issue_type: textAt(fields, 'issuetype', 'name') ?? 'task',
    priority: numberOf(textAt(fields, 'priority', 'id')),
    assignees: assignee === null ? [] : [assignee],
    labels: (asArray(at(fields, 'labels')) ?? []).flatMap((label) => asText(label) ?? []),
    updated_at: updatedAt,
  };
  return { id, key, shown, raw, updatedAt };
}

function numberOf(text: string | null): number | null {
  return /^\d{1,9}$/.test(text ?? '') ? Number(text) : null;
}

/** The text of a description: plain, or the words of a rich document, a line a block. */
function bodyOf(value: JsonValue | undefined): string | null {
  const text = asText(value);
  if (text !== null) return text;
  const words = wordsOf(value).trim();
  return words === '' ? null : words;
}

const BLOCKS: ReadonlySet<string> = new Set([
  'paragraph',
  'heading',
  'listItem',
  'codeBlock',
  'hardBreak',
]);

function wordsOf(value: JsonValue | undefined): string {
  const node = asObject(value);
  if (node === null) return '';
  const inner = (asArray(at(node, 'content')) ?? []).map(wordsOf).join('');
  const end = BLOCKS.has(textAt(node, 'type') ?? '') ? '\n' : '';
  return `${textAt(node, 'text') ?? ''}${inner}${end}`;
}
