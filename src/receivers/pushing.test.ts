import { describe, expect, it, onTestFinished } from 'vitest';
import { recordingServer, type Reply } from '../../test/support/recording-server.ts';
import { PROJECT_ID } from '../../test/support/envelopes.ts';
import { sha256Hex, systemClock } from '../base/index.ts';
import { createHttp } from '../home/index.ts';
import { parseBodyPush, parseProjectId } from '../wire/index.ts';
import { pushContent, pushEach } from './pushing.ts';
import type { BatchReply, OutboundItem } from './receiver.ts';

const PATH = '/api/dossier/push-content/';

function bodyOf(seq: number, text = `text ${seq}`): OutboundItem {
  const project = parseProjectId(PROJECT_ID);
  if (project === null) throw new Error('the project of trials is one');
  const bytes = Buffer.from(text);
  const place = {
    projectUuid: project,
    missionSlug: '001-demo',
    targetBranch: 'main',
    missionType: 'software-dev',
    manifestVersion: '1',
    artifactPath: `research/${seq}.md`,
  };
  return { seq, id: `body ${seq}`, sha256: sha256Hex(bytes), bytes, place };
}

function stored(item: OutboundItem, status = 'stored'): Reply {
  const echo = { artifact_path: item.place?.artifactPath, content_hash: item.sha256 };
  return { status: status === 'stored' ? 201 : 200, body: JSON.stringify({ status, ...echo }) };
}

async function push(
  items: readonly OutboundItem[],
  answer: (item: OutboundItem, n: number) => Reply,
  options: { readonly width?: number; readonly maxBytes?: number | null } = {},
): Promise<BatchReply & { readonly server: Awaited<ReturnType<typeof recordingServer>> }> {
  let n = 0;
  const server = await recordingServer((request) => {
    const read = parseBodyPush(request.body);
    const path = read.ok ? read.value.artifactPath : '';
    const item = items.find((each) => each.place?.artifactPath === path);
    n += 1;
    return item === undefined ? { status: 418 } : answer(item, n);
  });
  const http = createHttp({});
  onTestFinished(() => {
    http.close();
  });
  const { width = 1, maxBytes = null } = options;
  const way = { http, clock: systemClock(), headers: { authorization: 'Bearer t' }, maxBytes };
  const reply = await pushEach(
    (...each) => pushContent({ ...way, url: `${server.url}${PATH}`, deadlineMs: 5_000 }, ...each),
    items,
    {
      width,
      signal: new AbortController().signal,
    },
  );
  return { ...reply, server };
}

/** What one answer to one body means: outcome and code, or what it stops. */
async function meaningOf(
  answer: (item: OutboundItem) => Reply,
  maxBytes: number | null = null,
): Promise<string> {
  const reply = await push([bodyOf(1)], answer, { maxBytes });
  const [verdict] = reply.verdicts;
  if (reply.stop !== null) return `${reply.stop.kind} ${reply.stop.code}`;
  return [verdict?.outcome, verdict?.category].filter((word) => word !== null).join(' ');
}

