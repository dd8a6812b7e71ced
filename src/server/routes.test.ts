import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { ORIGIN, startLoginTrial } from '../../test/support/login-trial.ts';
import { bearer, startTrial } from '../../test/support/receiver-trial.ts';
import { RIGHTS_OF, ROLES } from './identity/rights.ts';
import { ROUTES, type RouteSpec } from './routes.ts';

const DECLARED: readonly RouteSpec[] = Object.values(ROUTES);

it('answers the routes of the table and no others', async () => {
  const { app } = await startTrial();
  // What takes every method is no route: the words before each one, the refusals of other methods, and of the rest.
  const answered = app.routes.filter(({ method }) => method !== 'ALL');
  const spelled = ({
    method,
    path: at,
  }: {
    readonly method: string;
    readonly path: string;
  }): string => `${method} ${at.replace(/\/$/, '')}`;
  expect(answered.map(spelled).sort()).toEqual(DECLARED.map(spelled).sort());
  expect(answered.length).toBeGreaterThan(20);
});

it('says for each route who may pass, and writes through a POST only', () => {
  const gates = Object.entries(ROUTES).map(
    ([name, { method, gate }]) => `${method} ${gate} ${name}`,
  );
  expect(gates).toMatchInlineSnapshot(`
    [
      "GET greeted health",
      "POST ingest takeBatch",
      "POST ingest takeBody",
      "POST ingest takeSnapshot",
      "GET read listSnapshots",
      "GET read showSnapshot",
      "GET read listEvents",
      "GET read showEvent",
      "GET read listNamespaces",
      "GET read listArtifacts",
      "GET read showBody",
      "POST open logIn",
      "POST open refresh",
      "POST open startDevice",
      "POST open exchange",
      "POST open logOut",
      "GET person me",
      "GET person sessionStatus",
      "GET open alive",
      "GET open ready",
      "GET scraper metrics",
      "GET open apiPage",
      "GET open apiDocument",
      "GET page overviewPage",
      "GET page projectPage",
      "GET page missionPage",
      "GET page packagePage",
      "GET page artifactsPage",
      "GET page artifactPage",
      "GET page artifactDiff",
      "GET page artifactRaw",
      "GET page eventsPage",
      "GET page tailPage",
      "GET page streamEvents",
      "POST page exportEvents",
      "GET page eventPage",
      "GET page eventBytes",
      "GET page ingestPage",
      "GET page projectIngestPage",
      "POST browser chooseTeam",
      "GET page membersPage",
      "POST browser changeMembers",
      "GET page tokensPage",
      "POST browser changeTokens",
      "GET page auditPage",
      "POST browser exportAudit",
      "GET open setupPage",
      "POST open setUp",
      "GET open loginPage",
      "POST open enter",
      "POST browser leave",
      "GET browser devicePage",
      "POST browser decideDevice",
    ]
  `);
});

it('gives each role what it may do', () => {
  expect(ROLES.map((role) => [role, ...RIGHTS_OF[role]].join(' '))).toEqual([
    'owner read ingest manage own',
    'admin read ingest manage',
    'member read ingest',
    'read-only read',
  ]);
});

it('lets each role and each token through the gates of its rights and no other', async () => {
  const trial = await startLoginTrial();
  const visitors = new Map<string, readonly [token: string, rights: readonly string[]]>();
  for (const role of ROLES) {
    const email = `${role}@kitty.example`;
    await trial.person(email, { harbour: role });
    visitors.set(role, [
      (await trial.login(email, 'harbour')).access,
      [...RIGHTS_OF[role], 'person'],
    ]);
  }
  visitors.set('ingest token', [await trial.token('ingest'), ['ingest']]);
  visitors.set('read token', [await trial.token('read'), ['read']]);
  const gates = DECLARED.filter(
    ({ gate }) => !['open', 'page', 'browser', 'greeted', 'scraper'].includes(gate),
  );
  expect(gates.length).toBeGreaterThan(8);
  const cells: string[] = [];
  for (const [name, [token, rights]] of visitors) {
    for (const { method, path: at, gate } of gates) {
      const url = `${ORIGIN}${at.replace(':id', 'x').replace(':hash?', 'x')}`;
      const { status } = await trial.app.fetch(
        new Request(url, { method, headers: bearer(token) }),
      );
      cells.push(`${name} ${method} ${at}`);
      expect([name, at, status === 403]).toEqual([name, at, !rights.includes(gate)]);
      expect(status).not.toBe(401);
    }
  }
  expect(cells).toHaveLength(visitors.size * gates.length);
});

it('makes teams of texts in one place', () => {
  const files = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' });
  const makers = files
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .filter((file) =>
      readFileSync(path.join(import.meta.dirname, file), 'utf8').includes('as TeamScope'),
    );
  expect(makers).toEqual(['auth.ts']);
});
