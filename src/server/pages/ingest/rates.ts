import type { Millis } from '../../../base/index.ts';
import { type HourSum, sumsByHour, type Whose } from '../../statistics/counts.ts';
import { HOUR_MS, hourOf } from '../../statistics/tally.ts';
import type { Driver } from '../../store/driver.ts';
import { barChart } from '../charts.ts';
import { amount, tableOf, text, timeOf } from '../frame.ts';
import { html, type Html } from '../html.ts';
import { dayBefore } from './concerns.ts';

const DAYS = 30;

/** Hours that the chart shows. */
const CHART_HOURS = 48;

/** A number of each of the periods of the table. */
type Numbers = readonly number[];

interface Measure {
  readonly name: string;
  readonly unit?: 'bytes';
  readonly of: (sum: HourSum) => number;
}

const countIf =
  (stream: HourSum['stream'], ...fates: readonly HourSum['fate'][]) =>
  (sum: HourSum): number =>
    sum.stream === stream && fates.includes(sum.fate) ? sum.count : 0;

const MEASURES: readonly Measure[] = [
  { name: 'Batches taken', of: countIf('batches', 'success') },
  { name: 'Batches refused whole', of: countIf('batches', 'refused') },
  { name: 'Events stored', of: countIf('events', 'success') },
  { name: 'Events that were here already', of: countIf('events', 'duplicate') },
  { name: 'Events refused', of: countIf('events', 'refused') },
  { name: 'Texts taken', of: countIf('bodies', 'success', 'duplicate') },
  { name: 'Texts refused', of: countIf('bodies', 'refused') },
  { name: 'Snapshots taken', of: countIf('snapshots', 'success', 'duplicate') },
  { name: 'Snapshots refused', of: countIf('snapshots', 'refused') },
  { name: 'Bytes of all items', unit: 'bytes', of: ({ bytes }) => bytes },
];

/** How much came in lately, as a table, and as bars with their figures. */
export async function ratesPart(driver: Driver, whose: Whose, now: Millis): Promise<Html> {
  const hour = hourOf(now);
  const sums = await sumsByHour(driver, whose, hour - (DAYS * 24 - 1) * HOUR_MS);
  if (sums.length === 0) {
    return html`<p class="quiet">Nothing was sent in the last ${String(DAYS)} days. What comes in is counted here by the hour.</p>`;
  }
  const starts = [hour, hour - HOUR_MS, dayBefore(now), 0];
  const rows = MEASURES.map((measure) => {
    const numbers: Numbers = starts.map((start, index) =>
      sums
        .filter((sum) => (index === 1 ? sum.hour === start : sum.hour >= start))
        .reduce((total, sum) => total + measure.of(sum), 0),
    );
    return [text(measure.name), ...numbers.map((each) => text(shown(each, measure.unit)))];
  });
  const columns = [
    { name: 'What', kind: 'name' },
    { name: 'This hour', kind: 'number' },
    { name: 'The hour before', kind: 'number' },
    { name: 'Last 24 hours', kind: 'number' },
    { name: `Last ${DAYS} days`, kind: 'number' },
  ] as const;
  return html`${tableOf('What came in, and what became of it', columns, rows)}
<p class="quiet">This hour began ${timeOf(hour)}.</p>
${hourChart(sums, hour)}`;
}

function shown(count: number, unit: Measure['unit']): string {
  return unit === 'bytes' ? bytesOf(count) : count.toLocaleString('en');
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** `1.5 MiB`. */
export function bytesOf(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${value.toFixed(power === 0 || value >= 100 ? 0 : 1)} ${UNITS[power] ?? ''}`;
}

const FATES = [
  { fate: 'success', look: 'bar', what: 'stored' },
  { fate: 'duplicate', look: 'again', what: 'here already' },
  { fate: 'refused', look: 'refused', what: 'refused' },
] as const;

function hourChart(sums: readonly HourSum[], last: Millis): Html {
  const hours = Array.from({ length: CHART_HOURS }, (_, index) => {
    const hour = last - (CHART_HOURS - 1 - index) * HOUR_MS;
    const own = sums.filter((sum) => sum.hour === hour && sum.stream === 'events');
    const parts = FATES.map(({ fate, look, what }) => {
      const count = own.find((sum) => sum.fate === fate)?.count ?? 0;
      return { look, what, count };
    });
    return {
      hour,
      name: `${new Date(hour).toISOString().slice(0, 13).replace('T', ' ')}:00`,
      parts,
    };
  });
  const totals = FATES.map(({ what }, place) => {
    const counts = hours.map(({ parts }) => parts[place]?.count ?? 0);
    return `${counts.reduce((sum, count) => sum + count, 0).toLocaleString('en')} ${what}`;
  });
  const busy = hours.filter(({ parts }) => parts.some(({ count }) => count > 0));
  const rows = busy
    .toReversed()
    .map(({ hour, parts }) => [
      timeOf(hour),
      ...parts.map(({ count }) => text(count.toLocaleString('en'))),
    ]);
  const columns = [
    { name: 'Hour from' },
    { name: 'Stored', kind: 'number' },
    { name: 'Here already', kind: 'number' },
    { name: 'Refused', kind: 'number' },
  ] as const;
  const label = `Events by hour of arrival (UTC), ${CHART_HOURS} hours: ${totals.join(', ')}`;
  return html`${barChart(hours, label, ' In each bar the same from below to above.')}
<details><summary>Figures by hour</summary>
${tableOf(`${amount(busy.length, 'hour')} with events`, columns, rows)}</details>`;
}
