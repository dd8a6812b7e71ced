import type { Handler, Here } from '../../http/here.ts';
import type { Identity } from '../../identity/identity.ts';
import { PAGES } from '../../routes.ts';
import { PROJECTS_AT_ONCE, sumsOfProjects } from '../../statistics/counts.ts';
import type { Statistics } from '../../statistics/statistics.ts';
import { projectRows } from '../../views/read.ts';
import { countsOf, daysOfTeam } from '../../views/tallies.ts';
import { dayChart, firstDay } from '../charts.ts';
import {
  framed,
  type Look,
  lookOf,
  nameOfProject,
  projectOf,
  projectPath,
  tableOf,
  text,
  timeOf,
} from '../frame.ts';
import { html, type Html } from '../html.ts';
import { concernLines, type Concerns, concernsOf, dayBefore, MOST_SILENT } from './concerns.ts';
import { producersPart } from './producers.ts';
import { ratesPart } from './rates.ts';
import { refusalsPart } from './refusals.ts';

/** What pages need that show what was counted. */
export interface Watch extends Identity {
  readonly statistics: Statistics;
}

/** Where a project's ingest health is shown. */
export function projectIngestPath(projectId: string): string {
  return `${projectPath(projectId)}/ingest`;
}

export type IngestRoute = 'ingestPage' | 'projectIngestPage';

/** The pages that say how well events come in. */
export function ingestHandlers(watch: Watch): Readonly<Record<IngestRoute, Handler>> {
  return {
    ingestPage: (c) => teamIngestPage(watch, c),
    projectIngestPage: (c) => projectIngestPage(watch, c),
  };
}

/** How well events of a team come in: rates, refusals by rule, silent producers, the same of each project. */
async function teamIngestPage(watch: Watch, c: Here): Promise<Response> {
  // What this process still holds of its figures is shown too.
  await watch.statistics.write();
  const look = await lookOf(watch, c);
  const { driver, team, now } = look;
  const concerns = await concernsOf(driver, team, now);
  const whose = [team, ''] as const;
  return framed(c, look, {
    title: 'Ingest health',
    crumbs: [],
    body: html`${concernList(concerns)}
<h2>Rates</h2>
${await ratesPart(driver, whose, now)}
<h2>Deliveries received per day</h2>
${dayChart(await daysOfTeam(driver, team, firstDay(now)), now)}
<h2 id="refused">Refused, by rule</h2>
${await refusalsPart(driver, whose, now)}
<h2 id="silent">Silent producers</h2>
${await silentPart(look, concerns)}
<h2>Projects</h2>
${await projectsPart(look)}`,
  });
}

/** The same of one project, and how late each producer's events arrive. */
async function projectIngestPage(watch: Watch, c: Here): Promise<Response> {
  await watch.statistics.write();
  const look = await lookOf(watch, c);
  const { scope, project } = await projectOf(look, c);
  const { driver, now } = look;
  const days = await countsOf(driver, scope, 'day', firstDay(now));
  return framed(c, look, {
    title: `Ingest health of ${nameOfProject(project)}`,
    crumbs: [
      { name: 'Ingest health', path: PAGES.ingest },
      { name: nameOfProject(project), path: projectPath(project.id) },
    ],
    body: html`<h2>Rates</h2>
${await ratesPart(driver, scope, now)}
<h2>Deliveries received per day</h2>
${dayChart(days, now)}
<h2>Producers</h2>
${await producersPart(driver, scope, now)}
<h2>Refused, by rule</h2>
${await refusalsPart(driver, scope, now)}`,
  });
}

function concernList(concerns: Concerns): Html {
  const lines = concernLines(concerns);
  return lines.length === 0
    ? html`<p>Nothing needs a look.</p>`
    : html`<ul>${lines.map(({ text: line, place }) => html`<li class="alert">${line} <a href="#${place}">More</a></li>`)}</ul>`;
}

async function silentPart({ driver, team }: Look, { silent }: Concerns): Promise<Html> {
  if (silent.length === 0) {
    return html`<p class="quiet">Every producer that was heard of in the last 30 days has been heard of in the last 7.</p>`;
  }
  const named = silent.slice(0, MOST_SILENT);
  const projects = new Map(
    await Promise.all(
      [...new Set(named.map(({ projectId }) => projectId))].map(async (id) => {
        const [project] = await projectRows(driver, team, id);
        return [id, project === undefined ? id : nameOfProject(project)] as const;
      }),
    ),
  );
  return tableOf(
    `Heard of in the last 30 days, and not in the last 7${named.length < silent.length ? ', the last ones' : ''}`,
    [{ name: 'Node', kind: 'name' }, { name: 'Project', kind: 'name' }, { name: 'Last heard of' }],
    named.map(({ nodeId, projectId, lastSeenAt }) => [
      html`<code>${nodeId}</code>`,
      html`<a href="${projectIngestPath(projectId)}">${projects.get(projectId) ?? projectId}</a>`,
      timeOf(lastSeenAt),
    ]),
  );
}

async function projectsPart({ driver, team, now }: Look): Promise<Html> {
  const all = await projectRows(driver, team);
  const projects = all.slice(0, PROJECTS_AT_ONCE);
  if (projects.length === 0) {
    return html`<p class="quiet">No project has sent anything yet. The overview says how one does.</p>`;
  }
  const ids = projects.map(({ id }) => id);
  const sums = await sumsOfProjects(driver, team, dayBefore(now), ids);
  return tableOf(
    `Events of the last 24 hours by project${projects.length < all.length ? ', those heard of last' : ''}`,
    [
      { name: 'Project', kind: 'name' },
      { name: 'Stored', kind: 'number' },
      { name: 'Refused', kind: 'number' },
      { name: 'Last heard of' },
    ],
    projects.map((project) => {
      const { stored = 0, refused = 0 } = sums.get(project.id) ?? {};
      const count = refused.toLocaleString('en');
      return [
        html`<a href="${projectIngestPath(project.id)}">${nameOfProject(project)}</a>`,
        text(stored.toLocaleString('en')),
        refused === 0 ? text(count) : html`<strong class="alert">${count}</strong>`,
        timeOf(project.lastSeenAt),
      ];
    }),
  );
}
