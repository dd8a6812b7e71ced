import type { Millis } from '../../base/index.ts';
import { type DossierChange, foldDossiers } from './dossier/fold.ts';
import type { EventFacts, Word } from './facts.ts';
import { isLater, type Moment } from './moment.ts';
import { type LagCount, lagEnd } from './lags.ts';

export interface MissionSum {
  readonly slug: string;
  readonly events: number;
  readonly firstAt: Millis;
  readonly lastAt: Millis;
}

export interface ProducerSum {
  readonly nodeId: string;
  readonly events: number;
  readonly lastSeenAt: Millis;
  readonly lastEventAt: Millis;
  /** How late the last one that arrived was; the newest of those that arrived together. */
  readonly lastLagMs: Millis;
}

/** How many events of a producer arrived on a day so late. */
export interface LagSum extends LagCount {
  readonly nodeId: string;
  readonly day: string;
}

/** An unbroken stretch of a producer's clock, both ends included. */
export interface Run {
  readonly nodeId: string;
  readonly first: number;
  readonly last: number;
}

export interface Tally {
  readonly topic: 'day' | 'type' | 'finding';
  readonly name: string;
  readonly count: number;
}

/** A word, and when it was said. */
export interface SaidWord extends Word, Moment {}

/** What a page of events changes in the views of their project. */
export interface Change {
  readonly missions: readonly MissionSum[];
  readonly words: readonly SaidWord[];
  readonly facts: readonly EventFacts[];
  readonly dossiers: DossierChange;
  readonly producers: readonly ProducerSum[];
  readonly runs: readonly Run[];
  readonly lags: readonly LagSum[];
  readonly tallies: readonly Tally[];
}

/** Adds a page up; the order of its events says nothing. */
export function fold(facts: readonly EventFacts[]): Change {
  return {
    missions: missionsIn(facts),
    words: wordsIn(facts),
    facts,
    dossiers: foldDossiers(facts),
    producers: producersIn(facts),
    runs: runsIn(facts),
    lags: lagsIn(facts),
    tallies: talliesIn(facts),
  };
}

/** The day of a moment in UTC: `2026-03-14`. */
export function dayOf(at: Millis): string {
  return new Date(at).toISOString().slice(0, 10);
}

function missionsIn(facts: readonly EventFacts[]): readonly MissionSum[] {
  const sums = new Map<string, MissionSum>();
  for (const { missionSlug: slug, occurredAt } of facts) {
    if (slug === '') continue;
    const sum = sums.get(slug);
    sums.set(slug, {
      slug,
      events: (sum?.events ?? 0) + 1,
      firstAt: Math.min(sum?.firstAt ?? occurredAt, occurredAt),
      lastAt: Math.max(sum?.lastAt ?? occurredAt, occurredAt),
    });
  }
  return [...sums.values()];
}

function wordsIn(facts: readonly EventFacts[]): readonly SaidWord[] {
  const last = new Map<string, SaidWord>();
  for (const { occurredAt, lamport, eventId, words } of facts) {
    for (const word of words) {
      const said = { ...word, occurredAt, lamport, eventId };
      const key = JSON.stringify([word.missionSlug, word.wpId, word.topic]);
      const known = last.get(key);
      if (known === undefined || isLater(said, known)) last.set(key, said);
    }
  }
  return [...last.values()];
}

function producersIn(facts: readonly EventFacts[]): readonly ProducerSum[] {
  const sums = new Map<string, ProducerSum>();
  for (const { nodeId, receivedAt, occurredAt } of facts) {
    if (nodeId === null) continue;
    const sum = sums.get(nodeId);
    const lag = receivedAt - occurredAt;
    const isLast = sum === undefined || receivedAt > sum.lastSeenAt;
    const isNewest = receivedAt === sum?.lastSeenAt && lag < sum.lastLagMs;
    sums.set(nodeId, {
      nodeId,
      events: (sum?.events ?? 0) + 1,
      lastSeenAt: Math.max(sum?.lastSeenAt ?? receivedAt, receivedAt),
      lastEventAt: Math.max(sum?.lastEventAt ?? occurredAt, occurredAt),
      lastLagMs: isLast || isNewest ? lag : sum.lastLagMs,
    });
  }
  return [...sums.values()];
}

function lagsIn(facts: readonly EventFacts[]): readonly LagSum[] {
  const sums = new Map<string, LagSum>();
  for (const { nodeId, receivedAt, occurredAt } of facts) {
    if (nodeId === null) continue;
    const [day, lag] = [dayOf(receivedAt), receivedAt - occurredAt];
    const withinMs = lagEnd(lag);
    const key = `${day} ${withinMs} ${nodeId}`;
    const sum = sums.get(key);
    const mostMs = Math.max(sum?.mostMs ?? lag, lag);
    sums.set(key, { nodeId, day, withinMs, events: (sum?.events ?? 0) + 1, mostMs });
  }
  return [...sums.values()];
}

function runsIn(facts: readonly EventFacts[]): readonly Run[] {
  return joinRuns(
    facts.flatMap(({ nodeId, lamport }) =>
      nodeId === null ? [] : [{ nodeId, first: lamport, last: lamport }],
    ),
  );
}

/** The same stretches with as few runs as there can be: those that overlap or touch are one. */
export function joinRuns(runs: readonly Run[]): readonly Run[] {
  const open = new Map<string, Run>();
  const done: Run[] = [];
  for (const { nodeId, first, last } of runs.toSorted((one, other) => one.first - other.first)) {
    const run = open.get(nodeId);
    const reaches = run !== undefined && first <= run.last + 1;
    if (run !== undefined && !reaches) done.push(run);
    open.set(
      nodeId,
      reaches ? { ...run, last: Math.max(run.last, last) } : { nodeId, first, last },
    );
  }
  return [...done, ...open.values()];
}

function talliesIn(facts: readonly EventFacts[]): readonly Tally[] {
  const tallies = new Map<string, Tally>();
  const count = (topic: Tally['topic'], name: string): void => {
    const key = `${topic} ${name}`;
    tallies.set(key, { topic, name, count: (tallies.get(key)?.count ?? 0) + 1 });
  };
  for (const { receivedAt, type, findings } of facts) {
    count('day', dayOf(receivedAt));
    count('type', type);
    for (const { code } of findings) count('finding', code);
  }
  return [...tallies.values()];
}