describe('a push', () => {
  it('is plain JSON with the names of the contract and the bytes as they are', async () => {
    const text = '\ufeffa\r\nb\u0000\u0007 🚀 é \u2028';
    const { server, verdicts } = await push([bodyOf(1, text)], (item) => stored(item));
    const [request] = server.requests;
    expect(request).toMatchObject({ method: 'POST', path: PATH });
    expect(request?.headers).toMatchObject({
      'content-type': 'application/json',
      authorization: 'Bearer t',
    });
    expect(request?.headers['content-encoding']).toBeUndefined();
    expect(JSON.parse(request?.body.toString() ?? '')).toEqual({
      project_uuid: PROJECT_ID,
      feature_slug: '001-demo',
      target_branch: 'main',
      mission_key: 'software-dev',
      manifest_version: '1',
      artifact_path: 'research/1.md',
      content_hash: sha256Hex(text),
      hash_algorithm: 'sha256',
      content_body: text,
    });
    expect(verdicts[0]).toMatchObject({ outcome: 'success' });
  });

  it('is delivered by an exact echo alone', async () => {
    const other = (item: OutboundItem, change: object): Reply => {
      const echo = { artifact_path: item.place?.artifactPath, content_hash: item.sha256 };
      return { status: 201, body: JSON.stringify({ status: 'stored', ...echo, ...change }) };
    };
    const cases: readonly (readonly [string, (item: OutboundItem) => Reply])[] = [
      ['success', (item) => stored(item)],
      ['duplicate', (item) => stored(item, 'already_exists')],
      ['success', (item) => other(item, { content_hash: item.sha256.toUpperCase() })],
      ['transient uncorrelated_response', (item) => other(item, { content_hash: 'f'.repeat(64) })],
      ['transient uncorrelated_response', (item) => other(item, { content_hash: undefined })],
      ['transient uncorrelated_response', (item) => other(item, { artifact_path: 'spec.md' })],
      ['transient uncorrelated_response', (item) => other(item, { status: 'ok' })],
      ['transient uncorrelated_response', () => ({ status: 200, body: '<html>' })],
      ['transient uncorrelated_response', () => ({ status: 201 })],
      ['transient unexpected_status', (item) => ({ ...stored(item), status: 202 })],
    ];
    for (const [expected, answer] of cases) expect(await meaningOf(answer)).toBe(expected);
  });

  it('is judged by its status where it is refused', async () => {
    const said = (status: number, body: unknown): (() => Reply) => {
      return () => ({ status, body: JSON.stringify(body) });
    };
    const cases: readonly (readonly [string, () => Reply])[] = [
      ['terminal_failed bad_request', said(400, { content_body: ['may not be blank'] })],
      ['terminal_failed namespace_not_found', said(404, { error: 'namespace_not_found' })],
      ['transient index_entry_not_found', said(404, { error: 'index_entry_not_found' })],
      ['transient not_found', said(404, { error: { code: 'namespace_not_found' } })],
      ['transient not_found', said(404, { detail: 'namespace_not_found' })],
      ['transient not_found', () => ({ status: 404, body: '<h1>Not Found</h1>' })],
      ['halt unauthorized', said(401, {})],
      ['halt forbidden', said(403, { error: 'namespace_not_found' })],
      ['transient unexpected_status', said(409, { error: 'bad_request' })],
      ['transient unexpected_status', said(302, {})],
      ['backoff server_error', said(408, {})],
      ['backoff server_error', said(425, {})],
      ['backoff throttled', said(429, {})],
      ['backoff server_error', said(503, {})],
      ['transient limit_contradicted', said(413, {})],
      ['terminal_failed payload_too_large', said(413, { limits: { max_body_bytes: 3 } })],
      ['transient limit_contradicted', said(413, { limits: { max_body_bytes: 3000 } })],
    ];
    for (const [expected, answer] of cases) expect(await meaningOf(answer)).toBe(expected);
    expect(await meaningOf(said(413, {}), 100)).toBe('terminal_failed payload_too_large');
    expect(await meaningOf(said(413, {}), 100_000)).toBe('transient limit_contradicted');
  });

  it('keeps what the server says of each field', async () => {
    const errors = { content_body: ['may not be blank', 'too short'], mission_key: 'unknown' };
    const { verdicts } = await push([bodyOf(1)], () => ({
      status: 400,
      body: JSON.stringify(errors),
    }));
    expect(verdicts[0]?.detail).toBe(
      'content_body: may not be blank; too short | mission_key: unknown',
    );
  });

  it('waits as long as the answer asks, in its header or in its body', async () => {
    const body = JSON.stringify({ error: 'rate_limited', retry_after: 30 });
    const asked = await push([bodyOf(1)], () => ({ status: 429, body }));
    expect(asked.stop).toMatchObject({ httpStatus: 429, retryAfterMs: 30_000 });
    const headers = { 'retry-after': '7' };
    const header = await push([bodyOf(1)], () => ({ status: 503, headers, body }));
    expect(header.stop).toMatchObject({ httpStatus: 503, retryAfterMs: 7_000 });
  });
});

describe('many pushes', () => {
  const items = Array.from({ length: 12 }, (_, n) => bodyOf(n + 1));

  it('leave in order, one after the other where the receiver allows no more', async () => {
    const { server, verdicts, requests } = await push(items, (item) => stored(item));
    const order = server.requests.map(({ body }) => {
      return (JSON.parse(body.toString()) as { artifact_path: string }).artifact_path;
    });
    expect(order).toEqual(items.map(({ place }) => place?.artifactPath));
    expect(verdicts.map((verdict) => verdict?.outcome)).toEqual(items.map(() => 'success'));
    expect(requests).toBe(12);
  });

  it('each have their own verdict, and one bad body holds no other back', async () => {
    const refused = { status: 400, body: '{"detail":"no"}' };
    const { verdicts, stop } = await push(
      items,
      (item) => (item.seq % 4 === 0 ? refused : stored(item)),
      { width: 3 },
    );
    expect(stop).toBeNull();
    expect(verdicts.map((verdict) => verdict?.outcome === 'success')).toEqual(
      items.map(({ seq }) => seq % 4 !== 0),
    );
  });

  it('end where the receiver stops; what was not sent has no verdict', async () => {
    const { verdicts, stop, requests } = await push(items, (item, n) =>
      n < 5 ? stored(item) : { status: 503 },
    );
    expect(stop).toMatchObject({ kind: 'backoff', code: 'server_error' });
    expect(requests).toBe(5);
    expect(verdicts.filter((verdict) => verdict !== null)).toHaveLength(4);
  });
});
