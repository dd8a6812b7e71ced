import type { Here } from '../http/here.ts';
import type { Identity } from '../identity/identity.ts';
import { LANES } from '../views/facts.ts';
import {
  laneCounts,
  missionRows,
  type MissionRow,
  producersOf,
  type ProducerRow,
  type ProjectRow,
} from '../views/read.ts';
import { type Count, countsOf } from '../views/tallies.ts';
import { type DossierRow, dossiersOf } from '../views/dossier/read.ts';
import { dayChart, firstDay } from './charts.ts';
import { findingName } from './findings.ts';
import {
  amount,
  eventsPath,
  framed,
  lookOf,
  missionPath,
  nameOfProject,
  projectOf,
  tableOf,
  text,
  timeOf,
} from './frame.ts';
import { html, type Html } from './html.ts';
import { projectIngestPath } from './ingest/health.ts';
import { dossierWords } from './mission/dossier.ts';

/** A project: its missions and how far they are, what is odd, who sends. */
export async function projectPage(identity: Identity, c: Here): Promise<Response> {
  const look = await lookOf(identity, c);
  const { scope, project } = await projectOf(look, c);
  const { driver, now } = look;
  const missions = await missionRows(driver, scope);
  const lanes = await laneCounts(driver, scope);
  const dossiers = await dossiersOf(driver, scope);
  const findings = await countsOf(driver, scope, 'finding');
  const days = await countsOf(driver, scope, 'day', firstDay(now));
  return framed(c, look, {
    title: nameOfProject(project),
    crumbs: [],
    body: html`<p class="quiet"><a href="${eventsPath({ project: project.id })}">${amount(project.events, 'event')}</a> of project <code>${project.id}</code></p>
${dayChart(days, now)}
<h2>Missions</h2>
${missionTable(project, missions, (slug) => ({
  lanes: lanes.get(slug),
  dossier: dossiers.get(slug)?.[0],
}))}
<h2>Findings</h2>
${findingList(project.id, findings)}
<h2>Producers</h2>
<p><a href="${projectIngestPath(project.id)}">Ingest health of this project</a></p>
${producerTable(project.id, await producersOf(driver, scope))}`,
  });
}

function missionTable(
  project: ProjectRow,
  missions: readonly MissionRow[],
  stateOf: (slug: string) => MissionState,
): Html {
  if (missions.length === 0)
    return html`<p class="quiet">No event of a mission has arrived yet.</p>`;
  const rest = missions.length < project.missions ? `, the last ${missions.length} heard of` : '';
  return tableOf(
    `${amount(project.missions, 'mission')}${rest}`,
    [
      { name: 'Mission', kind: 'name' },
      { name: 'Type' },
      { name: 'Work packages' },
      { name: 'Dossier' },
      { name: 'Events', kind: 'number' },
      { name: 'Last event' },
    ],
    missions.map((mission) => missionCells(project.id, mission, stateOf(mission.slug))),
  );
}

interface MissionState {
  readonly lanes: ReadonlyMap<string, number> | undefined;
  /** The one spoken of last. */
  readonly dossier: DossierRow | undefined;
}

function missionCells(
  projectId: string,
  { slug, title, type, events, lastAt }: MissionRow,
  { lanes, dossier }: MissionState,
): readonly Html[] {
  const parts = LANES.flatMap((lane) => {
    const count = lanes?.get(lane);
    return count === undefined ? [] : [`${count} ${lane}`];
  });
  return [
    html`<a href="${missionPath(projectId, slug)}">${title ?? slug}</a>${title === null ? [] : html`<br><span class="quiet">${slug}</span>`}`,
    text(type),
    text(parts.join(', ')),
    dossier === undefined ? text('') : dossierWords(dossier),
    text(events.toLocaleString('en')),
    timeOf(lastAt),
  ];
}

function findingList(projectId: string, findings: readonly Count[]): Html {
  if (findings.length === 0) return html`<p class="quiet">Nothing odd arrived.</p>`;
  return tableOf(
    'Events that are stored and are odd',
    [{ name: 'Finding' }, { name: 'Events', kind: 'number' }],
    findings.map(({ name, count }) => [
      findingName(name),
      html`<a href="${eventsPath({ project: projectId, finding: name })}">${count.toLocaleString('en')}</a>`,
    ]),
  );
}

function producerTable(projectId: string, producers: readonly ProducerRow[]): Html {
  return tableOf(
    'Who sent events, the last one first',
    [
      { name: 'Node' },
      { name: 'Events', kind: 'number' },
      { name: 'Gaps in its clock', kind: 'number' },
      { name: 'Last heard of' },
      { name: 'Its last event' },
    ],
    producers.map(({ nodeId, events, gaps, lastSeenAt, lastEventAt }) => [
      html`<a href="${eventsPath({ project: projectId, node: nodeId })}"><code>${nodeId}</code></a>`,
      text(events.toLocaleString('en')),
      text(gaps),
      timeOf(lastSeenAt),
      timeOf(lastEventAt),
    ]),
  );
}
