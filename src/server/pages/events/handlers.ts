import type { Handler } from '../../http/here.ts';
import type { Identity } from '../../identity/identity.ts';
import type { Desk } from './desk.ts';
import { eventBytes, eventPage } from './event.ts';
import { eventsPage } from './explorer.ts';
import { streamEvents } from './stream.ts';
import { tailPage } from './tail.ts';

export type EventRoute =
  | 'eventsPage'
  | 'tailPage'
  | 'streamEvents'
  | 'exportEvents'
  | 'eventPage'
  | 'eventBytes';

/** Looking for events, at one of them, at what arrives, and taking them along. */
export function eventHandlers(
  identity: Identity,
  desk: Desk,
): Readonly<Record<EventRoute, Handler>> {
  return {
    eventsPage: (c) => eventsPage(identity, c),
    tailPage: (c) => tailPage(identity, desk, c),
    streamEvents: (c) => streamEvents(identity, desk, c),
    // What writes CSV is loaded by who asks for it.
    exportEvents: async (c) => {
      const { exportEvents } = await import('./export.ts');
      return exportEvents(identity, desk, c);
    },
    eventPage: (c) => eventPage(identity, c),
    eventBytes: (c) => eventBytes(identity, c),
  };
}
