import type { FindingCode } from '../views/facts.ts';
import { type FindingRow, MOST_FINDINGS } from '../views/read.ts';
import { eventPath, tableOf, text, timeOf } from './frame.ts';
import { html, type Html } from './html.ts';

/** What a finding means for whoever meets it. All of these events are stored, and count. */
const MEANINGS: Readonly<Record<FindingCode, string>> = {
  unknown_type: 'the catalogue does not know this type',
  unvalidated: 'has members that the type does not have, or lacks some that it has',
  unknown_lane: 'none of the ten lanes, so nothing moved',
  missing_evidence: 'approved or done without saying why',
  odd_dossier: 'says something of a dossier that cannot be taken',
  unreadable: 'its bytes are no envelope',
};

/** A code for programs with its meaning for people. */
export function findingName(code: string): Html {
  const meaning = (MEANINGS as Readonly<Record<string, string>>)[code];
  return html`<code>${code}</code>${meaning === undefined ? [] : html`<br><span class="quiet">${meaning}</span>`}`;
}

/** What is odd, the same said once with how often, that which was seen last first. */
export function findingsTable(projectId: string, findings: readonly FindingRow[]): Html {
  if (findings.length === 0) return html`<p class="quiet">Nothing odd arrived.</p>`;
  const what =
    findings.length < MOST_FINDINGS ? 'What is odd' : `Of the last ${MOST_FINDINGS} that are odd`;
  return tableOf(
    `${what}, seen last first`,
    [
      { name: 'Finding', kind: 'name' },
      { name: 'What', kind: 'name' },
      { name: 'Times', kind: 'number' },
      { name: 'Last' },
      { name: 'The last event', kind: 'name' },
    ],
    sameTogether(findings).map(({ last: { occurredAt, code, detail, eventId }, times }) => [
      findingName(code),
      text(detail),
      text(times),
      timeOf(occurredAt),
      html`<a href="${eventPath(projectId, eventId)}"><code>${eventId}</code></a>`,
    ]),
  );
}

interface Same {
  readonly last: FindingRow;
  readonly times: number;
}

function sameTogether(findings: readonly FindingRow[]): readonly Same[] {
  const same = new Map<string, Same>();
  for (const finding of findings) {
    const key = JSON.stringify([finding.code, finding.detail]);
    const known = same.get(key);
    same.set(key, { last: known?.last ?? finding, times: (known?.times ?? 0) + 1 });
  }
  return [...same.values()];
}
