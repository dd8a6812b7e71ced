import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { sha256Hex, type Db } from '../../src/base/index.ts';
import { eventsStream, listRoutes, readRouteFacts } from '../../src/delivery/index.ts';
import { readFacts } from '../../src/journal/index.ts';
import { balance } from '../../src/report/index.ts';
import { childScript, startScript } from '../support/child-script.ts';
import { realReceiver } from '../support/real-receiver.ts';
import { tempDir } from '../support/temp-home.ts';
import { createSite, openSite, pointAt, wordsOf } from './site.ts';

// Processes record events that a later one may stand for, while others deliver to two receivers.

const WRITERS = 3;
const EACH = 120;
const PATHS = 4;
const LONG = 120_000;

const WRITER = `
  import { existsSync } from 'node:fs';
  import { setTimeout } from 'node:timers/promises';
  import { record } from './src/journal/index.ts';
  import { openSite } from './test/crash/site.ts';
  import { envelope } from './test/support/envelopes.ts';
  const [root, home, first, count, paths, go] = process.argv.slice(2);
  const opened = await openSite({ root, home });
  while (!existsSync(go)) await setTimeout(1);
  for (let n = Number(first); n < Number(first) + Number(count); n += 1) {
    const payload = JSON.stringify({
      namespace: { mission_slug: '001-demo', target_branch: 'main' },
      artifact_id: { path: 'spec-' + (n % Number(paths)) + '.md' }, n,
    });
    const event = envelope(n, { type: 'MissionDossierArtifactIndexed', payload });
    record(opened.home, opened.project, [{ event, origin: 'envelope', source: null }]);
    if (n % 7 === 0) await setTimeout(3);
  }
  opened.home.close();`;

const DRAINER = `
  import { existsSync } from 'node:fs';
  import { setTimeout } from 'node:timers/promises';
  import { UserError } from './src/base/index.ts';
  import { drain, eventsStream, listRoutes } from './src/delivery/index.ts';
  import { openJournal, takeIn } from './src/journal/index.ts';
  import { openSite } from './test/crash/site.ts';
  const [root, homeDir, at, stop] = process.argv.slice(2);
  const { home, project } = await openSite({ root, home: homeDir });
  const journal = openJournal(home, project);
  const signal = new AbortController().signal;
  for (let isLast = false; !isLast; ) {
    isLast = existsSync(stop);
    try {
      takeIn(home, journal);
      const route = listRoutes(journal.db)[Number(at)];
      const streams = [eventsStream];
      await drain({ home, db: journal.db, route, streams, byOperator: true, signal, onProgress: () => {} });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      isLast = false;
    }
    await setTimeout(5 + Number(at) * 20);
  }
  home.close();`;

test('the bytes of an event never change, and all receivers get the same ids', {
  timeout: LONG,
}, async () => {
  const dir = tempDir();
  const [writer, drainer] = [childScript(WRITER), childScript(DRAINER)];
  const site = createSite(dir);
  const receivers = [await realReceiver(), await realReceiver()];
  const opened = await openSite(site);
  for (const { url } of receivers) pointAt(opened, url);
  const db = opened.home.store(opened.project.id);
  const [go, stop] = [path.join(dir, 'go'), path.join(dir, 'stop')];
  const drainers = receivers.map((_, at) =>
    startScript(drainer, [...wordsOf(site), `${at}`, stop]),
  );
  const writers = Array.from({ length: WRITERS }, (_, n) =>
    startScript(writer, [...wordsOf(site), `${n * EACH}`, `${EACH}`, `${PATHS}`, go]),
  );
  const seen = new Map<number, string>();
  const written = Promise.all(writers.map(({ ended }) => ended));
  const { clock } = opened.home.system;
  writeFileSync(go, '');
  for (let isOver = false; !isOver; ) {
    look(db, seen);
    isOver = await Promise.race([written.then(() => true), clock.sleep(10).then(() => false)]);
  }
  for (const ended of await written) expect(ended).toMatchObject({ code: 0, stderr: '' });
  writeFileSync(stop, '');
  for (const { ended } of drainers) expect(await ended).toMatchObject({ code: 0, stderr: '' });
  expect(look(db, seen)).toBe(WRITERS * EACH);
  const [first, second] = await Promise.all(receivers.map((receiver) => receiver.holdings()));
  expect(first).toEqual(second);
  expect(first).toEqual(idsIn(db, 2));
  const superseded = idsIn(db, 4);
  expect(superseded.length).toBeGreaterThan(0);
  expect((first?.length ?? 0) + superseded.length).toBe(WRITERS * EACH);
  for (const route of listRoutes(db)) {
    const facts = readRouteFacts(db, route.id, eventsStream, { now: 0 });
    if (facts === null) throw new Error('a route has no pass');
    expect(balance(readFacts(db), facts)).toMatchObject({ balanced: true, queued: 0, unopened: 0 });
  }
  opened.home.close();
});

/** Compares every payload with what it was when it was first seen; answers how many there are. */
function look(db: Db, seen: Map<number, string>): number {
  const rows = db.all<{ seq: number; sha256: string; payload: Uint8Array }>(
    'SELECT e.seq, e.sha256, p.payload FROM events e JOIN event_payloads p ON p.seq = e.seq',
  );
  for (const { seq, sha256, payload } of rows) {
    const hash = sha256Hex(payload);
    expect({ seq, hash }).toEqual({ seq, hash: seen.get(seq) ?? sha256 });
    seen.set(seq, hash);
  }
  return rows.length;
}

/** The ids and hashes of the events that are in a state at any target. */
function idsIn(db: Db, state: number): readonly string[] {
  return db
    .all<{ held: string }>(
      `SELECT DISTINCT e.event_id || ' ' || e.sha256 AS held FROM event_deliveries d
       JOIN events e ON e.seq = d.seq WHERE d.state = :state ORDER BY 1`,
      { state },
    )
    .map(({ held }) => held);
}
