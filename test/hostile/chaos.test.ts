import { randomInt } from 'node:crypto';
import process from 'node:process';
import { expect, it } from 'vitest';
import { eventsStream, listParked, retryParked } from '../../src/delivery/index.ts';
import { drainOnce, permit, tallyRows } from '../suites/drain-trial.ts';
import { ledgerTrial, type LedgerTrial } from '../support/ledger-trial.ts';
import { realReceiver, type RealReceiver } from '../support/real-receiver.ts';
import { chaosProxy, type Fault } from './chaos-proxy.ts';
import { rawServer } from './raw-server.ts';
import { drawing, pick } from './seeded.ts';

const EXCHANGES = Number(process.env['HOSTILE_EXCHANGES'] ?? 400);
/** Every so many bytes of an exchange it is cut. */
const STRIDE = Number(process.env['HOSTILE_STRIDE'] ?? 24);
const SEED = Number(process.env['HOSTILE_SEED'] ?? randomInt(2 ** 31));
const HOUR_MS = 3_600_000;

process.stderr.write(
  `chaos: ${EXCHANGES} exchanges, cuts every ${STRIDE} bytes; again with HOSTILE_SEED=${SEED}\n`,
);

/** Every event of the journal as the receiver must hold it, once. */
function journalled(trial: LedgerTrial): readonly string[] {
  const rows = trial.db.all<{ event_id: string; sha256: string }>(
    'SELECT event_id, sha256 FROM events',
  );
  return rows.map((row) => `${row.event_id} ${row.sha256}`).sort();
}

async function expectConverged(trial: LedgerTrial, real: RealReceiver): Promise<void> {
  expect(await real.holdings()).toEqual(journalled(trial));
}

it(
  'a connection cut at any byte of request or answer costs nothing but a repetition',
  async () => {
    const real = await realReceiver();
    const next: { fault: Fault | null } = { fault: null };
    const proxy = await chaosProxy(Number(new URL(real.url).port), (head) => {
      if (!head.startsWith('POST') || next.fault === null) return {};
      const { fault } = next;
      next.fault = null;
      return fault;
    });
    const trial = ledgerTrial();
    const route = permit(trial, proxy.url);
    trial.capture(2);
    await drainOnce(trial, route);
    const { request, answer } = { ...proxy.longest() };
    const faults: Fault[] = [];
    for (let at = 0; at <= request; at += STRIDE) faults.push({ cutRequestAt: at });
    for (let at = 0; at <= answer; at += STRIDE) faults.push({ cutAnswerAt: at });
    let struck = 0;
    for (const fault of faults) {
      trial.capture(2);
      next.fault = fault;
      const first = await drainOnce(trial, route);
      if (first.blocked !== null) struck += 1;
      trial.books(route);
      next.fault = null;
      expect(await drainOnce(trial, route)).toMatchObject({ blocked: null });
      expect(tallyRows(trial, route)).toEqual({ delivered: journalled(trial).length });
    }
    // A cut behind the last byte of one of them is none; elsewhere it is noticed.
    expect(struck).toBeGreaterThan(faults.length * 0.9);
    await expectConverged(trial, real);
  },
  HOUR_MS,
);

it(
  `${EXCHANGES} exchanges through cuts, delays, repetitions, redirects and noise converge`,
  async () => {
    const draw = drawing(SEED);
    const real = await realReceiver();
    const elsewhere = await rawServer({});
    const chaos = { isOn: true };
    const faults: readonly (() => Fault)[] = [
      () => ({}),
      () => ({}),
      () => ({}),
      () => ({ cutRequestAt: draw(1_500) }),
      () => ({ cutAnswerAt: draw(1_000) }),
      () => ({ delayMs: draw(5) }),
      () => ({ isDoubled: true }),
      () => ({ isDoubled: true, cutAnswerAt: draw(1_000) }),
      () => ({ instead: redirect(pick(draw, [301, 302, 303, 307, 308]), elsewhere.url) }),
      () => ({ instead: pick(draw, NOISE) }),
    ];
    const proxy = await chaosProxy(Number(new URL(real.url).port), () =>
      chaos.isOn ? pick(draw, faults)() : {},
    );
    const trial = ledgerTrial();
    const route = permit(trial, proxy.url);
    while (proxy.exchanges() < EXCHANGES) {
      trial.capture(1 + draw(4));
      await drainOnce(trial, route);
      trial.books(route);
      trial.clock.move(1_000);
    }
    chaos.isOn = false;
    // A wish of the noise may still have to be waited for.
    trial.clock.move(HOUR_MS);
    // Two bare 400 of the noise in the wrong places are a refusal like any other: an operator has to say so.
    const parked = listParked(trial.db, eventsStream);
    expect(parked.map(({ code }) => code)).toEqual(parked.map(() => 'bad_request'));
    retryParked(trial.db, eventsStream, parked);
    expect(await drainOnce(trial, route)).toMatchObject({ blocked: null });
    expect(tallyRows(trial, route)).toEqual({ delivered: journalled(trial).length });
    await expectConverged(trial, real);
    expect([elsewhere.connections(), elsewhere.received().length]).toEqual([0, 0]);
  },
  HOUR_MS,
);

const NOISE = [
  framed('200 OK', '{}'),
  framed('200 OK', '<html>'),
  framed('200 OK', '{"results":[{"event_id":"of another","status":"success"}]}'),
  framed('204 No Content', ''),
  framed('400 Bad Request', ''),
  framed('401 Unauthorized', ''),
  framed('413 Content Too Large', ''),
  framed('429 Too Many Requests', '', 'retry-after: 1'),
  framed('503 Service Unavailable', '', 'retry-after: soon'),
  'no HTTP',
  'SSH-2.0-OpenSSH_9.2\r\n',
];

function redirect(status: number, location: string): string {
  return framed(`${status} There`, '', `location: ${location}/x`);
}

function framed(status: string, body: string, header = 'x: y'): string {
  return `HTTP/1.1 ${status}\r\n${header}\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
}
