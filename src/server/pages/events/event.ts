import { printable } from '../../../base/index.ts';
import { ENVELOPE_KEYS, memberSpans, parseEnvelope, parseEventId } from '../../../wire/index.ts';
import { HttpError } from '../../http/errors.ts';
import type { Here } from '../../http/here.ts';
import type { Identity } from '../../identity/identity.ts';
import { eventsById, type StoredEvent } from '../../store/events.ts';
import { factsOf, type EventFacts } from '../../views/facts.ts';
import { missionRows, type ProjectRow } from '../../views/read.ts';
import { findingName } from '../findings.ts';
import {
  eventPath,
  eventsPath,
  framed,
  type Look,
  lookOf,
  missionPath,
  nameOfProject,
  projectOf,
  projectPath,
  tableOf,
  text,
} from '../frame.ts';
import { showJson } from '../artifacts/texts/json.ts';
import { html, type Html } from '../html.ts';
import { exactTime } from './cells.ts';

interface Shown {
  readonly look: Look;
  readonly project: ProjectRow;
  readonly event: StoredEvent;
  readonly facts: EventFacts;
  /** The members of the envelope, each as it was written; none for one that was erased. */
  readonly members: ReadonlyMap<string, string>;
}

/** One event: every field of its envelope, its payload, what is odd about it, and what it belongs to. */
export async function eventPage(identity: Identity, c: Here): Promise<Response> {
  const look = await lookOf(identity, c);
  const { project, event } = await eventOf(look, c);
  const parsed = parseEnvelope(event.bytes);
  const facts = factsOf(event, parsed.ok ? parsed.value.envelope : null);
  const shown = { look, project, event, facts, members: membersOf(event.bytes) };
  return framed(c, look, {
    title: event.type,
    crumbs: [
      { name: nameOfProject(project), path: projectPath(project.id) },
      { name: 'Events', path: eventsPath({ project: project.id }) },
    ],
    body: html`<p><code>${event.eventId}</code></p>
${event.erasedAt === null ? [] : tombstone(event.erasedAt)}
${await relations(shown)}
<h2>Envelope</h2>
${envelopeTable(shown, await pathsOfNamed(shown))}
${payloadOf(shown)}
<h2>Findings</h2>
${event.erasedAt === null ? findingsOf(facts) : html`<p class="quiet">Nothing of it is left to judge.</p>`}
<h2>Here</h2>
${storedTable(event)}`,
  });
}

function membersOf(bytes: Uint8Array): ReadonlyMap<string, string> {
  const buffer = Buffer.from(bytes);
  const spans = memberSpans(bytes) ?? [];
  return new Map(
    spans.map(({ key, value: { start, end } }) => [key, buffer.toString('utf8', start, end)]),
  );
}

/** The envelope as it came, as a file. */
export async function eventBytes(identity: Identity, c: Here): Promise<Response> {
  const look = await lookOf(identity, c);
  const { event } = await eventOf(look, c);
  if (event.erasedAt !== null) throw new HttpError(410, 'erased', 'this event was erased');
  return new Response(new Uint8Array(event.bytes), {
    headers: {
      'content-type': 'application/json',
      // An id has letters, digits and hyphens only.
      'content-disposition': `attachment; filename="event-${event.eventId}.json"`,
      'content-security-policy': "default-src 'none'; sandbox",
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    },
  });
}

async function eventOf(
  look: Look,
  c: Here,
): Promise<{ readonly project: ProjectRow; readonly event: StoredEvent }> {
  const { project } = await projectOf(look, c);
  const event = await eventWith(look, project.id, c.req.param('event') ?? '');
  if (event === null) throw new HttpError(404, 'not_found', 'nothing is here');
  return { project, event };
}

async function eventWith(
  { driver, team }: Look,
  projectId: string,
  name: string,
): Promise<StoredEvent | null> {
  const id = parseEventId(name);
  const events = id === null ? [] : await eventsById(driver, team, id);
  return events.find((event) => event.projectId === projectId) ?? null;
}

function tombstone(erasedAt: number): Html {
  return html`<p class="alert">This event was erased on ${exactTime(erasedAt)}. Its id, hash and times stay, so that it cannot come back.</p>`;
}

