import type { Millis } from '../../../base/index.ts';
import { PAGES } from '../../routes.ts';
import { refusalsFrom } from '../../statistics/counts.ts';
import { HOUR_MS, hourOf } from '../../statistics/tally.ts';
import type { Driver } from '../../store/driver.ts';
import type { TeamScope } from '../../store/team-scope.ts';
import { type SilentProducer, silentProducers } from '../../views/producers.ts';
import { amount } from '../frame.ts';
import { html, type Html } from '../html.ts';
import { needsSomebody } from './explain.ts';

const DAY_MS = 24 * HOUR_MS;

/** Days of silence after which a producer is named, and after which nobody waits for it any more. */
export const SILENT_DAYS = 7;
const GONE_DAYS = 30;

/** How many silent producers are named. */
export const MOST_SILENT = 20;

/** What somebody should look at. */
export interface Concerns {
  /** Items and requests that were refused in the last day and do not come through by themselves. */
  readonly refused: number;
  /** One more than are named, when there are more. */
  readonly silent: readonly SilentProducer[];
}

/** When the last 24 hours began: with a whole hour, because that is how they are counted. */
export function dayBefore(now: Millis): Millis {
  return hourOf(now) - 23 * HOUR_MS;
}

/** What is wrong with what a team sends. */
export async function concernsOf(driver: Driver, team: TeamScope, now: Millis): Promise<Concerns> {
  const day = dayBefore(now);
  const refusals = (await refusalsFrom(driver, [team, ''], [day, day])).filter(needsSomebody);
  const range = [now - GONE_DAYS * DAY_MS, now - SILENT_DAYS * DAY_MS] as const;
  return {
    refused: refusals.reduce((sum, { count }) => sum + count, 0),
    silent: await silentProducers(driver, team, range, MOST_SILENT + 1),
  };
}

/** A concern in words, and where on the page of ingest health more is said. */
export interface ConcernLine {
  readonly text: string;
  readonly place: 'refused' | 'silent';
}

/** The same in lines; none when nothing is wrong. */
export function concernLines({ refused, silent }: Concerns): readonly ConcernLine[] {
  const lines: ConcernLine[] = [];
  if (refused > 0) {
    const were = refused === 1 ? 'was' : 'were';
    const text = `${amount(refused, 'item')} ${were} refused in the last day.`;
    lines.push({ text, place: 'refused' });
  }
  if (silent.length > 0) {
    const many = silent.length > MOST_SILENT ? `More than ${MOST_SILENT} producers` : null;
    const who = many ?? amount(silent.length, 'producer');
    const have = silent.length === 1 ? 'has' : 'have';
    const text = `${who} ${have} been silent for more than ${SILENT_DAYS} days.`;
    lines.push({ text, place: 'silent' });
  }
  return lines;
}

/** What another page says of it: a line that leads to where more is said. */
export function concernNote(concerns: Concerns): Html {
  const lines = concernLines(concerns);
  if (lines.length === 0) return html``;
  return html`<p class="alert">${lines.map(({ text }) => text).join(' ')} <a href="${PAGES.ingest}">Ingest health</a></p>`;
}
