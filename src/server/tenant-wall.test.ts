import { expect, it } from 'vitest';
import { indexed, NAMESPACE } from '../../test/support/dossier-events.ts';
import {
  type LoginTrial,
  ORIGIN,
  PASSWORD,
  startLoginTrial,
} from '../../test/support/login-trial.ts';
import {
  bearer,
  envelope,
  eventId,
  OTHER_PROJECT,
  PROJECT,
  send,
} from '../../test/support/receiver-trial.ts';
import { everyDatabase } from '../../test/support/postgres.ts';
import { createIds, sha256Hex } from '../base/index.ts';
import { operatorScope } from './auth.ts';
import { readAudit, teamForOperator } from './identity/administration.ts';
import { createToken } from './operator.ts';
import { ROUTES } from './routes.ts';
import type { TokenScope } from './store/tokens.ts';

// PROJECT is in both teams, OTHER_PROJECT with the orchard alone.
const ABSENT_PROJECT = '99999999-8888-4777-8666-555555555555';
const OURS = [1, 2, 3];
const THEIRS = [101, 102, 103, 104, 105, 106, 107, 108];
const THEIR_TEXTS = ['their plan', 'their spec', 'their notes'];

interface Wall {
  readonly trial: LoginTrial;
  readonly orchard: string;
  /** The harbour's visitors by name, each with what it presents. */
  readonly visitors: Readonly<Record<string, string>>;
}

async function machine(trial: LoginTrial, scope: TokenScope, projects: 'all' | readonly string[]) {
  const { store, clock, identity } = trial;
  const { random } = identity;
  const team = await teamForOperator(store, 'harbour');
  const options = {
    name: scope,
    scope,
    projects,
    team,
    clock,
    ids: createIds(clock, random),
    random,
  };
  return (await createToken(store, options)).secret;
}

async function build(place?: string): Promise<Wall> {
  const trial = await startLoginTrial(place);
  await trial.person('ann@kitty.example', { harbour: 'owner' });
  await trial.person('ben@kitty.example', { harbour: 'member' });
  await trial.person('cas@kitty.example', { harbour: 'read-only' });
  await trial.person('zoe@kitty.example', { orchard: 'owner' });
  const visitors = {
    owner: (await trial.login('ann@kitty.example', 'harbour')).access,
    member: (await trial.login('ben@kitty.example', 'harbour')).access,
    reader: (await trial.login('cas@kitty.example', 'harbour')).access,
    'read token': await machine(trial, 'read', 'all'),
    'read token of one project': await machine(trial, 'read', [PROJECT]),
    'ingest token': await machine(trial, 'ingest', 'all'),
  };
  await send(
    trial,
    OURS.map((number) => envelope(number)),
    bearer(visitors.member),
  );
  const zoe = await trial.login('zoe@kitty.example', 'orchard');
  await send(
    trial,
    [
      ...THEIRS.map((number) =>
        envelope(number, { project_uuid: number % 2 === 0 ? PROJECT : OTHER_PROJECT }),
      ),
      ...THEIR_TEXTS.flatMap((text, index) => [
        indexed(200 + index, { path: `${index}.md`, text, project: OTHER_PROJECT }),
        indexed(210 + index, { path: `${index}.md`, text }),
      ]),
    ],
    bearer(zoe.access),
  );
  for (const [index, text] of THEIR_TEXTS.entries()) {
    for (const project of [PROJECT, OTHER_PROJECT]) {
      const push = pushOf({ project, path: `${index}.md`, text });
      expect(
        (await trial.post('/api/dossier/push-content/', push, bearer(zoe.access))).status,
      ).toBe(201);
    }
  }
  for (const project of [PROJECT, OTHER_PROJECT, ABSENT_PROJECT]) {
    const stored = await trial.post(SNAPSHOTS, snapshotOf(project), bearer(zoe.access));
    expect(stored.status).toBe(201);
  }
  return { trial, orchard: zoe.team_slug, visitors };
}

const SNAPSHOTS = '/api/v1/connectors/trackers/snapshots/';

function snapshotOf(project: string, title = 'their issue'): Readonly<Record<string, unknown>> {
  return {
    provider: 'jira',
    workspace: 'acme.atlassian.net',
    external_resource_type: 'jira_project',
    external_resource_id: 'ACME',
    doctrine_mode: 'external_authoritative',
    doctrine_field_owners: {},
    project_uuid: project,
    project_slug: 'demo',
    issues: [{ ref: { id: '1' }, title }],
    mappings: [],
    checkpoint: { cursor: null, updated_since: null },
  };
}

interface Push {
  readonly project: string;
  readonly path: string;
  readonly text: string;
}

