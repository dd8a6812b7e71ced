import {
  asObject,
  asText,
  ENVELOPE_KEYS,
  type JsonObject,
  type JsonValue,
  member,
  parseEnvelope,
  parseEventId,
  parseJson,
} from '../../../wire/index.ts';
import { HttpError } from '../../http/errors.ts';
import type { Here } from '../../http/here.ts';
import type { Identity } from '../../identity/identity.ts';
import { eventsById, type StoredEvent } from '../../store/events.ts';
import { factsOf, type EventFacts } from '../../views/facts.ts';
import { missionRows, type ProjectRow } from '../../views/read.ts';
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
import { html, type Html } from '../html.ts';
import { exactTime } from './cells.ts';
import { leafOf, treeOf } from './tree.ts';

interface Shown {
  readonly look: Look;
  readonly project: ProjectRow;
  readonly event: StoredEvent;
  readonly facts: EventFacts;
  /** The members of the envelope; null for one that cannot be read any more. */
  readonly members: JsonObject | null;
}

/** One event: every field of its envelope, its payload, what is odd about it, and what it belongs to. */
export async function eventPage(identity: Identity, c: Here): Promise<Response> {
  const look = await lookOf(identity, c);
  const { project, event } = await eventOf(look, c);
  const parsed = parseEnvelope(event.bytes);
  const facts = factsOf(event, parsed.ok ? parsed.value.envelope : null);
  const json = parseJson(event.bytes);
  const members = json.ok ? asObject(json.value) : null;
  const shown = { look, project, event, facts, members };
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
${envelopeTable(shown, await knownIds(shown))}
${members === null ? [] : payloadOf(event, members)}
<h2>Findings</h2>
${event.erasedAt === null ? findingsOf(facts) : html`<p class="quiet">Nothing of it is left to judge.</p>`}
<h2>Here</h2>
${storedTable(event)}`,
  });
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

/** Which of the events that it names are here. */
async function knownIds({ look, project, members }: Shown): Promise<ReadonlySet<string>> {
  const known = new Set<string>();
  for (const key of NAMING_EVENTS) {
    const name = asText(members === null ? undefined : member(members, key)) ?? '';
    if ((await eventWith(look, project.id, name)) !== null) known.add(name);
  }
  return known;
}

function envelopeTable({ project, members, facts }: Shown, known: ReadonlySet<string>): Html {
  if (members === null) return html`<p class="quiet">Nothing of it is left to read.</p>`;
  const more = Object.keys(members).filter((key) => !ENVELOPE_KEYS.some((each) => each === key));
  const fields = [...ENVELOPE_KEYS, ...more].filter((key) => key !== 'payload');
  const parts = { project: project.id };
  const links: Readonly<Record<string, string>> = {
    event_type: eventsPath({ ...parts, type: facts.type }),
    node_id: eventsPath({ ...parts, node: facts.nodeId ?? '' }),
    project_uuid: projectPath(project.id),
  };
  return tableOf(
    'Fields of the envelope as its producer wrote them',
    [{ name: 'Field' }, { name: 'Value', kind: 'name' }],
    fields.map((key) => {
      const value = member(members, key);
      const id = asText(value) ?? '';
      const path =
        known.has(id) && NAMING_EVENTS.includes(key) ? eventPath(project.id, id) : links[key];
      return [
        html`<code>${key}</code>`,
        path === undefined ? valueOf(value) : link(path, valueOf(value)),
      ];
    }),
  );
}

function valueOf(value: JsonValue | undefined): Html {
  if (value === undefined) return html`<span class="quiet">absent</span>`;
  return typeof value === 'object' && value !== null ? treeOf(value) : leafOf(value);
}

function payloadOf({ projectId, eventId }: StoredEvent, members: JsonObject): Html {
  const payload = member(members, 'payload') ?? null;
  return html`<h2>Payload</h2>
<div class="scroll" role="region" aria-label="Payload" tabindex="0">${treeOf(payload)}</div>
<p><a href="${eventPath(projectId, eventId)}/raw" download>The whole envelope as it came (JSON)</a></p>`;
}

function findingsOf({ findings }: EventFacts): Html {
  if (findings.length === 0) return html`<p class="quiet">Nothing is odd about it.</p>`;
  return html`<ul>${findings.map(({ code, detail }) => html`<li><code>${code}</code> ${detail}</li>`)}</ul>`;
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
