import { expect, it } from 'vitest';
import { indexed } from '../../../test/support/dossier-events.ts';
import {
  bearer,
  OTHER_PROJECT,
  PROJECT,
  replyOf,
  send,
  startTrial,
  type Trial,
} from '../../../test/support/receiver-trial.ts';
import { sha256Hex } from '../../base/index.ts';

const WHERE = `project=${PROJECT}&mission=042-demo&branch=main&type=software-dev&manifest=1`;
const TEXT = '<script>alert(1)</script>';

async function get(trial: Trial, path: string, token?: string): Promise<Response> {
  const headers = token === undefined ? {} : bearer(token);
  return trial.app.fetch(new Request(`http://localhost${path}`, { headers }));
}

async function page(trial: Trial, path: string): Promise<Readonly<Record<string, unknown>>> {
  return (await replyOf(get(trial, path))).json;
}

async function push(trial: Trial, text: string, token?: string): Promise<number> {
  const body = JSON.stringify({
    project_uuid: PROJECT,
    mission_slug: '042-demo',
    target_branch: 'main',
    mission_type: 'software-dev',
    manifest_version: '1',
    artifact_path: 'spec.md',
    content_hash: sha256Hex(text),
    hash_algorithm: 'sha256',
    content_body: text,
  });
  const headers = {
    'content-type': 'application/json',
    ...(token === undefined ? {} : bearer(token)),
  };
  const request = new Request('http://localhost/api/dossier/push-content/', {
    method: 'POST',
    body,
    headers,
  });
  return (await trial.app.fetch(request)).status;
}

it('lists a namespace with what is known of each artifact', async () => {
  const trial = await startTrial();
  await send(trial, [indexed(1, { text: TEXT }), indexed(2, { path: 'plan.md', text: 'p' })]);
  expect(await push(trial, TEXT)).toBe(201);
  const at = '2026-03-14T09:26:53.000Z';
  expect(await page(trial, `/api/v1/artifacts/?${WHERE}`)).toMatchObject({
    items: [
      { path: 'plan.md', stored: false },
      {
        path: 'spec.md',
        artifact_class: 'input',
        artifact_key: 'input.spec.main',
        required_status: 'required',
        content_hash: sha256Hex(TEXT),
        size_bytes: TEXT.length,
        stored: true,
        deleted: false,
        occurred_at: at,
        event_id: '01JM0000000000000000000001',
        versions: [
          { content_hash: sha256Hex(TEXT), size_bytes: TEXT.length, indexed_at: at, stored_at: at },
        ],
      },
    ],
    next_cursor: null,
    server_instance_id: trial.store.instanceId,
  });
});

it('pages by path, and by namespace', async () => {
  const trial = await startTrial();
  const paths = ['a.md', 'a/b.md', 'ä.md', 'z.md', '😀.md'];
  await send(trial, [
    ...paths.map((path, index) => indexed(index + 1, { path })),
    ...[6, 7].map((n) => indexed(n, { namespace: { target_branch: `b${n}` } })),
  ]);
  for (const [list, total] of [
    [`/api/v1/artifacts?${WHERE}`, 5],
    [`/api/v1/namespaces/?project=${PROJECT}`, 3],
  ] as const) {
    const seen: unknown[] = [];
    let after = '';
    for (;;) {
      const { items, next_cursor: next } = await page(
        trial,
        `${list}&limit=2&after=${encodeURIComponent(after)}`,
      );
      seen.push(...(items as unknown[]));
      if (typeof next !== 'string') break;
      after = next;
    }
    expect(new Set(seen.map((item) => JSON.stringify(item))).size).toBe(total);
    expect(seen).toHaveLength(total);
  }
});

it('lists the namespaces of a project by their names', async () => {
  const trial = await startTrial();
  await send(trial, [indexed(1)]);
  const { items } = await page(trial, `/api/v1/namespaces/?project=${PROJECT}`);
  expect(items).toMatchObject([
    {
      mission_slug: '042-demo',
      target_branch: 'main',
      mission_type: 'software-dev',
      manifest_version: '1',
    },
  ]);
});

it('gives a text as text, which no browser runs', async () => {
  const trial = await startTrial();
  await send(trial, [indexed(1, { text: TEXT })]);
  await push(trial, TEXT);
  for (const path of [
    `/api/v1/bodies/${sha256Hex(TEXT)}?project=${PROJECT}`,
    `/api/v1/bodies/?${WHERE}&path=spec.md`,
    `/api/v1/bodies?${WHERE}&path=spec.md`,
  ]) {
    const response = await get(trial, path);
    expect(await response.text()).toBe(TEXT);
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.get('content-disposition')).toBe('attachment');
    expect(response.headers.get('content-security-policy')).toContain('sandbox');
  }
});

it.each([
  ['/api/v1/artifacts/', 400],
  [`/api/v1/artifacts/?project=${PROJECT}`, 400],
  ['/api/v1/artifacts/?project=x&mission=m', 400],
  [`/api/v1/artifacts/?${WHERE}&limit=1001`, 400],
  [`/api/v1/artifacts/?project=${PROJECT}&mission=042-demo`, 200],
  ['/api/v1/namespaces/', 400],
  [`/api/v1/bodies/?${WHERE}`, 400],
  [`/api/v1/bodies/?${WHERE}&path=no.md`, 404],
  [`/api/v1/bodies/${'a'.repeat(64)}?project=${PROJECT}`, 404],
  [`/api/v1/bodies/%2e%2e?project=${PROJECT}`, 404],
])('answers %s with %i', async (path, status) => {
  const trial = await startTrial();
  expect((await get(trial, path)).status).toBe(status);
});

it('shows a token its own projects, to read alone', async () => {
  const trial = await startTrial();
  await send(trial, [indexed(1, { text: TEXT })]);
  await push(trial, TEXT);
  const ours = await trial.token('read', [PROJECT]);
  const other = await trial.token('read', [OTHER_PROJECT]);
  const sender = await trial.token('ingest');
  const paths = [
    `/api/v1/artifacts/?${WHERE}`,
    `/api/v1/namespaces/?project=${PROJECT}`,
    `/api/v1/bodies/${sha256Hex(TEXT)}?project=${PROJECT}`,
  ];
  for (const path of paths) {
    const statuses = await Promise.all(
      [ours, other, sender, undefined].map(async (token) => (await get(trial, path, token)).status),
    );
    expect([path, statuses]).toEqual([path, [200, 404, 403, 401]]);
  }
  const own = await get(trial, `/api/v1/bodies/${sha256Hex(TEXT)}`, ours);
  expect(own.status).toBe(200);
});
