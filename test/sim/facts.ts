import type { Fact } from '../../src/journal/index.ts';
import { parseEnvelope } from '../../src/wire/index.ts';
import { eventId, PROJECT_ID } from '../support/envelopes.ts';
import type { Dice } from './dice.ts';

/** The codes that may park an event, written down here once more so that a slip in the product's list shows. */
export const MAY_PARK: ReadonlySet<string> = new Set([
  'hash_conflict',
  'hash_mismatch',
  'payload_too_large',
  'schema_invalid',
  'unknown_event_type',
  'project_not_admitted',
  'project_not_consented',
  'project_refused',
  'namespace_not_found',
  'bad_request',
  'erased',
]);

/** Why receivers refuse an event, as long as they are not mended. */
export interface Refusal {
  readonly code: string | null;
  readonly text: string;
}

/** An event as it is handed to capture. */
export interface Event {
  readonly id: string;
  readonly bytes: Buffer;
  /** What two events share when the later one may stand for both. */
  readonly key: string | null;
  readonly isEligible: boolean;
  readonly refusal: Refusal | null;
}

const REFUSALS: readonly Refusal[] = [
  { code: 'schema_invalid', text: 'no' },
  { code: 'project_not_admitted', text: 'ask your admin' },
  { code: 'erased', text: '' },
  { code: 'Server_Busy', text: 'payload_too_large schema_invalid' },
  { code: null, text: 'unknown_event_type' },
  { code: 'schema_invalid_probably', text: 'bad_request' },
];

/** Numbers, escapes and white space that do not survive being parsed and written again. */
const ODDITIES = [
  '"n":1.0',
  '"n":12345678901234567890',
  '"n":1e16',
  '"n":-0',
  '"n" : 1',
  '"text":"caf\\u00e9"',
  '"text":"caf\u00e9 \\/ \\ud83d\\ude00"',
  '"10":1,"2":2,"a":[ 1 , 2 ]',
];

/** The `n`-th new event. */
export function inventEvent(n: number, dice: Dice): Event {
  const kind = dice.weigh([
    [6, 'WPStatusChanged'],
    [3, 'MissionDossierArtifactIndexed'],
    [1, 'FollowUpRecorded'],
    [1, 'SomethingNew'],
  ]);
  const path = `doc-${dice.below(3)}.md`;
  const isKeyed = kind === 'MissionDossierArtifactIndexed';
  const payload = isKeyed
    ? `"namespace":{"mission_slug":"001-demo","target_branch":"main"},"artifact_id":{"path":"${path}"}`
    : '"wp_id":"WP01","from_lane":"planned","to_lane":"claimed","actor":"sim"';
  return {
    id: eventId(n),
    bytes: envelopeOf(eventId(n), kind, `${payload},${dice.pick(ODDITIES)},"serial":${n}`, dice),
    key: isKeyed ? path : null,
    isEligible: kind !== 'FollowUpRecorded',
    refusal: dice.chance(0.2) ? dice.pick(REFUSALS) : null,
  };
}

/** Another fact under the id of a known one. */
export function contradict(event: Event, dice: Dice): Event {
  const payload = `"wp_id":"WP02","from_lane":"claimed","to_lane":"planned","serial":${dice.below(1_000_000)}`;
  return {
    ...event,
    key: null,
    isEligible: true,
    bytes: envelopeOf(event.id, 'WPStatusChanged', payload, dice),
  };
}

function envelopeOf(id: string, type: string, payload: string, dice: Dice): Buffer {
  const extra = dice.chance(0.2) ? ',"schema_version": "3.0"' : '';
  const space = dice.chance(0.2) ? ' ' : '';
  return Buffer.from(
    `{"event_id":${space}"${id}","event_type":"${type}","aggregate_id":"WP01","aggregate_type":"WorkPackage",` +
      `"payload":${space}{${payload}${space}},"node_id":"a1b2c3d4e5f6","lamport_clock":${dice.below(1000)},` +
      `"causation_id":null,"timestamp":"2026-03-14T09:26:53+00:00","team_slug":null,` +
      `"project_uuid":"${PROJECT_ID}","project_slug":"demo","git_branch":"main","head_commit_sha":null,` +
      `"repo_slug":null${extra}}`,
  );
}

/** The event as the product's capture takes it. */
export function factOf(event: Event): Fact {
  const parsed = parseEnvelope(event.bytes);
  if (!parsed.ok)
    throw new Error(`the simulator made a bad envelope: ${JSON.stringify(parsed.error)}`);
  return { event: parsed.value, origin: 'envelope', source: null };
}

/** A line of a mission's log, and the id it states. */
export function inventLine(n: number): { readonly id: string; readonly line: string } {
  const id = eventId(n);
  const line =
    `{"actor":"sim","at":"2026-09-01T10:00:00+00:00","event_id":"${id}","from_lane":"planned",` +
    `"serial":${n},"to_lane":"claimed","wp_id":"WP01"}\n`;
  return { id, line };
}

/** A text that was kept for upload. */
export interface KnownBody {
  readonly path: string;
  readonly text: string;
  /** Id of the event that announces it. */
  readonly announcedBy: string;
  /** Receivers refuse it as long as they are not mended. */
  readonly isRefused: boolean;
}
