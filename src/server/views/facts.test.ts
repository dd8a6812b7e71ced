import { expect, it } from 'vitest';
import { envelope } from '../../../test/support/receiver-trial.ts';
import { parseEnvelope } from '../../wire/index.ts';
import { type Arrived, type EventFacts, factsOf } from './facts.ts';
import { isLater } from './moment.ts';

function read(
  type: string,
  payload: Readonly<Record<string, unknown>>,
  category: Arrived['category'] = null,
): EventFacts {
  const parsed = parseEnvelope(envelope(7, { event_type: type, payload }));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  const { envelope: read_ } = parsed.value;
  const { eventId, occurredAt } = read_;
  return factsOf({ eventId, type, category, occurredAt, receivedAt: 9 }, read_);
}

/** The project's name, which every event of these tests says. */
const DEMO = { missionSlug: '', wpId: '', topic: 'title', value: 'demo' };

const MOVE = { mission_slug: '042-demo', wp_id: 'WP01', from_lane: 'planned', actor: 'ann' };

it('reads a change of lane, whatever else stands in it', () => {
  const facts = read('WPStatusChanged', { ...MOVE, to_lane: 'claimed', more: 1 }, 'unvalidated');
  expect(facts).toMatchObject({
    missionSlug: '042-demo',
    nodeId: '0123456789ab',
    lamport: 7,
    words: [DEMO, { missionSlug: '042-demo', wpId: 'WP01', topic: 'lane', value: 'claimed' }],
    change: { wpId: 'WP01', fromLane: 'planned', toLane: 'claimed', actor: 'ann' },
    findings: [{ code: 'unvalidated', detail: 'WPStatusChanged' }],
  });
});

it.each([
  ['an unknown lane', { to_lane: 'limbo' }, 'unknown_lane', 0],
  ['an end without evidence', { to_lane: 'done', evidence: null }, 'missing_evidence', 1],
  ['an approval without evidence', { to_lane: 'approved' }, 'missing_evidence', 1],
])('finds %s odd and keeps it in the history', (_name, members, code, words) => {
  const facts = read('WPStatusChanged', { ...MOVE, ...members });
  expect(facts.findings.map((each) => each.code)).toEqual([code]);
  expect(facts.change?.toLane).toBe(members.to_lane);
  expect(facts.words).toHaveLength(words + 1);
});

it('takes an end with evidence as it is', () => {
  expect(
    read('WPStatusChanged', { ...MOVE, to_lane: 'done', evidence: { repos: [] } }).findings,
  ).toEqual([]);
});

it('reads titles and types where events say them, in both generations', () => {
  const words = (type: string, payload: Readonly<Record<string, unknown>>) =>
    read(type, payload)
      .words.slice(1)
      .map(({ wpId, topic, value }) => `${wpId} ${topic} ${value}`);
  const mission = { mission_slug: '042-demo', mission_type: 'research', friendly_name: 'Demo' };
  expect(words('MissionCreated', mission)).toEqual([' type research', ' title Demo']);
  expect(words('WPCreated', { feature_slug: 'x', wp_id: 'WP02', title: 'Old' })).toEqual([
    'WP02 title Old',
  ]);
  expect(words('WPCreated', { mission_slug: 'x', wp_id: 'WP02' })).toEqual(['WP02 title WP02']);
  const namespace = { mission_slug: 'y', mission_type: 'docs' };
  expect(read('MissionDossierSnapshotComputed', { namespace })).toMatchObject({
    missionSlug: 'y',
    words: [DEMO, { missionSlug: 'y', wpId: '', topic: 'type', value: 'docs' }],
  });
});

it('names actors by what an object calls them', () => {
  const actorOf = (actor: unknown) =>
    read('WPStatusChanged', { ...MOVE, to_lane: 'done', actor }).change?.actor;
  expect(actorOf({ id: 'cli', display: 'Retrospect' })).toBe('Retrospect');
  expect(actorOf({ actor_id: 'bot' })).toBe('bot');
  expect(actorOf(7)).toBe('');
});

it('learns nothing about missions from an event that names none, or no name', () => {
  for (const mission_slug of ['', '  ', 'a\nb', 'x'.repeat(201), 7, null]) {
    const facts = read('WPStatusChanged', { ...MOVE, mission_slug, to_lane: 'done' });
    expect(facts).toMatchObject({ missionSlug: '', words: [DEMO], change: null });
  }
});

it('says of an event that cannot be read that it is there', () => {
  const arrived = { eventId: 'x', type: 'T', category: null, occurredAt: 1, receivedAt: 2 };
  expect(factsOf(arrived, null)).toMatchObject({
    findings: [{ code: 'unreadable' }],
    nodeId: null,
  });
});

it('orders events by time, then clock, then id', () => {
  const at = (occurredAt: number, lamport: number, eventId: string) => ({
    occurredAt,
    lamport,
    eventId,
  });
  expect(isLater(at(2, 0, 'a'), at(1, 9, 'z'))).toBe(true);
  expect(isLater(at(1, 2, 'a'), at(1, 1, 'z'))).toBe(true);
  expect(isLater(at(1, 1, 'b'), at(1, 1, 'a'))).toBe(true);
  expect(isLater(at(1, 1, 'a'), at(1, 1, 'a'))).toBe(false);
});
