import { messageOf } from '../../base/index.ts';
import { clearEndpoint, readEndpoint, tripEndpoint } from '../../home/index.ts';
import type { Blocked, Receiver, Stop } from '../../receivers/index.ts';
import { connect, gateOf } from './connection.ts';
import { claimDrain, DRAIN_EXPIRY_MS, releaseDrain, renewDrain, type Drain } from './drains.ts';
import { isGranted, lastSeq, open, readFollow } from '../generations.ts';
import { FenceLost, requireFence, selectDue } from '../ledger.ts';
import { acceptCommand, askReceiver } from './identity.ts';
import { breakerBlock, pacingBlock, type Ended } from './keeping-away.ts';
import { noteFailure } from './pacing.ts';
import { AGAIN, againIn, followCommand } from './remedies.ts';
import { DrainTally, type DrainReport } from './report.ts';
import { closeFinished, countReplaying, openReplayPage, openReplays } from '../replay.ts';
import { block, unblock } from '../routes.ts';
import { nextDue, Sending, type DrainOptions, type Work } from './sending.ts';
import type { Stream } from '../stream.ts';
import { originOf, type Target } from '../targets.ts';
import { backoffMs, clampRetryAfter } from '../transition.ts';

const RENEW_EVERY_MS = DRAIN_EXPIRY_MS / 3;

/** Stops that say nothing about the receiver: the permission was withdrawn, or the command interrupted. */
const BROKEN_OFF_HERE: ReadonlySet<string> = new Set(['revoked', 'aborted']);

/**
 * Delivers what a route lacks: gates, then per stream open, select, begin, post, record, until nothing is due or
 * the receiver asks to wait. Whatever stops it is written on the route and returned; nothing is lost.
 * @throws UserError `busy` when another process drains this route for longer than 10 s.
 */
export async function drain(options: DrainOptions): Promise<DrainReport> {
  const { home, db, route } = options;
  const { system } = home;
  const tally = new DrainTally(route.target);
  if (!isGranted(db, route.id))
    return tally.report(ungranted(route.target, 'nobody permits sending to this target'));
  const connection = await connect(home, db, route.target, options.own);
  if (connection.kind === 'blocked') {
    block(db, route.id, connection.blocked, system.clock.now());
    return tally.report(connection.blocked);
  }
  const { receiver } = connection;
  if (!options.byOperator && isIdle(options, receiver)) return tally.report(null);
  const lease = await claimDrain(db, system, route.id);
  const ended = new AbortController();
  const kept = keepDrain(options, lease, ended);
  try {
    const work = { options, lease, tally, receiver };
    const said = await drainStreams(work, AbortSignal.any([options.signal, ended.signal]));
    // A login that ended on the way is a closed gate from now on, and no word about the receiver.
    const blocked = said === null ? null : (gateOf(home, db, route.target) ?? said);
    // Whoever is broken off here learned nothing about the receiver.
    if (blocked === null || !options.signal.aborted) writeBlocked(options, blocked);
    const replaying = options.streams.map((stream) => countReplaying(db, route.id, stream));
    return tally.report(
      blocked,
      replaying.reduce((sum, n) => sum + n, 0),
    );
  } catch (error) {
    if (!(error instanceof FenceLost)) throw error;
    return tally.report({
      reason: 'daemon_lock',
      detail: 'another process took over this target',
      remedy: 'spec-kitty sync status',
    });
  } finally {
    ended.abort();
    await kept;
    releaseDrain(db, lease);
  }
}

/** Nothing new and nothing due: found out by reading alone, so that a loop that waits for work writes nothing. */
function isIdle(options: DrainOptions, receiver: Receiver): boolean {
  const { db, route, streams, home } = options;
  return streams.every((stream) => {
    if (!receiver.offers(stream.name)) return true;
    const follow = readFollow(db, route.id, stream);
    if (follow === null) return true;
    const replays = openReplays(db, route.id, stream);
    if (lastSeq(db, stream) >= follow.nextSeq) return false;
    if (replays.some(({ nextSeq, toSeq }) => nextSeq <= toSeq)) return false;
    const dueBy = home.system.clock.now();
    return [follow, ...replays].every(
      ({ id }) => selectDue(db, stream, { genId: id, after: 0, limit: 1, dueBy }).length === 0,
    );
  });
}

