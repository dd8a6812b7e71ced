import type { Here } from '../http/here.ts';
import { daysOfTeam, MOST_PROJECTS, projectRows } from '../views/read.ts';
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
import { html } from './html.ts';
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
  const rows = projects.map((project) => [
    html`<a href="${projectPath(project.id)}">${nameOfProject(project)}</a>`,
    text(project.missions),
    text(project.events.toLocaleString('en')),
    timeOf(project.lastSeenAt),
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
  ],
  rows,
)}`,
  });
}
