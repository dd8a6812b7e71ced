import type { Here } from '../http/here.ts';
import { type Troubles, troublesOfTeam } from '../views/dossier/read.ts';
import { MOST_PROJECTS, projectRows } from '../views/read.ts';
import { daysOfTeam } from '../views/tallies.ts';
import { dayChart, firstDay } from './charts.ts';
import {
  amount,
  framed,
  lookOf,
  nameOfProject,
  projectPath,
  tableOf,
  text,
  timeOf,
} from './frame.ts';
import { html, type Html } from './html.ts';
import { concernNote, concernsOf } from './ingest/concerns.ts';
import type { Watch } from './ingest/health.ts';

/** What a team has here: its projects, and how much came in lately. */
export async function overviewPage(watch: Watch, c: Here): Promise<Response> {
  await watch.statistics.write();
  const look = await lookOf(watch, c);
  const { driver, team, now } = look;
  const projects = await projectRows(driver, team);
  const days = await daysOfTeam(driver, team, firstDay(now));
  const note = concernNote(await concernsOf(driver, team, now));
  if (projects.length === 0) {
    const body = html`${note}<p>Nothing has arrived yet. In a project, name this receiver and send:</p>
<pre><code>spec-kitty sync mode EXTERNAL_RECEIVER --endpoint ${c.var.base}
spec-kitty sync now
</code></pre>`;
    return framed(c, look, { title: 'Overview', body });
  }
  const shown = projects.length < MOST_PROJECTS ? '' : ', the last ones heard of';
  const troubles = await troublesOfTeam(driver, team);
  const rows = projects.map((project) => [
    html`<a href="${projectPath(project.id)}">${nameOfProject(project)}</a>`,
    text(project.missions),
    text(project.events.toLocaleString('en')),
    timeOf(project.lastSeenAt),
    text(troubleWords(troubles.get(project.id))),
  ]);
  return framed(c, look, {
    title: 'Overview',
    body: html`${note}${dayChart(days, now)}
<h2>Projects</h2>
${tableOf(
  `${amount(projects.length, 'project')}${shown}`,
  [
    { name: 'Project', kind: 'name' },
    { name: 'Missions', kind: 'number' },
    { name: 'Events', kind: 'number' },
    { name: 'Last heard of' },
    { name: 'Dossiers to look at' },
  ],
  rows,
)}
${troubleCount(troubles)}`,
  });
}

function troubleWords(troubles: Troubles | undefined): string {
  if (troubles === undefined) return 'none';
  const { incomplete, drifting } = troubles;
  const parts = [
    incomplete === 0 ? '' : `${incomplete.toLocaleString('en')} incomplete`,
    drifting === 0 ? '' : `${drifting.toLocaleString('en')} drifting`,
  ];
  return parts.filter((part) => part !== '').join(', ');
}

function troubleCount(troubles: ReadonlyMap<string, Troubles>): Html {
  const count = [...troubles.values()].reduce((sum, { missions }) => sum + missions, 0);
  if (count === 0) return html`<p class="quiet">No mission lacks an artifact or drifts.</p>`;
  const verbs =
    count === 1 ? 'lacks a required artifact or drifts' : 'lack required artifacts or drift';
  return html`<p><strong class="alert">${amount(count, 'mission')}</strong> ${verbs} from a baseline.</p>`;
}