/** A slow receiver must not cost the drain its ownership: it is renewed while requests are under way. */
async function keepDrain(
  options: DrainOptions,
  lease: Drain,
  ended: AbortController,
): Promise<void> {
  const { clock } = options.home.system;
  while (!ended.signal.aborted) {
    await clock.sleep(RENEW_EVERY_MS, ended.signal);
    if (ended.signal.aborted) return;
    if (!isRenewed(options, lease)) ended.abort();
  }
}

/** False when another took over. A renewal that fails otherwise, say for a lock, is tried again in its turn. */
function isRenewed(options: DrainOptions, lease: Drain): boolean {
  const { home, db } = options;
  try {
    return renewDrain(db, lease, home.system.clock.now());
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    home.log.error('delivery.renewal', { reason: messageOf(error) });
    return true;
  }
}

/**
 * One stream after the other. What stops a single stream leaves the others their turn; what concerns the whole route
 * ends the drain.
 */
async function drainStreams(work: Work, signal: AbortSignal): Promise<Blocked | null> {
  let first: Blocked | null = null;
  for (const stream of work.options.streams) {
    const { receiver } = work;
    let ended = receiver.offers(stream.name) ? null : await askWhatIsTaken(work, stream, signal);
    if (receiver.offers(stream.name) && ended?.blocked == null) {
      ended = await drainStream(work, stream, signal);
    }
    first ??= ended?.blocked ?? null;
    if (ended?.isOfRoute === true) break;
  }
  return first;
}

/** What a receiver takes may not be known before it was asked once. */
async function askWhatIsTaken(work: Work, stream: Stream, signal: AbortSignal): Promise<Ended> {
  const { options, receiver, lease } = work;
  const { home, db, route, byOperator, streams } = options;
  if (!byOperator || stream !== streams[0]) return IN_PEACE;
  const expected = readFollow(db, route.id, stream)?.instanceId ?? null;
  const asked = await askReceiver({ home, db, route, receiver, lease }, expected, signal);
  if (asked.kind === 'stopped') return { ...stopped(work, stream, asked.stop), isOfRoute: true };
  return asked.kind === 'blocked' ? { blocked: asked.blocked, isOfRoute: true } : IN_PEACE;
}

const IN_PEACE: Ended = { blocked: null, isOfRoute: false };

async function drainStream(work: Work, stream: Stream, signal: AbortSignal): Promise<Ended> {
  const { options, receiver, lease } = work;
  const { db, route, byOperator, home } = options;
  openAll(work, stream);
  const follow = readFollow(db, route.id, stream);
  const waiting = pacingBlock(options, stream) ?? breakerBlock(options);
  if (waiting !== null || follow === null) return waiting ?? IN_PEACE;
  const due = [follow, ...openReplays(db, route.id, stream)].filter(
    ({ id }) => nextDue(work, stream, { genId: id, after: 0, limit: 1 }).length > 0,
  );
  // Who the receiver is was asked with the first stream.
  if (due.length === 0 && (!byOperator || stream !== options.streams[0])) return IN_PEACE;
  const asked = await askReceiver({ home, db, route, receiver, lease }, follow.instanceId, signal);
  if (asked.kind === 'stopped') return { ...stopped(work, stream, asked.stop), isOfRoute: true };
  if (asked.kind === 'blocked') return { blocked: asked.blocked, isOfRoute: true };
  if (asked.hasAnswered) noteReachable(options);
  for (const generation of due) {
    const stop = await new Sending(work, { ...asked, stream, generation, signal }).run();
    if (stop !== null) return stopped(work, stream, stop);
    noteReachable(options);
  }
  closeReplays(work, stream);
  return IN_PEACE;
}

