import type { Millis } from '../../../base/index.ts';
import type { Driver } from '../../store/driver.ts';
import { LAG_ENDS, medianEnd } from '../../views/lags.ts';
import {
  LAG_DAYS,
  MOST_GAPS,
  MOST_PRODUCERS,
  producerHealth,
  type ProducerHealth,
} from '../../views/producers.ts';
import type { ProjectScope } from '../../views/tables.ts';
import { spanOf } from '../duration.ts';
import { tableOf, text, timeOf } from '../frame.ts';
import { html, type Html } from '../html.ts';
import { SILENT_DAYS } from './concerns.ts';

const DAY_MS = 86_400_000;

/** What was taken in from the files of missions has no machine. */
const IMPORTED = '000000000000';

/** Clocks of two machines differ by so much without anybody minding. */
const AHEAD_MS = 5_000;

/** Who sends, how late it arrives, and what is missing. */
export async function producersPart(
  driver: Driver,
  scope: ProjectScope,
  now: Millis,
): Promise<Html> {
  const producers = await producerHealth(driver, scope, now);
  if (producers.length === 0) {
    return html`<p class="quiet">No event of this project has arrived yet.</p>`;
  }
  const shown = producers.length < MOST_PRODUCERS ? '' : ` (the last ${MOST_PRODUCERS})`;
  const columns = [
    { name: 'Node', kind: 'name' },
    { name: 'Last heard of' },
    { name: 'Silent for' },
    { name: 'Last lag', kind: 'number' },
    { name: `Median lag, ${LAG_DAYS} days`, kind: 'number' },
    { name: 'Largest', kind: 'number' },
    { name: 'Events', kind: 'number' },
    { name: 'Gaps', kind: 'number' },
    { name: 'Last gap' },
  ] as const;
  return html`${tableOf(
    `Who sent events${shown}, the last one first`,
    columns,
    producers.map((each) => cellsOf(each, now)),
  )}
<p class="quiet">The lag of an event is the time from when it happened, by the producer's own clock, until it arrived. Work
that was recorded without a network, and old histories that are imported, arrive late and are not wrong.</p>
<p class="quiet">A gap is a number of the producer's clock of which no event arrived: one that is not sent yet, was refused,
or never concerned this project. What waits, and what was refused, is said where the events come from:</p>
<pre><code>spec-kitty sync status
spec-kitty sync now
</code></pre>`;
}

function cellsOf(producer: ProducerHealth, now: Millis): readonly Html[] {
  const { nodeId, lastSeenAt, lastLagMs, lags, events, gaps, lastGap } = producer;
  const silence = now - lastSeenAt;
  const median = medianEnd(lags);
  const most = lags.reduce((least, { mostMs }) => Math.max(least, mostMs), -Infinity);
  return [
    html`<code>${nodeId}</code>${nodeId === IMPORTED ? html` <span class="quiet">imported</span>` : []}`,
    timeOf(lastSeenAt),
    silence >= SILENT_DAYS * DAY_MS
      ? html`<span class="alert">${spanOf(silence)}</span>`
      : text(spanOf(silence)),
    lagCell(lastLagMs),
    median === null ? html`<span class="quiet">none</span>` : text(withinOf(median)),
    most === -Infinity ? html`<span class="quiet">none</span>` : lagCell(most),
    text(events.toLocaleString('en')),
    text(gaps > MOST_GAPS - 1 ? `${MOST_GAPS} or more` : gaps),
    text(lastGap === null ? '' : gapOf(lastGap)),
  ];
}

function gapOf({ first, last }: { readonly first: number; readonly last: number }): string {
  return first === last ? String(first) : `${first} to ${last}`;
}

function lagCell(lag: Millis): Html {
  if (lag >= -AHEAD_MS) return text(spanOf(Math.max(0, lag)));
  return html`<span class="alert">clock ${spanOf(-lag)} ahead</span>`;
}

function withinOf(end: Millis): string {
  if (end === 0) return 'none';
  return end === LAG_ENDS.at(-1) ? 'over 365 d' : `within ${spanOf(end)}`;
}
