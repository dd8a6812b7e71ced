import type { JsonSchema } from '../../wire/index.ts';
import { type Gate, type RouteName, ROUTES, type RouteSpec } from '../routes.ts';
import { count, hash, listOf, namedSchemas, objectOf, ref, text } from './api-schemas.ts';

/** What one route is for, beyond what the table of routes says of it. */
interface Description {
  readonly what: string;
  readonly body?: JsonSchema;
  /** Names in the query, and what they take. */
  readonly query?: Readonly<Record<string, string>>;
  readonly answer?: JsonSchema;
}

const PAGED = { after: 'the next_cursor of the page before', limit: '1 … 1000, 100 when absent' };
const PROJECT = { project: 'UUID of a project' };
const NAMESPACE = {
  mission: 'slug of a mission',
  branch: 'target branch',
  type: 'mission type',
  manifest: 'manifest version',
};

const DESCRIPTIONS: Readonly<Partial<Record<RouteName, Description>>> = {
  health: {
    what: 'Limits, capabilities, which receiver this is',
    answer: objectOf({ server_instance_id: text }),
  },
  takeBatch: {
    what: 'Take events; one result for each, in their order',
    body: objectOf({ events: { ...listOf(ref('Envelope')), minItems: 1, maxItems: 1000 } }),
    answer: objectOf({ results: listOf(ref('Result')), server_instance_id: text }),
  },
  takeBody: {
    what: 'Take the text of an artifact that an event has indexed',
    body: objectOf({
      project_uuid: text,
      feature_slug: text,
      target_branch: text,
      mission_key: text,
      manifest_version: text,
      artifact_path: text,
      content_hash: hash,
      hash_algorithm: { const: 'sha256' },
      content_body: text,
    }),
  },
  takeSnapshot: { what: 'Take the state of a tracker', body: { type: 'object' } },
  listSnapshots: {
    what: 'Snapshots in order of arrival',
    query: { ...PROJECT, ...PAGED },
    answer: ref('Page'),
  },
  showSnapshot: { what: 'One snapshot as it came' },
  listEvents: {
    what: 'Events in order of arrival',
    query: { ...PROJECT, ...PAGED },
    answer: ref('Page'),
  },
  showEvent: {
    what: 'Every event with an id, as it came',
    answer: objectOf({ items: listOf(objectOf({ cursor: count, envelope: ref('Envelope') })) }),
  },
  listNamespaces: {
    what: 'Missions of a project',
    query: { ...PROJECT, ...PAGED },
    answer: ref('Page'),
  },
  listArtifacts: {
    what: 'Artifacts of a mission, with every version',
    query: { ...PROJECT, ...NAMESPACE, ...PAGED },
    answer: ref('Page'),
  },
  showBody: {
    what: 'A text by its hash, or by its path',
    query: { ...PROJECT, ...NAMESPACE, path: 'of the artifact' },
  },
  logIn: { what: 'Log in by password', body: objectOf({ username: text, password: text }) },
  refresh: { what: 'Renew a login', body: objectOf({ refresh: text }) },
  startDevice: { what: 'Begin a login on another device' },
  exchange: { what: 'Exchange a device code or a refresh token' },
  logOut: { what: 'End a login' },
  me: { what: 'Whose login this is' },
  sessionStatus: { what: 'Whether this login is in force' },
  alive: { what: 'The process answers', answer: objectOf({ status: { const: 'alive' } }) },
  ready: { what: 'The store answers', answer: objectOf({ status: { const: 'ready' } }) },
  metrics: { what: 'Figures in the text format of Prometheus' },
  apiPage: { what: 'This description, for people' },
  apiDocument: { what: 'This description', answer: { type: 'object' } },
};

/** One route as a person reads it. */
export interface DescribedRoute extends RouteSpec {
  readonly name: RouteName;
  readonly what: string;
}

/** Every route for programs, in the order of the table. Pages say themselves what they are for. */
export function describedRoutes(): readonly DescribedRoute[] {
  const names = Object.keys(ROUTES) as readonly RouteName[];
  return names.flatMap((name) => {
    const description = DESCRIPTIONS[name];
    return description === undefined ? [] : [{ ...ROUTES[name], name, what: description.what }];
  });
}

const LOCKED: ReadonlySet<Gate> = new Set<Gate>(['read', 'ingest', 'manage', 'person', 'scraper']);

/** The receiver's interface as an OpenAPI 3.1 document, made from the table of routes and the schemas of events. */
export function apiDocument(version: string): Readonly<Record<string, unknown>> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of describedRoutes()) {
    const at = route.path.replaceAll(/:(\w+)\??/g, '{$1}');
    paths[at] = { ...paths[at], [route.method.toLowerCase()]: operationOf(route) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Spec Kitty receiver', version },
    paths,
    components: {
      schemas: namedSchemas(),
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
    },
  };
}

function operationOf({
  name,
  path,
  gate,
  what,
}: DescribedRoute): Readonly<Record<string, unknown>> {
  const { body, query = {}, answer }: Description = DESCRIPTIONS[name] ?? { what };
  const inPath = [...path.matchAll(/:(\w+)/g)].map(([, id = '']) => ({
    name: id,
    in: 'path',
    required: true,
    schema: text,
  }));
  const inQuery = Object.entries(query).map(([id, description]) => ({
    name: id,
    in: 'query',
    description,
    schema: text,
  }));
  return {
    operationId: name,
    summary: what,
    description: `Gate: ${gate}`,
    ...(LOCKED.has(gate) ? { security: [{ token: [] }] } : {}),
    ...(inPath.length + inQuery.length === 0 ? {} : { parameters: [...inPath, ...inQuery] }),
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: body } } } }),
    responses: {
      '2XX': {
        description: 'done',
        ...(answer === undefined ? {} : { content: { 'application/json': { schema: answer } } }),
      },
      default: {
        description: 'not done; error_code says why',
        content: { 'application/json': { schema: ref('Error') } },
      },
    },
  };
}