/** Nothing may have been sent since another took over, so nothing else has asked whether this drain still may record. */
function closeReplays({ options, lease }: Work, stream: Stream): void {
  const { db, route, home } = options;
  if (openReplays(db, route.id, stream).length === 0) return;
  const now = home.system.clock.now();
  db.tx(() => {
    requireFence(db, lease, now);
    closeFinished(db, route.id, stream, now);
  });
}

/** A server that answered a request with "not now" may still take another kind of item. */
function stopped(work: Work, stream: Stream, stop: Stop): Ended {
  putOff(work, stream, stop);
  const { kind, httpStatus, retryAfterMs } = stop;
  return {
    blocked: blockedBy(stop, work.options.route.target),
    isOfRoute: kind === 'halt' || httpStatus === null || retryAfterMs !== null,
  };
}

/** Opens what is new. One who lost the drain opens nothing: he may have been away since the stream before. */
function openAll({ options, lease }: Work, stream: Stream): void {
  const { db, route, home } = options;
  const { faults, clock } = home.system;
  const fenced = (page: () => number): number =>
    db.tx(() => {
      requireFence(db, lease, clock.now());
      return page();
    });
  const follow = readFollow(db, route.id, stream);
  if (follow !== null && follow.nextSeq <= lastSeq(db, stream)) {
    while (fenced(() => open(db, { routeId: route.id, stream, faults })) > 0);
  }
  for (const { id, nextSeq, toSeq } of openReplays(db, route.id, stream)) {
    if (nextSeq > toSeq) continue;
    while (fenced(() => openReplayPage(db, stream, id, faults)) > 0);
  }
}

/** The route waits after a failed request; when the network failed, so does everyone for this origin. */
function putOff({ options, lease }: Work, stream: Stream, stop: Stop): void {
  if (BROKEN_OFF_HERE.has(stop.code)) return;
  const { home, db, route } = options;
  const now = home.system.clock.now();
  db.tx(() => {
    requireFence(db, lease, now);
    noteFailure(db, { routeId: route.id, stream }, stop, now);
  });
  const origin = originOf(route.target);
  if (origin === null || stop.kind !== 'backoff' || stop.httpStatus !== null) return;
  const machine = home.machine();
  const openUntil = now + backoffMs(readEndpoint(machine, origin).failures);
  tripEndpoint(machine, origin, { openUntil, error: `${stop.code}: ${stop.detail}`, now });
}

/** The origin answered: nobody has to keep away from it any more. */
function noteReachable({ home, route }: DrainOptions): void {
  const origin = originOf(route.target);
  if (origin === null || readEndpoint(home.machine(), origin).failures === 0) return;
  clearEndpoint(home.machine(), origin, home.system.clock.now());
}

function blockedBy(stop: Stop, target: Target): Blocked {
  const { kind, code, detail, retryAfterMs, movedTo } = stop;
  const said = code === detail ? code : `${code}: ${detail}`;
  if (kind === 'backoff') {
    const remedy = retryAfterMs === null ? AGAIN : againIn(clampRetryAfter(retryAfterMs));
    return { reason: 'network_unavailable', detail: said, remedy };
  }
  switch (code) {
    case 'receiver_reset':
      return { reason: 'receiver_reset', detail, remedy: acceptCommand(target) };
    case 'revoked':
      return ungranted(target, detail);
    case 'unauthorized': {
      const login = `spec-kitty auth login --server ${originOf(target) ?? ''} --token-stdin`;
      return { reason: 'halted', detail: said, remedy: login };
    }
    case 'moved':
      return { reason: 'halted', detail: said, remedy: followCommand(target, movedTo) };
    default:
      return { reason: 'halted', detail: said, remedy: AGAIN };
  }
}

function ungranted(target: Target, detail: string): Blocked {
  const remedy = `spec-kitty sync opt-in --target ${target.publicId}`;
  return { reason: 'halted', detail, remedy };
}

function writeBlocked(options: DrainOptions, blocked: Blocked | null): void {
  const { db, route, home } = options;
  if (blocked === null) unblock(db, route.id);
  else block(db, route.id, blocked, home.system.clock.now());
}
