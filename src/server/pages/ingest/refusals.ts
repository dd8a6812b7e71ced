import type { Millis } from '../../../base/index.ts';
import { type Refusal, refusalsFrom, type Whose } from '../../statistics/counts.ts';
import { HOUR_MS, hourOf } from '../../statistics/tally.ts';
import type { Driver } from '../../store/driver.ts';
import { tableOf, text, timeOf } from '../frame.ts';
import { html, type Html } from '../html.ts';
import { dayBefore } from './concerns.ts';
import { brokenRule, ruleOf } from './explain.ts';

const DAYS = 30;

const WHAT: Readonly<Record<Refusal['stream'], string>> = {
  batches: 'batch',
  events: 'event',
  bodies: 'text',
  snapshots: 'snapshot',
};

/** What was refused, rule by rule: how often, why, and what can be done about it. */
export async function refusalsPart(driver: Driver, whose: Whose, now: Millis): Promise<Html> {
  const from = hourOf(now) - (DAYS * 24 - 1) * HOUR_MS;
  const refusals = await refusalsFrom(driver, whose, [from, dayBefore(now)]);
  if (refusals.length === 0) {
    return html`<p class="quiet">Nothing was refused in the last ${String(DAYS)} days.</p>`;
  }
  const rows = refusals
    .toSorted((one, other) => other.lately - one.lately || other.count - one.count)
    .map(({ stream, result, rule, count, lately, hour }) => [
      html`<a href="#${result}"><code>${result}</code></a>${rule === '' ? [] : html`<br><span class="quiet">${brokenRule(rule)}</span>`}`,
      text(WHAT[stream]),
      text(lately.toLocaleString('en')),
      text(count.toLocaleString('en')),
      timeOf(hour),
    ]);
  const columns = [
    { name: 'Rule', kind: 'name' },
    { name: 'Of a' },
    { name: 'Last 24 hours', kind: 'number' },
    { name: `Last ${DAYS} days`, kind: 'number' },
    { name: 'Last time, hour from' },
  ] as const;
  const codes = [...new Set(refusals.map(({ result }) => result))].toSorted();
  return html`${tableOf('What was refused, by rule', columns, rows)}
${codes.map(explained)}`;
}

function explained(code: string): Html {
  const { meaning, advice, command } = ruleOf(code);
  return html`<section id="${code}" class="rule"><h3><code>${code}</code></h3>
<p>${meaning} ${advice}</p>${command === null ? [] : html`<pre><code>${command}</code></pre>`}</section>
`;
}
