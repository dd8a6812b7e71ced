import { PAGES } from '../../routes.ts';
import type { EventFilter } from '../../views/event-index.ts';
import { projectRows } from '../../views/read.ts';
import { namesFor } from '../../views/tallies.ts';
import { type Look, nameOfProject } from '../frame.ts';
import { html, type Html } from '../html.ts';
import { shortId } from './cells.ts';
import { momentOf } from './filter.ts';

/** The fields by which events are looked for, as the filter has them now; sent to `action`. */
export async function filterForm(
  { driver, team }: Look,
  filter: EventFilter,
  action: string,
): Promise<Html> {
  const projects = await projectRows(driver, team);
  const { project, mission, workPackage, type, node, finding, from, to } = filter;
  const names = await namesFor(driver, team, project);
  const options = projects.map((each) => {
    const name = `${nameOfProject(each)} (${shortId(each.id)})`;
    return each.id === project
      ? html`<option value="${each.id}" selected>${name}</option>`
      : html`<option value="${each.id}">${name}</option>`;
  });
  return html`<form class="filters" method="get" action="${action}" aria-label="Which events">
<label>Project<select name="project"><option value="">All</option>${options}</select></label>
${[
  choice('Mission', ['mission', mission], names.missions),
  choice('Work package', ['wp', workPackage], []),
  choice('Type', ['type', type], names.types),
  choice('Producer', ['node', node], names.nodes),
  choice('Finding', ['finding', finding], names.findings),
  moment('Happened from (UTC)', ['from', momentOf(from)]),
  moment('Happened before (UTC)', ['to', momentOf(to)]),
  action === PAGES.events ? choice('Or the id of one event', ['event', ''], []) : html``,
]}<p><button>Show</button> <a href="${action}">All of them</a></p>
</form>`;
}

type Field = readonly [name: string, value: string];

/** Any text may be looked for; the names that there are stand beside it. */
function choice(label: string, [name, value]: Field, names: readonly string[]): Html {
  if (names.length === 0) {
    return html`<label>${label}<input name="${name}" value="${value}"></label>
`;
  }
  const options = names.map((each) => html`<option value="${each}"></option>`);
  return html`<label>${label}<input name="${name}" value="${value}" list="${name}-names"></label><datalist id="${name}-names">${options}</datalist>
`;
}

function moment(label: string, [name, value]: Field): Html {
  return html`<label class="wide">${label}<input type="datetime-local" step="any" name="${name}" value="${value}"></label>
`;
}