function pushOf({ project, path, text }: Push): Readonly<Record<string, unknown>> {
  return {
    project_uuid: project,
    feature_slug: NAMESPACE.mission_slug,
    target_branch: 'main',
    mission_key: 'software-dev',
    manifest_version: '1',
    artifact_path: path,
    content_hash: sha256Hex(text),
    hash_algorithm: 'sha256',
    content_body: text,
  };
}

/** The routes that are walked here. A new one that says what a team owns belongs here, and in the cells. */
const WALLED = [
  'takeBatch',
  'takeBody',
  'takeSnapshot',
  'listEvents',
  'showEvent',
  'listNamespaces',
  'listArtifacts',
  'showBody',
  'listSnapshots',
  'showSnapshot',
];

/** Two requests that differ in one thing only: it is the orchard's, or nobody's. */
interface Cell {
  readonly name: string;
  readonly theirs: Ask;
  readonly nobodys: Ask;
}

interface Ask {
  readonly path: string;
  readonly body?: Readonly<Record<string, unknown>>;
}

function readingCells(orchard: string): readonly Cell[] {
  const where = (project: string, mission = '042-demo'): string =>
    `project=${project}&mission=${mission}&branch=main&type=software-dev&manifest=1`;
  const projects = [OTHER_PROJECT, OTHER_PROJECT.toUpperCase()];
  const tricks = [
    '',
    `?team=${orchard}`,
    `?team_id=${orchard}`,
    '?team=ORCHARD',
    '?team=%EF%BD%8Frchard',
  ];
  const read = (name: string, theirs: string, nobodys: string): Cell => ({
    name,
    theirs: { path: theirs },
    nobodys: { path: nobodys },
  });
  const ids = [...THEIRS, 200, 201, 202, 210, 211, 212].map(eventId);
  const hashes = THEIR_TEXTS.map((text) => sha256Hex(text));
  const none = sha256Hex('nobody wrote this');
  return [
    ...ids.flatMap((id, index) =>
      tricks.map((trick) =>
        read(
          `event ${id}${trick}`,
          `/api/v1/events/${id}${trick}`,
          `/api/v1/events/${eventId(9_000 + index)}${trick}`,
        ),
      ),
    ),
    ...projects.flatMap((project) => [
      read(
        `events of ${project}`,
        `/api/v1/events/?project=${project}`,
        `/api/v1/events/?project=${ABSENT_PROJECT}`,
      ),
      read(
        `missions of ${project}`,
        `/api/v1/namespaces/?project=${project}`,
        `/api/v1/namespaces/?project=${ABSENT_PROJECT}`,
      ),
      read(
        `artifacts of ${project}`,
        `/api/v1/artifacts/?${where(project)}`,
        `/api/v1/artifacts/?${where(ABSENT_PROJECT)}`,
      ),
    ]),
    ...[1, 2, 3].map((id) =>
      read(`snapshot ${id}`, `${SNAPSHOTS}${id}`, `${SNAPSHOTS}${900 + id}`),
    ),
    read(
      'snapshots of the shared project',
      `${SNAPSHOTS}?project=${PROJECT}`,
      `${SNAPSHOTS}?project=${PROJECT}&after=900`,
    ),
    read(
      'snapshots',
      `${SNAPSHOTS}?project=${OTHER_PROJECT}`,
      `${SNAPSHOTS}?project=${ABSENT_PROJECT}`,
    ),
    read(
      'missions of the shared project',
      `/api/v1/namespaces/?project=${PROJECT}&after=`,
      `/api/v1/namespaces/?project=${PROJECT}&after=x`,
    ),
    read(
      'artifacts of the shared project',
      `/api/v1/artifacts/?${where(PROJECT)}`,
      `/api/v1/artifacts/?${where(PROJECT, 'none')}`,
    ),
    ...hashes.flatMap((hash) =>
      [PROJECT, OTHER_PROJECT].map((project) =>
        read(
          `text ${hash} in ${project}`,
          `/api/v1/bodies/${hash}?project=${project}`,
          `/api/v1/bodies/${none}?project=${project}`,
        ),
      ),
    ),
    ...hashes.flatMap((hash, index) =>
      [PROJECT, OTHER_PROJECT].map((project) =>
        read(
          `text of path ${index} in ${project} (${hash})`,
          `/api/v1/bodies/?${where(project)}&path=${index}.md`,
          `/api/v1/bodies/?${where(project)}&path=none.md`,
        ),
      ),
    ),
  ];
}

function writingCells(): readonly Cell[] {
  return THEIR_TEXTS.flatMap((text, index) =>
    [PROJECT, OTHER_PROJECT].map((project) => ({
      name: `push of path ${index} in ${project}`,
      theirs: {
        path: '/api/dossier/push-content/',
        body: pushOf({ project, path: `${index}.md`, text }),
      },
      nobodys: {
        path: '/api/dossier/push-content/',
        body: pushOf({ project, path: `none-${index}.md`, text: `nobody's ${index}` }),
      },
    })),
  );
}

