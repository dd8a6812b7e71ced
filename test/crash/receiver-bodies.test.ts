import path from 'node:path';
import { expect, it } from 'vitest';
import { openDb, sha256Hex, systemClock } from '../../src/base/index.ts';
import { encodeBatch } from '../../src/wire/index.ts';
import { childScript, startScript } from '../support/child-script.ts';
import { indexed, NAMESPACE } from '../support/dossier-events.ts';
import { tempDir } from '../support/temp-home.ts';

const KILLS = 6;
const PUSHES = 80;
const SENDERS = 4;

const RECEIVER = `
  import { createIds, silentLog, systemClock, systemFiles } from './src/base/index.ts';
  import { openStore, serve } from './src/server/index.ts';
  const clock = systemClock();
  const store = await openStore(process.argv[2], { clock, ids: createIds(clock), files: systemFiles });
  const { url } = await serve(store, { clock, log: silentLog, port: 0 });
  console.log(url);`;

function textOf(number: number): string {
  return `# ${number}\n${'x'.repeat(number * 997)}`;
}

async function post(url: string, body: Uint8Array | string): Promise<number | null> {
  const headers = { 'content-type': 'application/json' };
  try {
    const bytes = new Uint8Array(Buffer.from(body));
    const response = await fetch(url, { method: 'POST', body: bytes, headers });
    await response.arrayBuffer();
    return response.status;
  } catch (error) {
    // No answer: the receiver is gone.
    expect(error).toBeInstanceOf(Error);
    return null;
  }
}

function pushBody(number: number): string {
  return JSON.stringify({
    ...NAMESPACE,
    artifact_path: `research/${number}.md`,
    content_hash: sha256Hex(textOf(number)),
    hash_algorithm: 'sha256',
    content_body: textOf(number),
  });
}

/** The numbers whose text is stored, each checked: the note, the text and its hash agree. */
function storedIn(file: string): ReadonlySet<number> {
  const db = openDb(file, { clock: systemClock() });
  expect(db.all('PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }]);
  const noted = db.all<{ path: string; sha256: string }>(
    'SELECT path, sha256 FROM artifact_versions WHERE stored_at IS NOT NULL',
  );
  const bodies = db.all<{ sha256: string; content: Uint8Array }>(
    'SELECT sha256, content FROM bodies',
  );
  db.close();
  for (const { sha256, content } of bodies) expect(sha256Hex(content)).toBe(sha256);
  expect(bodies.map(({ sha256 }) => sha256).sort()).toEqual(
    noted.map(({ sha256 }) => sha256).sort(),
  );
  return new Set(noted.map((version) => Number(/\d+/.exec(version.path)?.[0])));
}

it('keeps every text that it confirmed, whole, however often it is killed', async () => {
  const file = path.join(tempDir(), 'receiver.db');
  const script = childScript(RECEIVER);
  const numbers = Array.from({ length: PUSHES }, (_, n) => n + 1);
  const confirmed = new Set<number>();
  for (let kill = 0; kill <= KILLS; kill += 1) {
    const receiver = startScript(script, [file]);
    const url = await receiver.firstLine;
    if (kill === 0) {
      const events = numbers.map((n) => indexed(n, { path: `research/${n}.md`, text: textOf(n) }));
      expect(await post(`${url}/api/v1/events/batch/`, encodeBatch(events))).toBe(200);
    }
    let left = kill === KILLS ? Infinity : 5 + 3 * kill;
    const queue = numbers.filter((n) => !confirmed.has(n)).values();
    const sender = async (): Promise<void> => {
      for (const number of queue) {
        const status = await post(`${url}/api/dossier/push-content/`, pushBody(number));
        if (status === null) return;
        expect([200, 201]).toContain(status);
        confirmed.add(number);
        left -= 1;
        if (left === 0) await receiver.kill();
      }
    };
    await Promise.all(Array.from({ length: SENDERS }, sender));
    await receiver.kill();
    const stored = storedIn(file);
    for (const number of confirmed) expect(stored).toContain(number);
  }
  expect(confirmed.size).toBe(PUSHES);
}, 60_000);
