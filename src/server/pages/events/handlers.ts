import type { Handler } from '../../http/here.ts';
import type { Identity } from '../../identity/identity.ts';
import { eventBytes, eventPage } from './event.ts';
import { eventsPage } from './explorer.ts';

export type EventRoute = 'eventsPage' | 'eventPage' | 'eventBytes';

/** Looking for events, and at one of them. */
export function eventHandlers(identity: Identity): Readonly<Record<EventRoute, Handler>> {
  return {
    eventsPage: (c) => eventsPage(identity, c),
    eventPage: (c) => eventPage(identity, c),
    eventBytes: (c) => eventBytes(identity, c),
  };
}
