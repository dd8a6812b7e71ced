import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, it } from 'vitest';
import {
  envelope,
  postRequest,
  replyOf,
  startTrial,
} from '../../../test/support/receiver-trial.ts';
import { EVENT_TYPES } from '../../wire/index.ts';
import { PAGES, ROUTES } from '../routes.ts';
import { apiDocument, describedRoutes } from './api-document.ts';

const ORIGIN = 'http://localhost';
type Members = Readonly<Record<string, unknown>>;

function judgeOf(document: Members, pointer: string) {
  const ajv = new Ajv2020({ strict: false, formats: { uuid: true, 'date-time': true } });
  ajv.addSchema({ $id: 'api', ...document });
  return ajv.compile({ $ref: `api#${pointer}` });
}

it('describes every route for programs, by its own method, path and gate', () => {
  const pages = new Set<string>(Object.values(PAGES));
  const forPrograms = Object.entries(ROUTES).filter(
    ([, { path }]) => !pages.has(path) && /^\/(?:api|oauth|metrics|healthz|readyz)/.test(path),
  );
  expect(describedRoutes().map(({ name }) => name)).toEqual(forPrograms.map(([name]) => name));
  const { paths } = apiDocument('1') as { readonly paths: Readonly<Record<string, Members>> };
  const described = Object.entries(paths).flatMap(([at, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${at}`),
  );
  expect(described).toHaveLength(forPrograms.length);
  expect(described).toContain('GET /api/v1/events/{id}');
  expect(paths['/api/v1/events/batch/']?.['post']).toMatchObject({
    operationId: 'takeBatch',
    security: [{ token: [] }],
  });
});

it('points at nothing that is not there, and names a payload for every type', () => {
  const document = apiDocument('1') as { readonly components: { readonly schemas: Members } };
  const text = JSON.stringify(document);
  const named = [...text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map(
    ([, name]) => name,
  );
  const { schemas } = document.components;
  for (const name of named) expect(Object.keys(schemas)).toContain(name);
  for (const type of EVENT_TYPES) {
    const judge = judgeOf(document, `/components/schemas/Payload${type}`);
    expect(judge(7)).toBe(false);
  }
});

it('is true of what the receiver takes and answers', async () => {
  const trial = await startTrial();
  const ask = (path: string) => replyOf(trial.app.fetch(new Request(`${ORIGIN}${path}`)));
  const { json: document } = await ask('/api/docs/openapi.json');
  expect(document['openapi']).toBe('3.1.0');
  const at = '/paths/~1api~1v1~1events~1batch~1/post';
  const taken = judgeOf(document, `${at}/requestBody/content/application~1json/schema`);
  const answered = judgeOf(document, `${at}/responses/2XX/content/application~1json/schema`);
  const event = JSON.parse(String(envelope(1))) as Members;
  expect(taken({ events: [event] })).toBe(true);
  expect(taken({ events: [] })).toBe(false);
  expect(taken({ events: [{ ...event, event_id: 7 }] })).toBe(false);
  const batch = [envelope(1), envelope(1), Buffer.from('{}')];
  const { json } = await replyOf(trial.app.fetch(postRequest(batch)));
  expect([answered(json), answered.errors]).toEqual([true, null]);
  const payload = judgeOf(document, '/components/schemas/PayloadWPAssigned');
  expect(payload(event['payload'])).toBe(true);
  expect(payload({ wp_id: 'seven' })).toBe(false);
  const page = judgeOf(document, '/components/schemas/Page');
  expect(page((await ask('/api/v1/events/')).json)).toBe(true);
  const refusal = judgeOf(document, '/components/schemas/Error');
  expect(refusal((await ask('/api/v1/events/none')).json)).toBe(true);
});

it('shows the same to people, without a login', async () => {
  const trial = await startTrial();
  await trial.token();
  const response = await trial.app.fetch(new Request(`${ORIGIN}/api/docs`));
  expect(response.status).toBe(200);
  const text = await response.text();
  expect(text).toContain('<b>POST</b> /api/v1/events/batch/');
  expect(text).toContain('href="/api/docs/openapi.json"');
});
