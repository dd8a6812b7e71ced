import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { openDb, sha256Hex, systemClock, type Db } from '../../src/base/index.ts';
import type { Machine } from './command-line.ts';

/** The UUID in a repository's identity file. */
export function projectIdOf(root: string): string {
  const text = readFileSync(path.join(root, '.kittify', 'config.yaml'), 'utf8');
  return /uuid: (\S+)/.exec(text)?.[1] ?? '';
}

/** The file of a project's store on a machine. */
export function storeFile(machine: Machine, root: string): string {
  return path.join(machine.home, 'projects', `${projectIdOf(root)}.db`);
}

/** A project's store, opened by the test itself until it has finished. */
export function openStoreOf(machine: Machine, root: string): Db {
  const db = openDb(storeFile(machine, root), { clock: systemClock() });
  onTestFinished(() => {
    db.close();
  });
  return db;
}

/** One hash over every row of the journal and every byte of its payloads, in order. */
export function journalDigest(machine: Machine, root: string): string {
  const db = openDb(storeFile(machine, root), { clock: systemClock() });
  try {
    const rows = db.all<{ payload: Buffer }>(
      'SELECT e.*, p.payload FROM events e JOIN event_payloads p ON p.seq = e.seq ORDER BY e.seq',
    );
    const texts = rows.map(({ payload, ...row }) => JSON.stringify([row, payload.toString('hex')]));
    return `${rows.length} ${sha256Hex(texts.join('\n'))}`;
  } finally {
    db.close();
  }
}

/** One line of the books that `sync status --json` prints. */
export interface BookLine {
  readonly stream: string;
  readonly canonical_url: string;
  readonly granted: boolean;
  readonly captured: number;
  readonly before_start: number;
  readonly never_eligible: number;
  readonly dropped: number;
  readonly unopened: number;
  readonly opened: number;
  readonly queued: number;
  readonly delivered: number;
  readonly parked: number;
  readonly superseded: number;
  readonly withheld: number;
  readonly balanced: boolean;
  readonly blocked_reason: string | null;
}

/** The books of one stream as status prints them, after adding up those of all: each item is in exactly one place. */
export async function balancedBooks(
  machine: Machine,
  root: string,
  stream = 'events',
): Promise<readonly BookLine[]> {
  const { json } = await machine.run(['sync', 'status', '--json'], { cwd: root });
  const books = json['conservation'] as readonly BookLine[];
  for (const each of books) {
    const placed =
      each.before_start + each.never_eligible + each.dropped + each.unopened + each.opened;
    const held = each.queued + each.delivered + each.parked + each.superseded + each.withheld;
    expect({ ...each, balanced: true, captured: placed, opened: held }).toEqual(each);
  }
  return books.filter((each) => each.stream === stream);
}

/** The books of one target. */
export async function booksAt(
  machine: Machine,
  root: string,
  url: string,
  stream = 'events',
): Promise<BookLine> {
  const books = await balancedBooks(machine, root, stream);
  const found = books.find((each) => each.canonical_url === url);
  if (found === undefined) throw new Error(`status does not speak of ${url}`);
  return found;
}