async function answer(trial: LoginTrial, token: string, { path, body }: Ask): Promise<string> {
  const headers = {
    ...bearer(token),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  };
  const init =
    body === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(body) };
  const response = await trial.app.fetch(new Request(`${ORIGIN}${path}`, init));
  // What a refusal repeats of its own request tells nothing.
  const text = (await response.text()).replaceAll(
    /"(artifact_path|content_hash)":"[^"]*"/g,
    '"$1":"…"',
  );
  return `${response.status} ${text}`;
}

async function holdings(trial: LoginTrial, team: string): Promise<string> {
  const driver = trial.store.driver.of(operatorScope(team));
  const tables = [
    'events',
    'namespaces',
    'artifacts',
    'artifact_versions',
    'bodies',
    'projects',
    'tracker_snapshots',
  ];
  const rows = await Promise.all(
    tables.map((table) =>
      driver.all(`SELECT * FROM ${table} WHERE team_id = $1 ORDER BY 1, 2, 3, 4`, [team]),
    ),
  );
  return sha256Hex(JSON.stringify(rows));
}

const PLACES = await everyDatabase();

it.each(PLACES)(
  'shows nobody what is another team’s, nor whether it is there, on %s',
  async (_on, placeOf) => {
    const { trial, orchard, visitors } = await build(await placeOf());
    const before = await holdings(trial, orchard);
    const cells = [...readingCells(orchard), ...writingCells()];
    let count = 0;
    for (const [visitor, token] of Object.entries(visitors)) {
      for (const cell of cells) {
        const theirs = await answer(trial, token, cell.theirs);
        expect([visitor, cell.name, theirs]).toEqual([
          visitor,
          cell.name,
          await answer(trial, token, cell.nobodys),
        ]);
        expect(theirs).not.toMatch(/their (?:plan|spec|notes|issue)/);
        count += 1;
      }
    }
    expect(count).toBeGreaterThanOrEqual(400);
    expect(await holdings(trial, orchard)).toBe(before);
    const { entries } = await readAudit(trial.store, 1_000);
    const harbour = await teamForOperator(trial.store, 'harbour');
    const refused = entries.filter(
      ({ action, teamId }) => action === 'access.refused' && teamId === harbour,
    );
    expect(new Set(refused.map(({ subject }) => subject))).toEqual(
      new Set(WALLED.filter((name) => name !== 'takeBatch' && name !== 'takeSnapshot')),
    );
  },
  120_000,
);

it('gives the harbour’s own to the harbour', async () => {
  const { trial, visitors } = await build();
  const list = await trial.get('/api/v1/events/', visitors['reader']);
  const ids = (list.json['items'] as readonly { event_id: string }[]).map((each) => each.event_id);
  expect(ids).toEqual(OURS.map(eventId));
});

it('makes a snapshot that another team has ours as well, and leaves theirs', async () => {
  const { trial, orchard, visitors } = await build();
  const before = await holdings(trial, orchard);
  const stored = await trial.post(
    SNAPSHOTS,
    snapshotOf(PROJECT),
    bearer(visitors['ingest token'] ?? ''),
  );
  expect(stored.status).toBe(201);
  expect(await holdings(trial, orchard)).toBe(before);
});

it('makes an event that another team has ours as well, and leaves theirs', async () => {
  const { trial, orchard, visitors } = await build();
  const before = await holdings(trial, orchard);
  const token = bearer(visitors['ingest token'] ?? '');
  const same = THEIRS.map((number) =>
    envelope(number, { lamport_clock: 7, project_uuid: OTHER_PROJECT }),
  );
  const results = await send(trial, same, token);
  expect(new Set(results.map(({ status }) => status))).toEqual(new Set(['success']));
  expect(await holdings(trial, orchard)).toBe(before);
});

it('logs nobody in for a team that is not theirs, however it is spelled', async () => {
  const { trial, orchard } = await build();
  const spellings = [
    orchard,
    orchard.toLowerCase(),
    'orchard',
    'ORCHARD',
    ' orchard',
    'orchard\0',
    'ｏrchard',
    'none',
  ];
  const answers = new Set<string>();
  for (const team of spellings) {
    trial.clock.move(60_000);
    const body = { username: 'ben@kitty.example', password: PASSWORD, team };
    const { status, json } = await trial.post('/api/v1/token/', body);
    answers.add(JSON.stringify([status, json]));
  }
  expect([...answers]).toEqual([expect.stringMatching(/^\[401/)]);
});

it('has cells for every route that says an object', () => {
  const named = Object.entries(ROUTES).filter(
    ([, { gate }]) => gate === 'read' || gate === 'ingest',
  );
  expect(named.map(([name]) => name).sort()).toEqual([...WALLED].sort());
});
