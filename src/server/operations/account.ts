import type { MiddlewareHandler } from 'hono';
import type { Clock, Ids, Log } from '../../base/index.ts';
import { HEADERS } from '../../wire/index.ts';
import type { Hall } from '../http/here.ts';
import type { Meters } from './meters.ts';

/** What a request may be called by who sends it, or by a proxy before us: it goes into the log as it is. */
const GIVEN_ID = /^[\w.:/+=-]{1,128}$/;

interface Account {
  readonly meters: Meters;
  readonly clock: Clock;
  readonly log: Log;
  readonly ids: Ids;
}

/** Gives each request an id, which its answer repeats, counts it, and writes one line when it has been answered. */
export function accounting({ meters, clock, log, ids }: Account): MiddlewareHandler<Hall> {
  return async (c, next) => {
    const started = clock.monotonic();
    const given = c.req.header(HEADERS.requestId) ?? '';
    const request = GIVEN_ID.test(given) ? given : ids.ulid();
    c.set('line', { level: 'info', event: 'receiver.request', fields: {} });
    await next();
    c.header(HEADERS.requestId, request);
    const route = c.var.route ?? 'none';
    const { status } = c.res;
    meters.requests.add({ route, status: String(status) });
    const { level, event, fields } = c.var.line;
    const ms = Math.round(clock.monotonic() - started);
    log[level](event, { request, method: c.req.method, route, status, ms, ...fields });
  };
}
