import type { Millis } from '../../../base/index.ts';
import type { IndexedEvent } from '../../views/event-index.ts';
import { type Column, eventPath, projectPath } from '../frame.ts';
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

/** One cell: its text, where it leads to, and the moment that it says. */
export interface Cell {
  readonly text: string;
  readonly href?: string;
  readonly at?: string;
}

/** The cells of an event under those columns. */
export function cellsOf(event: IndexedEvent): readonly Cell[] {
  const { projectId, eventId, occurredAt, type, missionSlug, wpId, nodeId, findings } = event;
  const iso = new Date(occurredAt).toISOString();
  return [
    { text: secondOf(iso), href: eventPath(projectId, eventId), at: iso },
    { text: type },
    { text: missionSlug },
    { text: wpId },
    { text: nodeId },
    { text: findings.join(' ') },
    { text: shortId(projectId), href: projectPath(projectId) },
  ];
}

/** The same as they stand in a page. */
export function eventCells(event: IndexedEvent): readonly Html[] {
  return cellsOf(event).map(({ text, href, at }) => {
    const inner = at === undefined ? html`${text}` : html`<time datetime="${at}">${text}</time>`;
    return href === undefined ? inner : html`<a href="${href}">${inner}</a>`;
  });
}

/** A moment to the second. */
export function exactTime(at: Millis): Html {
  const iso = new Date(at).toISOString();
  return html`<time datetime="${iso}">${secondOf(iso)}</time>`;
}

function secondOf(iso: string): string {
  return iso.slice(0, 19).replace('T', ' ');
}

/** Enough of a UUID to tell a team's projects apart by eye. */
export function shortId(id: string): string {
  return id.slice(0, 8);
}
