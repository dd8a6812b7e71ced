import type { Millis } from '../../../base/index.ts';
import { PAGES } from '../../routes.ts';
import { refusalsFrom } from '../../statistics/counts.ts';
import { HOUR_MS, hourOf } from '../../statistics/tally.ts';
import type { Driver } from '../../store/driver.ts';
import type { TeamScope } from '../../store/team-scope.ts';
import { type SilentProducer, silentProducers } from '../../views/producers.ts';
import { amount } from '../frame.ts';
import { html, type Html } from '../html.ts';
import { needsSomebody } from './rules.ts';

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

/** The same in lines; none when nothing is wrong. */
export function concernLines({ refused, silent }: Concerns): readonly string[] {
  const isMany = silent.length > MOST_SILENT;
  const many = isMany ? `More than ${MOST_SILENT} producers have` : '';
  const few = silent.length === 1 ? '1 producer has' : `${silent.length} producers have`;
  return [
    ...(refused === 0
      ? []
      : [`${amount(refused, 'item')} ${refused === 1 ? 'was' : 'were'} refused in the last day.`]),
    ...(silent.length === 0
      ? []
      : [`${isMany ? many : few} been silent for more than ${SILENT_DAYS} days.`]),
  ];
}

/** What another page says of it: a line that leads to where more is said. */
export function concernNote(concerns: Concerns): Html {
  const lines = concernLines(concerns);
  if (lines.length === 0) return html``;
  return html`<p class="alert">${lines.join(' ')} <a href="${PAGES.ingest}">Ingest health</a></p>`;
}
