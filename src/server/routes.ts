import { PATHS } from '../wire/index.ts';
import type { Right } from './identity/rights.ts';

/**
 * Who may pass: who has the right to what the team owns; a person by an access token; a browser by its cookie, or this
 * machine's where nobody is known yet (`page`); a browser by its cookie alone;
 * everybody, greeted by name where they have one; who may see figures of all teams; everybody, whose credentials, if any, are in the request's body.
 */
export type Gate = Right | 'person' | 'page' | 'browser' | 'greeted' | 'scraper' | 'open';

export interface RouteSpec {
  readonly method: 'GET' | 'POST';
  /** As the router writes it; both spellings of a path's end are answered. */
  readonly path: string;
  readonly gate: Gate;
}

export const PAGES = {
  overview: '/',
  events: '/events',
  eventTail: '/events/tail',
  eventStream: '/events/stream',
  eventExport: '/events/export',
  ingest: '/ingest',
  team: '/team',
  members: '/members',
  tokens: '/tokens',
  audit: '/audit',
  setup: '/setup',
  login: '/login',
  logout: '/logout',
  device: '/device',
} as const;

/** What machines that look after the receiver ask for. */
export const OPERATIONS = {
  alive: '/healthz',
  ready: '/readyz',
  metrics: '/metrics',
  apiPage: '/api/docs',
  apiDocument: '/api/docs/openapi.json',
} as const;

const MISSION = '/projects/:project/missions/:mission';

/** Every route there is, and who may pass. What is not here is not answered. */
export const ROUTES = {
  health: { method: 'GET', path: PATHS.health, gate: 'greeted' },
  takeBatch: { method: 'POST', path: PATHS.events, gate: 'ingest' },
  takeBody: { method: 'POST', path: PATHS.bodies, gate: 'ingest' },
  takeSnapshot: { method: 'POST', path: PATHS.snapshots, gate: 'ingest' },
  listSnapshots: { method: 'GET', path: PATHS.snapshots, gate: 'read' },
  showSnapshot: { method: 'GET', path: `${PATHS.snapshots}:id`, gate: 'read' },
  listEvents: { method: 'GET', path: PATHS.eventList, gate: 'read' },
  showEvent: { method: 'GET', path: `${PATHS.eventList}:id`, gate: 'read' },
  listNamespaces: { method: 'GET', path: PATHS.namespaceList, gate: 'read' },
  listArtifacts: { method: 'GET', path: PATHS.artifactList, gate: 'read' },
  showBody: { method: 'GET', path: `${PATHS.bodyList}:hash?`, gate: 'read' },
  logIn: { method: 'POST', path: PATHS.token, gate: 'open' },
  refresh: { method: 'POST', path: PATHS.tokenRefresh, gate: 'open' },
  startDevice: { method: 'POST', path: PATHS.oauthDevice, gate: 'open' },
  exchange: { method: 'POST', path: PATHS.oauthToken, gate: 'open' },
  logOut: { method: 'POST', path: PATHS.oauthRevoke, gate: 'open' },
  me: { method: 'GET', path: PATHS.me, gate: 'person' },
  sessionStatus: { method: 'GET', path: PATHS.sessionStatus, gate: 'person' },
  alive: { method: 'GET', path: OPERATIONS.alive, gate: 'open' },
  ready: { method: 'GET', path: OPERATIONS.ready, gate: 'open' },
  metrics: { method: 'GET', path: OPERATIONS.metrics, gate: 'scraper' },
  apiPage: { method: 'GET', path: OPERATIONS.apiPage, gate: 'open' },
  apiDocument: { method: 'GET', path: OPERATIONS.apiDocument, gate: 'open' },
  overviewPage: { method: 'GET', path: PAGES.overview, gate: 'page' },
  projectPage: { method: 'GET', path: '/projects/:project', gate: 'page' },
  missionPage: { method: 'GET', path: MISSION, gate: 'page' },
  packagePage: { method: 'GET', path: `${MISSION}/packages/:package`, gate: 'page' },
  artifactsPage: { method: 'GET', path: `${MISSION}/artifacts`, gate: 'page' },
  artifactPage: { method: 'GET', path: `${MISSION}/artifacts/view`, gate: 'page' },
  artifactDiff: { method: 'GET', path: `${MISSION}/artifacts/diff`, gate: 'page' },
  artifactRaw: { method: 'GET', path: `${MISSION}/artifacts/raw`, gate: 'page' },
  eventsPage: { method: 'GET', path: PAGES.events, gate: 'page' },
  tailPage: { method: 'GET', path: PAGES.eventTail, gate: 'page' },
  streamEvents: { method: 'GET', path: PAGES.eventStream, gate: 'page' },
  exportEvents: { method: 'POST', path: PAGES.eventExport, gate: 'page' },
  eventPage: { method: 'GET', path: '/projects/:project/events/:event', gate: 'page' },
  eventBytes: { method: 'GET', path: '/projects/:project/events/:event/raw', gate: 'page' },
  ingestPage: { method: 'GET', path: PAGES.ingest, gate: 'page' },
  projectIngestPage: { method: 'GET', path: '/projects/:project/ingest', gate: 'page' },
  chooseTeam: { method: 'POST', path: PAGES.team, gate: 'browser' },
  membersPage: { method: 'GET', path: PAGES.members, gate: 'page' },
  changeMembers: { method: 'POST', path: PAGES.members, gate: 'browser' },
  tokensPage: { method: 'GET', path: PAGES.tokens, gate: 'page' },
  changeTokens: { method: 'POST', path: PAGES.tokens, gate: 'browser' },
  auditPage: { method: 'GET', path: PAGES.audit, gate: 'page' },
  exportAudit: { method: 'POST', path: PAGES.audit, gate: 'browser' },
  setupPage: { method: 'GET', path: PAGES.setup, gate: 'open' },
  setUp: { method: 'POST', path: PAGES.setup, gate: 'open' },
  loginPage: { method: 'GET', path: PAGES.login, gate: 'open' },
  enter: { method: 'POST', path: PAGES.login, gate: 'open' },
  leave: { method: 'POST', path: PAGES.logout, gate: 'browser' },
  devicePage: { method: 'GET', path: PAGES.device, gate: 'browser' },
  decideDevice: { method: 'POST', path: PAGES.device, gate: 'browser' },
} as const satisfies Readonly<Record<string, RouteSpec>>;

export type RouteName = keyof typeof ROUTES;
