import type { Millis } from '../../base/index.ts';
import { dayOf } from '../views/fold.ts';
import type { ChangeRow } from '../views/read.ts';
import type { Count } from '../views/tallies.ts';
import { html, type Html } from './html.ts';

const DAY_MS = 86_400_000;
const WIDTH = 720;
const PLOT = 100;
/** Room above and below for half the width of a line. */
const EDGE = 3;

/** Days that a chart of arrivals shows. */
export const CHART_DAYS = 30;

/** The first of the days that end with today. */
export function firstDay(now: Millis): string {
  return dayOf(now - (CHART_DAYS - 1) * DAY_MS);
}

/** Events by day of arrival, as bars; a day without events is a day too. */
export function dayChart(counts: readonly Count[], now: Millis): Html {
  const known = new Map(counts.map(({ name, count }) => [name, count]));
  const bars = Array.from({ length: CHART_DAYS }, (_, index) => {
    const name = dayOf(now - (CHART_DAYS - 1 - index) * DAY_MS);
    return { name, parts: [{ look: 'bar', what: '', count: known.get(name) ?? 0 }] as const };
  });
  const sums = bars.map(({ parts: [{ count }] }) => count);
  const sum = sums.reduce((total, count) => total + count, 0);
  const most = Math.max(1, ...sums);
  const label = `Events by day of arrival: ${sum.toLocaleString('en')} in ${CHART_DAYS} days, at most ${most.toLocaleString('en')} a day`;
  return barChart(bars, label);
}

/** A column of a chart: its parts lie on each other, the first one below. */
export interface Bar {
  readonly name: string;
  readonly parts: readonly BarPart[];
}

export interface BarPart {
  /** The part's class: what it looks like. */
  readonly look: 'bar' | 'again' | 'refused';
  /** What follows its count; empty where there is one part only. */
  readonly what: string;
  readonly count: number;
}

/**
 * Bars from the first name to the last one, the highest as high as the chart. The label says what they show, the note
 * what their parts are.
 */
export function barChart(bars: readonly Bar[], label: string, note = ''): Html {
  const most = Math.max(1, ...bars.map(({ parts }) => heightOf(parts)));
  const step = WIDTH / Math.max(1, bars.length);
  const drawing = bars.flatMap(({ name, parts }, index) =>
    parts.map(({ look, what, count }, place) => {
      const below = (heightOf(parts.slice(0, place)) / most) * PLOT;
      const height = count === 0 ? 0 : Math.max(2, (count / most) * PLOT);
      const top = Math.max(0, PLOT - below - height);
      return html`<rect class="${look}" x="${num(index * step + 2)}" y="${num(top)}" width="${num(step - 4)}" height="${num(height)}"><title>${name}: ${`${count} ${what}`.trim()}</title></rect>`;
    }),
  );
  const ends = [bars[0]?.name ?? '', bars.at(-1)?.name ?? ''] as const;
  return chart({ label, note, most, ends, drawing: html`${drawing}` });
}

function heightOf(parts: readonly BarPart[]): number {
  return parts.reduce((sum, { count }) => sum + count, 0);
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
    const y = (count: number): string => num(PLOT - (count / most) * PLOT);
    const steps = progress.map((point) => `H${x(point.at)}V${y(value(point))}`);
    return `M2,${y(0)}${steps.join('')}H${num(WIDTH - 2)}`;
  };
  const days = [dayOf(first.at), dayOf(last.at)] as const;
  const isOneDay = days[0] === days[1];
  return chart({
    label: `Burn-up: ${last.done} of ${last.all} work packages done, ${isOneDay ? days[0] : days.join(' to ')}`,
    note: ' Dashed: all that have moved; solid: done.',
    most,
    ends: isOneDay ? [minuteOf(first.at), minuteOf(last.at)] : days,
    drawing: html`<path class="all" d="${line(({ all }) => all)}"/><path class="done" d="${line(({ done }) => done)}"/>`,
  });
}

interface Chart {
  /** All that a chart says to who does not see it. */
  readonly label: string;
  readonly note?: string;
  /** What the top of the chart stands for. */
  readonly most: number;
  /** Where it begins and where it ends. */
  readonly ends: readonly [string, string];
  /** From 0 to WIDTH, and from PLOT, the bottom, up to 0. */
  readonly drawing: Html;
}

/** The drawing is stretched to the room there is, so the words stand around it and not in it. */
function chart({ label, note = '', most, ends: [first, last], drawing }: Chart): Html {
  const y = String(PLOT);
  return html`<figure><div class="most" aria-hidden="true">${most.toLocaleString('en')}</div>
<svg viewBox="0 ${String(-EDGE)} ${String(WIDTH)} ${String(PLOT + 2 * EDGE)}" preserveAspectRatio="none" role="img" aria-label="${label}">
${drawing}<line class="axis" x1="0" y1="${y}" x2="${String(WIDTH)}" y2="${y}"/></svg>
<div class="ends" aria-hidden="true"><span>${first}</span><span>${last}</span></div>
<figcaption>${label}.${note}</figcaption></figure>`;
}

function minuteOf(at: Millis): string {
  return `${new Date(at).toISOString().slice(11, 16)} UTC`;
}

/** A share of a whole, 0 to 1, as a bar; `label` says it in words. */
export function meter(share: number, label: string): Html {
  return html`<meter min="0" max="1" value="${String(Math.round(share * 1000) / 1000)}" aria-label="${label}">${label}</meter>`;
}

function num(value: number): string {
  return String(Math.round(value * 10) / 10);
}
