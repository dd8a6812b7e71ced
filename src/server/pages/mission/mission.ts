import { HttpError } from '../../http/errors.ts';
import type { Here } from '../../http/here.ts';
import type { Identity } from '../../identity/identity.ts';
import { isLane, type Lane, LANES } from '../../views/facts.ts';
import {
  type ChangeRow,
  findingsOf,
  laneChanges,
  missionRows,
  type WorkPackage,
  workPackages,
} from '../../views/read.ts';
import { artifactsPath } from '../artifacts/addresses.ts';
import { burnUp, progressOf } from '../charts.ts';
import { findingsTable } from '../findings.ts';
import {
  amount,
  eventPath,
  eventsPath,
  framed,
  lookOf,
  nameOfProject,
  packagePath,
  projectOf,
  projectPath,
  tableOf,
  text,
  timeOf,
} from '../frame.ts';
import { html, type Html } from '../html.ts';
import { dossierSection } from './dossier.ts';

/** Changes of lanes that the timeline shows. */
const SHOWN_CHANGES = 200;

/** A mission: its board, how it went, its artifacts, and what is odd about it. */
export async function missionPage(identity: Identity, c: Here): Promise<Response> {
  const look = await lookOf(identity, c);
  const { scope, project } = await projectOf(look, c);
  const slug = c.req.param('mission') ?? '';
  const [mission] = slug === '' ? [] : await missionRows(look.driver, scope, slug);
  if (mission === undefined) throw new HttpError(404, 'not_found', 'nothing is here');
  const packages = await workPackages(look.driver, scope, slug);
  const changes = await laneChanges(look.driver, scope, slug);
  const findings = await findingsOf(look.driver, scope, slug);
  return framed(c, look, {
    title: mission.title ?? slug,
    crumbs: [{ name: nameOfProject(project), path: projectPath(project.id) }],
    body: html`<p class="quiet">${[mission.title === null ? '' : slug, mission.type ?? '', amount(mission.events, 'event')].filter((part) => part !== '').join(' · ')},
${timeOf(mission.firstAt)} to ${timeOf(mission.lastAt)} ${'·'}
<a href="${eventsPath({ project: project.id, mission: slug })}">Its events</a> ${'·'}
<a href="${artifactsPath({ projectId: project.id, slug })}">Its artifacts</a></p>
<h2>Work packages</h2>
${boardOf((wpId) => packagePath(project.id, slug, wpId), packages)}
<h2>Burn-up</h2>
${burnUp(progressOf(changes, isLane))}
<h2>Dossier</h2>
${await dossierSection(look.driver, scope, slug)}
<h2>Timeline</h2>
${timelineOf(project.id, changes)}
<h2>Findings</h2>
${findingsTable(project.id, findings)}`,
  });
}

function boardOf(pathOf: (wpId: string) => string, packages: readonly WorkPackage[]): Html {
  const lane = (name: Lane): Html => {
    const here = packages.filter((each) => each.lane === name);
    return html`<section class="lane" aria-label="${name}"><h3>${name} <span class="quiet">${String(here.length)}</span></h3><ul>
${here.map(({ id, title }) => html`<li><a href="${pathOf(id)}"><strong>${id}</strong></a>${title === null || title === id ? [] : html` ${title}`}</li>`)}</ul></section>
`;
  };
  return html`<div class="board" role="region" aria-label="Board of ten lanes" tabindex="0">${LANES.map(lane)}</div>`;
}

function timelineOf(projectId: string, changes: readonly ChangeRow[]): Html {
  if (changes.length === 0) return html`<p class="quiet">No work package has moved yet.</p>`;
  const shown = changes.slice(-SHOWN_CHANGES).toReversed();
  const caption =
    shown.length === changes.length
      ? amount(changes.length, 'change')
      : `The last ${shown.length} changes`;
  return tableOf(
    `${caption}, the last one first`,
    [{ name: 'When' }, { name: 'Work package' }, { name: 'Lane' }, { name: 'By', kind: 'name' }],
    shown.map(({ occurredAt, eventId, wpId, fromLane, toLane, actor }) => [
      html`<a href="${eventPath(projectId, eventId)}">${timeOf(occurredAt)}</a>`,
      text(wpId),
      text(fromLane === '' ? toLane : `${fromLane} → ${toLane}`),
      text(actor),
    ]),
  );
}
