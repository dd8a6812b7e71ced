import type { Millis } from '../../../base/index.ts';
import { HttpError } from '../../http/errors.ts';
import type { Here } from '../../http/here.ts';
import type { Identity } from '../../identity/identity.ts';
import {
  artifactsOfPackage,
  changesOfPackage,
  findingsOfPackage,
  type IndexedPath,
  isOver,
  type PackageChange,
  type PackageKey,
  packageRow,
  type Stay,
  staysOf,
  timeInLanes,
} from '../../views/package.ts';
import { missionRows } from '../../views/read.ts';
import { artifactPath } from '../artifacts/addresses.ts';
import { meter } from '../charts.ts';
import { spanOf } from '../duration.ts';
import {
  amount,
  eventPath,
  eventsPath,
  framed,
  lookOf,
  missionPath,
  nameOfProject,
  projectOf,
  projectPath,
  tableOf,
  text,
  timeOf,
} from '../frame.ts';
import { findingsTable } from '../findings.ts';
import { html, type Html } from '../html.ts';

/** Changes of lanes that the history shows. */
const SHOWN_CHANGES = 500;

/** A work package: its lane, how it came there, how long it was where, and what is odd about it. */
export async function packagePage(identity: Identity, c: Here): Promise<Response> {
  const look = await lookOf(identity, c);
  const { scope, project } = await projectOf(look, c);
  const { driver, now } = look;
  const [slug, wpId] = [c.req.param('mission') ?? '', c.req.param('package') ?? ''];
  const [mission] = slug === '' ? [] : await missionRows(driver, scope, slug);
  const key: PackageKey = [...scope, slug, wpId];
  const found = mission === undefined || wpId === '' ? null : await packageRow(driver, key);
  if (mission === undefined || found === null) {
    throw new HttpError(404, 'not_found', 'nothing is here');
  }
  const changes = await changesOfPackage(driver, key);
  const stays = staysOf(changes);
  return framed(c, look, {
    title: found.title ?? wpId,
    crumbs: [
      { name: nameOfProject(project), path: projectPath(project.id) },
      { name: mission.title ?? slug, path: missionPath(project.id, slug) },
    ],
    body: html`<p><span class="quiet">${wpId}, in lane</span> <strong>${found.lane}</strong>${since(stays)},
<a href="${eventsPath({ project: project.id, mission: slug, wp: wpId })}">its events</a></p>
${artifactList({ projectId: project.id, slug }, await artifactsOfPackage(driver, key))}
<h2>Time in each lane</h2>
${laneTimes(stays, now)}
<h2>History</h2>
${historyOf(project.id, changes)}
<h2>Findings</h2>
${findingsTable(project.id, await findingsOfPackage(driver, key))}`,
  });
}

function since(stays: readonly Stay[]): Html {
  const last = stays.at(-1);
  return last === undefined ? html`` : html` <span class="quiet">since</span> ${timeOf(last.from)}`;
}

function artifactList(
  mission: { readonly projectId: string; readonly slug: string },
  paths: readonly IndexedPath[],
): Html {
  if (paths.length === 0) return html``;
  const links = paths.map(
    (each, index) =>
      html`${index === 0 ? '' : ', '}<a href="${artifactPath({ ...mission, ...each })}"><code>${each.path}</code></a>`,
  );
  return html`<p>Its artifact: ${links}</p>`;
}

function laneTimes(stays: readonly Stay[], now: Millis): Html {
  const times = [...timeInLanes(stays, now)];
  const last = stays.at(-1);
  if (last === undefined) return html`<p class="quiet">It has not moved yet.</p>`;
  const sum = times.reduce((total, [, time]) => total + time, 0);
  const whole = isOver(last.lane) ? 'from its first move to its end' : 'from its first move on';
  return tableOf(
    `${spanOf(sum)} ${whole}`,
    [
      { name: 'Lane' },
      { name: 'Time', kind: 'number' },
      { name: 'Stays', kind: 'number' },
      { name: 'Share', kind: 'name' },
    ],
    times.map(([lane, time]) => {
      const share = sum === 0 ? 0 : time / sum;
      return [
        text(lane),
        text(isOver(lane) && lane === last.lane && time === 0 ? '' : spanOf(time)),
        text(stays.filter((stay) => stay.lane === lane).length),
        meter(share, `${Math.round(share * 100)} %`),
      ];
    }),
  );
}

function historyOf(projectId: string, changes: readonly PackageChange[]): Html {
  if (changes.length === 0) return html`<p class="quiet">It has not moved yet.</p>`;
  const shown = changes.slice(-SHOWN_CHANGES).toReversed();
  const caption =
    shown.length === changes.length
      ? amount(changes.length, 'change')
      : `The last ${shown.length} changes`;
  return tableOf(
    `${caption}, the last one first`,
    [{ name: 'When' }, { name: 'Lane' }, { name: 'By', kind: 'name' }],
    shown.map(({ occurredAt, fromLane, toLane, actor, eventId }) => [
      html`<a href="${eventPath(projectId, eventId)}">${timeOf(occurredAt)}</a>`,
      text(fromLane === '' ? toLane : `${fromLane} → ${toLane}`),
      text(actor),
    ]),
  );
}
