import type { Right } from '../identity/rights.ts';
import { PAGES } from '../routes.ts';

/** A part of the dashboard that every page leads to. */
export interface Section {
  readonly name: string;
  readonly path: string;
  /** Who has it sees the link; the page behind it asks for itself. */
  readonly right: Right;
}

/** The parts of the dashboard in the order in which pages show them. */
export const SECTIONS: readonly Section[] = [
  { name: 'Overview', path: PAGES.overview, right: 'read' },
  { name: 'Events', path: PAGES.events, right: 'read' },
  { name: 'Ingest health', path: PAGES.ingest, right: 'read' },
  { name: 'Team', path: PAGES.members, right: 'read' },
  { name: 'Tokens and logins', path: PAGES.tokens, right: 'read' },
  { name: 'Audit', path: PAGES.audit, right: 'manage' },
];