/** The mission and the work package it is about. */
async function relations({ look, project, facts }: Shown): Promise<Html> {
  const { missionSlug: slug, wpId } = facts;
  const scope = [look.team, project.id] as const;
  const [mission] = slug === '' ? [] : await missionRows(look.driver, scope, slug);
  const parts = { project: project.id, ...(slug === '' ? {} : { mission: slug }) };
  const links = [
    ...(mission === undefined
      ? []
      : [link(missionPath(project.id, slug), `Mission ${mission.title ?? slug}`)]),
    ...(slug === '' ? [] : [link(eventsPath(parts), 'All events of the mission')]),
    ...(wpId === '' ? [] : [link(eventsPath({ ...parts, wp: wpId }), `All events of ${wpId}`)]),
  ];
  return links.length === 0
    ? html``
    : html`<ul class="steps">${links.map((each) => html`<li>${each}</li>`)}</ul>`;
}

/** Members that name other events. */
const NAMING_EVENTS = ['causation_id', 'correlation_id'];

/** Where those of them that are here can be looked at. */
async function pathsOfNamed({
  look,
  project,
  members,
}: Shown): Promise<ReadonlyMap<string, string>> {
  const paths = new Map<string, string>();
  for (const key of NAMING_EVENTS) {
    const [, id = ''] = /^"([^"\\]+)"$/.exec(members.get(key) ?? '') ?? [];
    if ((await eventWith(look, project.id, id)) !== null) paths.set(key, eventPath(project.id, id));
  }
  return paths;
}

function envelopeTable(
  { project, members, facts }: Shown,
  named: ReadonlyMap<string, string>,
): Html {
  if (members.size === 0) return html`<p class="quiet">Nothing of it is left to read.</p>`;
  const parts = { project: project.id };
  const paths = new Map([
    ...named,
    ['event_type', eventsPath({ ...parts, type: facts.type })],
    ['node_id', eventsPath({ ...parts, node: facts.nodeId ?? '' })],
    ['project_uuid', projectPath(project.id)],
  ]);
  const keys = [...new Set([...ENVELOPE_KEYS, ...members.keys()])];
  return tableOf(
    'Fields of the envelope as its producer wrote them',
    [{ name: 'Field' }, { name: 'Value', kind: 'name' }],
    keys
      .filter((key) => key !== 'payload')
      .map((key) => {
        const path = paths.get(key);
        const value = valueOf(members.get(key));
        const name = html`<code>${printable(key, MOST_BYTES)}</code>`;
        return [name, path === undefined ? value : link(path, value)];
      }),
  );
}

/** What a field shows at most. */
const MOST_BYTES = 2_000;

function valueOf(source: string | undefined): Html {
  if (source === undefined) return html`<span class="quiet">absent</span>`;
  return /^[[{]/.test(source)
    ? showJson(source).body
    : html`<code>${printable(source, MOST_BYTES)}</code>`;
}

function payloadOf({ event: { projectId, eventId }, members }: Shown): Html {
  const payload = members.get('payload');
  if (payload === undefined) return html``;
  const { body, notes } = showJson(payload);
  return html`<h2>Payload</h2>
<article>${body}</article>
<p>${notes.map((note) => html`${note} `)}<a href="${eventPath(projectId, eventId)}/raw" download>The whole envelope as it came (JSON)</a></p>`;
}

function findingsOf({ findings }: EventFacts): Html {
  if (findings.length === 0) return html`<p class="quiet">Nothing is odd about it.</p>`;
  return html`<ul>${findings.map(({ code, detail }) => html`<li>${detail} ${findingName(code)}</li>`)}</ul>`;
}

function storedTable(event: StoredEvent): Html {
  const { receivedAt, occurredAt, cursor, sha256, bytes, erasedAt } = event;
  const size = erasedAt === null ? `${bytes.length.toLocaleString('en')} bytes` : 'erased';
  return tableOf(
    'What this receiver knows of it',
    [{ name: 'What' }, { name: 'Value', kind: 'name' }],
    [
      [text('Happened'), exactTime(occurredAt)],
      [text('Arrived'), exactTime(receivedAt)],
      [text('Place in the order of arrival'), text(cursor)],
      [text('Size'), text(size)],
      [text('SHA-256'), html`<code>${sha256}</code>`],
    ],
  );
}

function link(path: string, name: string | Html): Html {
  return html`<a href="${path}">${name}</a>`;
}
