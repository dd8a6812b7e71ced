import type { Millis } from '../../base/index.ts';
import {
  asObject,
  asText,
  type Envelope,
  type JsonObject,
  type JsonValue,
  member,
} from '../../wire/index.ts';
import type { PayloadCategory } from '../store/events.ts';
import { type DossierSaid, readDossierSaid } from './dossier/said.ts';
import type { Moment } from './moment.ts';
import { isName, nameIn, shown } from './names.ts';

/** The ten lanes, in the order in which work moves. */
export const LANES = [
  'genesis',
  'planned',
  'claimed',
  'in_progress',
  'for_review',
  'in_review',
  'approved',
  'done',
  'blocked',
  'canceled',
] as const;

export type Lane = (typeof LANES)[number];

export type FindingCode =
  | 'unknown_type'
  | 'unvalidated'
  | 'unknown_lane'
  | 'missing_evidence'
  | 'odd_dossier'
  | 'unreadable';

/**
 * What an event says of a mission (`wpId` empty), of one of its work packages, or of the project itself (`missionSlug`
 * empty too).
 */
export interface Word {
  readonly missionSlug: string;
  readonly wpId: string;
  readonly topic: 'type' | 'title' | 'lane';
  readonly value: string;
}

export interface LaneChange {
  readonly wpId: string;
  readonly fromLane: string;
  readonly toLane: string;
  readonly actor: string;
}

export interface Finding {
  readonly code: FindingCode;
  readonly detail: string;
}

/** All that the views learn from one event. */
export interface EventFacts extends Moment {
  readonly type: string;
  readonly receivedAt: Millis;
  /** Empty for an event that names none. */
  readonly missionSlug: string;
  /** Empty for an event about no work package. */
  readonly wpId: string;
  readonly words: readonly Word[];
  readonly change: LaneChange | null;
  readonly dossier: DossierSaid | null;
  readonly findings: readonly Finding[];
  /** Null for an event that cannot be read any more. */
  readonly nodeId: string | null;
}

/** What the store knows of an event beside its envelope. */
export interface Arrived {
  readonly eventId: string;
  readonly type: string;
  readonly category: PayloadCategory | null;
  readonly occurredAt: Millis;
  readonly receivedAt: Millis;
}

/**
 * What an event says to people. Unlike the index of artifacts, which answers machines, this reads payloads outside
 * their schema too, as far as they are plain, and says that they are. Total.
 */
export function factsOf(arrived: Arrived, envelope: Envelope | null): EventFacts {
  const { eventId, occurredAt, receivedAt } = arrived;
  const type = shown(arrived.type);
  if (envelope === null) {
    const findings = [{ code: 'unreadable', detail: type }] as const;
    return { eventId, type, occurredAt, receivedAt, ...NOTHING, findings };
  }
  const { payload } = envelope;
  const missionSlug = missionOf(payload);
  const change = missionSlug === '' ? null : changeOf(arrived.type, payload);
  const dossier = readDossierSaid(arrived.type, envelope, missionSlug);
  return {
    eventId,
    type,
    occurredAt,
    receivedAt,
    missionSlug,
    wpId: workPackageOf(envelope),
    lamport: envelope.lamportClock,
    nodeId: shown(envelope.nodeId),
    words: [
      ...projectNameIn(envelope),
      ...(missionSlug === '' ? [] : wordsOf(arrived.type, missionSlug, payload)),
      ...laneOf(missionSlug, change),
    ],
    change,
    dossier: dossier.said,
    findings: [...categoryOf(arrived), ...oddities(change, payload), ...issuesOf(arrived, dossier)],
  };
}

/** What is learned from an event that cannot be read any more. */
const NOTHING = {
  missionSlug: '',
  wpId: '',
  words: [],
  change: null,
  dossier: null,
  nodeId: null,
  lamport: 0,
} as const;

export function isLane(text: string): text is Lane {
  return LANES.some((lane) => lane === text);
}

function missionOf(payload: JsonObject): string {
  const namespace = asObject(member(payload, 'namespace')) ?? payload;
  return (
    nameIn(namespace, 'mission_slug') ??
    nameIn(namespace, 'feature_slug') ??
    nameIn(payload, 'mission_slug') ??
    nameIn(payload, 'feature_slug') ??
    ''
  );
}

function workPackageOf({ payload, aggregateType, aggregateId }: Envelope): string {
  const named = nameIn(payload, 'wp_id');
  if (named !== null) return named;
  return aggregateType === 'WorkPackage' && isName(aggregateId) ? aggregateId : '';
}

function changeOf(type: string, payload: JsonObject): LaneChange | null {
  const wpId = nameIn(payload, 'wp_id');
  const toLane = asText(member(payload, 'to_lane'));
  if (type !== 'WPStatusChanged' || wpId === null || toLane === null) return null;
  return {
    wpId,
    toLane: shown(toLane),
    fromLane: shown(asText(member(payload, 'from_lane')) ?? ''),
    actor: actorIn(member(payload, 'actor')),
  };
}

/** Whoever acted: a name, or an object that has one. */
function actorIn(value: JsonValue | undefined): string {
  const object = asObject(value);
  if (object === null) return shown(asText(value) ?? '');
  const names = ['display', 'name', 'actor_id', 'id'].map((key) => asText(member(object, key)));
  return shown(names.find((name) => name !== null) ?? '');
}

function projectNameIn({ projectSlug }: Envelope): readonly Word[] {
  if (projectSlug === null || !isName(projectSlug)) return [];
  return [{ missionSlug: '', wpId: '', topic: 'title', value: projectSlug }];
}

function laneOf(missionSlug: string, change: LaneChange | null): readonly Word[] {
  if (change === null || !isLane(change.toLane)) return [];
  return [{ missionSlug, wpId: change.wpId, topic: 'lane', value: change.toLane }];
}

function wordsOf(type: string, missionSlug: string, payload: JsonObject): readonly Word[] {
  const words: Word[] = [];
  const say = (wpId: string | null, topic: Word['topic'], value: string | null): void => {
    if (wpId !== null && value !== null) words.push({ missionSlug, wpId, topic, value });
  };
  const namespace = asObject(member(payload, 'namespace')) ?? payload;
  say('', 'type', nameIn(namespace, 'mission_type'));
  if (type === 'MissionCreated') say('', 'title', nameIn(payload, 'friendly_name'));
  if (type === 'WPCreated') {
    const wpId = nameIn(payload, 'wp_id');
    const title = nameIn(payload, 'wp_title') ?? nameIn(payload, 'title');
    say(wpId, 'title', title ?? wpId);
  }
  return words;
}

function categoryOf({ category, type }: Arrived): readonly Finding[] {
  return category === null ? [] : [{ code: category, detail: shown(type) }];
}

function issuesOf(
  { type }: Arrived,
  { issue }: { readonly issue: string | null },
): readonly Finding[] {
  return issue === null ? [] : [{ code: 'odd_dossier', detail: `${shown(type)} ${issue}` }];
}

function oddities(change: LaneChange | null, payload: JsonObject): readonly Finding[] {
  if (change === null) return [];
  const { toLane, wpId } = change;
  const detail = `${wpId} to ${toLane}`;
  if (!isLane(toLane)) return [{ code: 'unknown_lane', detail }];
  const isFinished = toLane === 'approved' || toLane === 'done';
  const hasEvidence = (member(payload, 'evidence') ?? null) !== null;
  return isFinished && !hasEvidence ? [{ code: 'missing_evidence', detail }] : [];
}
