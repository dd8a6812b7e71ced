import { memberSpan } from '../../../wire/index.ts';
import { nameOf } from '../../auth.ts';
import { HttpError } from '../../http/errors.ts';
import { readForm } from '../../http/form.ts';
import { addressOf, type Here } from '../../http/here.ts';
import { answerLong, type Ending, type Outlet } from '../../http/long-answer.ts';
import { remember } from '../../identity/audit.ts';
import type { Identity } from '../../identity/identity.ts';
import { RETRY_AFTER_SECONDS } from '../../limits.ts';
import { eventsWithIds, type StoredEvent } from '../../store/events.ts';
import {
  type EventFilter,
  type IndexedEvent,
  lookForEvents,
  type Start,
} from '../../views/event-index.ts';
import { cookieOf, mayStillRead, requireFormKey, requireOwnOrigin } from '../browser.ts';
import { CSV_TYPE, csvOf, fileHeaders } from '../csv.ts';
import { type Look, lookOf } from '../frame.ts';
import { filterOf, partsOf } from './filter.ts';
import type { Desk } from './desk.ts';

/** How many events are in memory with their bytes for one file. */
const EVENTS_AT_ONCE = 50;

interface Format {
  readonly type: string;
  readonly head: string;
  readonly line: (event: IndexedEvent, stored: StoredEvent) => string;
}

const FIELDS = [
  'event_id',
  'project',
  'happened',
  'arrived',
  'type',
  'mission',
  'work_package',
  'producer',
  'aggregate_type',
  'aggregate_id',
  'findings',
  'sha256',
  'erased',
  'payload',
];

/** What a file of events may be. */
const FORMATS: ReadonlyMap<string, Format> = new Map([
  ['csv', { type: CSV_TYPE, head: `${csvOf([FIELDS])}\r\n`, line: csvLine }],
  ['jsonl', { type: 'application/jsonl; charset=utf-8', head: '', line: jsonLine }],
]);

/**
 * All events that are as the form says, the last one first, as one file. Because the audit remembers it, only a form of
 * ours asks for it.
 */
export async function exportEvents(identity: Identity, desk: Desk, c: Here): Promise<Response> {
  const { store, clock } = identity;
  requireOwnOrigin(c);
  const form = await readForm(c);
  requireFormKey(form, cookieOf(c) ?? '');
  const filter = filterOf(Object.fromEntries(form));
  const name = form.get('format') ?? '';
  const format = FORMATS.get(name);
  if (format === undefined) throw new HttpError(400, 'bad_request', 'format must be csv or jsonl');
  const look = await lookOf(identity, c);
  if (!look.isCurrent) throw behind();
  const { visitor, team, now } = look;
  const leave = desk.exports.take(addressOf(c), team);
  const subject = `${name} ${new URLSearchParams(partsOf(filter)).toString() || 'all'}`;
  const act = { at: now, teamId: team, actor: nameOf(visitor), action: 'events.exported' } as const;
  try {
    await remember(store.driver, { ...act, subject });
  } catch (error) {
    leave();
    throw error;
  }
  const file: File = {
    look,
    desk,
    filter,
    format,
    mayStill: () => mayStillRead(store, c, { visitor, now: clock.now() }),
  };
  const day = new Date(now).toISOString().slice(0, 10);
  const headers = fileHeaders(`events-${day}.${name}`, format.type);
  return answerLong(c, desk, { headers, write: (outlet) => writeFile(file, outlet), leave });
}

/** A file that lacks what is not folded yet would look whole. */
function behind(): HttpError {
  return new HttpError(503, 'views_behind', 'events are still being folded: come again', {
    headers: { 'retry-after': String(RETRY_AFTER_SECONDS) },
  });
}

interface File {
  readonly look: Look;
  readonly desk: Desk;
  readonly filter: EventFilter;
  readonly format: Format;
  readonly mayStill: () => Promise<boolean>;
}

async function writeFile(file: File, { write, signal }: Outlet): Promise<Ending> {
  const { desk, filter, format, look } = file;
  const { clock, patience } = desk;
  const { driver, team } = look;
  let start: Start = { place: null, towards: 'older' };
  let askedAt = clock.monotonic();
  let isHeard = format.head === '' || (await write(format.head));
  while (isHeard && !signal.aborted) {
    if (clock.monotonic() - askedAt >= patience.heartbeatMs) {
      askedAt = clock.monotonic();
      if (!(await file.mayStill())) return 'cut';
    }
    const found = await lookForEvents(driver, team, filter, { ...start, limit: EVENTS_AT_ONCE });
    const text = await desk.reads.join(team)(() => textOf(file, found.events));
    if (text !== '') isHeard = await write(text);
    if (isHeard && found.next === null) return 'whole';
    start = { place: found.next, towards: 'older' };
  }
  return 'cut';
}

async function textOf({ look, format }: File, events: readonly IndexedEvent[]): Promise<string> {
  if (events.length === 0) return '';
  const ids = [...new Set(events.map(({ eventId }) => eventId))];
  const stored = new Map<string, StoredEvent>();
  for (const event of await eventsWithIds(look.driver, look.team, ids)) {
    stored.set(`${event.projectId} ${event.eventId}`, event);
  }
  const lines = events.map((event) => {
    const whole = stored.get(`${event.projectId} ${event.eventId}`);
    return whole === undefined ? '' : format.line(event, whole);
  });
  return lines.join('');
}

function csvLine(event: IndexedEvent, stored: StoredEvent): string {
  const span = memberSpan(stored.bytes, 'payload');
  const payload = span === null ? '' : textIn(stored.bytes.subarray(span.start, span.end));
  const row = [
    event.eventId,
    event.projectId,
    isoOf(event.occurredAt),
    isoOf(stored.receivedAt),
    event.type,
    event.missionSlug,
    event.wpId,
    event.nodeId,
    stored.aggregateType,
    stored.aggregateId,
    event.findings.join(' '),
    stored.sha256,
    stored.erasedAt === null ? '' : isoOf(stored.erasedAt),
    payload,
  ];
  return `${csvOf([row])}\r\n`;
}

function jsonLine(event: IndexedEvent, stored: StoredEvent): string {
  const about = {
    event_id: event.eventId,
    project: event.projectId,
    arrived: isoOf(stored.receivedAt),
    mission: event.missionSlug === '' ? null : event.missionSlug,
    findings: event.findings,
    sha256: stored.sha256,
    erased: stored.erasedAt === null ? null : isoOf(stored.erasedAt),
  };
  const envelope = stored.erasedAt === null ? textIn(stored.bytes) : 'null';
  return `${JSON.stringify(about).slice(0, -1)},"envelope":${envelope}}\n`;
}

/** JSON as it came but in one line: a line can only end between its tokens. */
function textIn(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString('utf8')
    .replaceAll(/[\r\n]/g, ' ');
}

function isoOf(at: number): string {
  return new Date(at).toISOString();
}
