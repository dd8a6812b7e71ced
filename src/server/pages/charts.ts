import type { Millis } from '../../base/index.ts';
import { dayOf } from '../views/fold.ts';
import type { ChangeRow, Count } from '../views/read.ts';
import { html, type Html } from './html.ts';

const DAY_MS = 86_400_000;
const WIDTH = 720;
const HEIGHT = 140;
const BOTTOM = 20;
const TOP = 16;
const PLOT = HEIGHT - BOTTOM - TOP;

/** Days that a chart of arrivals shows. */
export const CHART_DAYS = 30;

/** The first of the days that end with today. */
export function firstDay(now: Millis): string {
  return dayOf(now - (CHART_DAYS - 1) * DAY_MS);
}

/** Events by day of arrival, as bars; a day without events is a day too. */
export function dayChart(counts: readonly Count[], now: Millis): Html {
  const known = new Map(counts.map(({ name, count }) => [name, count]));
  const days = Array.from({ length: CHART_DAYS }, (_, index) => {
    const day = dayOf(now - (CHART_DAYS - 1 - index) * DAY_MS);
    return { day, count: known.get(day) ?? 0 };
  });
  const most = Math.max(1, ...days.map(({ count }) => count));
  const sum = days.reduce((total, { count }) => total + count, 0);
  const step = WIDTH / CHART_DAYS;
  const bars = days.map(({ day, count }, index) => {
    const height = count === 0 ? 0 : Math.max(2, (count / most) * PLOT);
    return html`<rect class="bar" x="${num(index * step + 2)}" y="${num(TOP + PLOT - height)}" width="${num(step - 4)}" height="${num(height)}"><title>${day}: ${String(count)}</title></rect>`;
  });
  const label = `Events by day of arrival: ${sum} in ${CHART_DAYS} days, at most ${most} a day`;
  return html`<figure><svg viewBox="0 0 ${String(WIDTH)} ${String(HEIGHT)}" role="img" aria-label="${label}">
<text x="2" y="11">${String(most)}</text>${bars}${axis()}
<text x="2" y="${String(HEIGHT - 5)}">${days[0]?.day ?? ''}</text>
<text x="${String(WIDTH - 2)}" y="${String(HEIGHT - 5)}" text-anchor="end">${days.at(-1)?.day ?? ''}</text></svg>
<figcaption>${label}.</figcaption></figure>`;
}

/** How many work packages there were and how many were done, after each change of a lane. */
export interface Progress {
  readonly at: Millis;
  readonly all: number;
  readonly done: number;
}

/** Walks through changes in their order. A lane that is none of the ten moves nothing. */
export function progressOf(
  changes: readonly ChangeRow[],
  isLane: (text: string) => boolean,
): readonly Progress[] {
  const lanes = new Map<string, string>();
  let done = 0;
  return changes.flatMap(({ occurredAt: at, wpId, toLane }) => {
    if (!isLane(toLane)) return [];
    if (lanes.get(wpId) === 'done') done -= 1;
    if (toLane === 'done') done += 1;
    lanes.set(wpId, toLane);
    return [{ at, all: lanes.size, done }];
  });
}

/** Work packages over time: those that had begun to move, and those that were done. */
export function burnUp(progress: readonly Progress[]): Html {
  const [first, last] = [progress[0], progress.at(-1)];
  if (first === undefined || last === undefined) {
    return html`<p class="quiet">No work package has moved yet.</p>`;
  }
  const span = Math.max(1, last.at - first.at);
  const most = Math.max(1, last.all);
  const line = (value: (point: Progress) => number): string => {
    const x = (at: Millis): string => num(((at - first.at) / span) * (WIDTH - 4) + 2);
    const y = (count: number): string => num(TOP + PLOT - (count / most) * PLOT);
    const steps = progress.map((point) => `H${x(point.at)}V${y(value(point))}`);
    return `M2,${y(0)}${steps.join('')}H${num(WIDTH - 2)}`;
  };
  const label = `Burn-up: ${last.done} of ${last.all} work packages done, ${dayOf(first.at)} to ${dayOf(last.at)}`;
  return html`<figure><svg viewBox="0 0 ${String(WIDTH)} ${String(HEIGHT)}" role="img" aria-label="${label}">
<text x="2" y="11">${String(most)}</text>${axis()}
<path class="all" d="${line(({ all }) => all)}"/><path class="done" d="${line(({ done }) => done)}"/>
<text x="2" y="${String(HEIGHT - 5)}">${dayOf(first.at)}</text>
<text x="${String(WIDTH - 2)}" y="${String(HEIGHT - 5)}" text-anchor="end">${dayOf(last.at)}</text></svg>
<figcaption>${label}. Dashed: all that have moved; solid: done.</figcaption></figure>`;
}

function axis(): Html {
  const y = String(TOP + PLOT);
  return html`<line class="axis" x1="0" y1="${y}" x2="${String(WIDTH)}" y2="${y}"/>`;
}

function num(value: number): string {
  return String(Math.round(value * 10) / 10);
}
