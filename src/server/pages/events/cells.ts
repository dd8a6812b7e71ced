import type { Millis } from '../../../base/index.ts';
import type { IndexedEvent } from '../../views/event-index.ts';
import { type Column, eventPath, projectPath, text } from '../frame.ts';
import { html, type Html } from '../html.ts';

/** What a list says of each event; the script of the live tail fills the same columns. */
export const EVENT_COLUMNS: readonly Column[] = [
  { name: 'When (UTC)' },
  { name: 'Type' },
  { name: 'Mission', kind: 'name' },
  { name: 'Work package' },
  { name: 'Producer' },
  { name: 'Odd' },
  { name: 'Project' },
];

/** The cells of an event under those columns. */
export function eventCells(event: IndexedEvent): readonly Html[] {
  const { projectId, eventId, occurredAt, type, missionSlug, wpId, nodeId, findings } = event;
  return [
    html`<a href="${eventPath(projectId, eventId)}">${exactTime(occurredAt)}</a>`,
    text(type),
    text(missionSlug),
    text(wpId),
    html`<code>${nodeId}</code>`,
    text(findings.join(' ')),
    html`<a href="${projectPath(projectId)}">${shortId(projectId)}</a>`,
  ];
}

/** A moment to the second. */
export function exactTime(at: Millis): Html {
  const iso = new Date(at).toISOString();
  return html`<time datetime="${iso}">${iso.slice(0, 19).replace('T', ' ')}</time>`;
}

/** Enough of a UUID to tell a team's projects apart by eye. */
export function shortId(id: string): string {
  return id.slice(0, 8);
}
