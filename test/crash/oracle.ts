import { readdirSync } from 'node:fs';
import { messageOf, type Db } from '../../src/base/index.ts';
import { eventsStream, recount, readCounts } from '../../src/delivery/index.ts';
import { openJournal, takeIn } from '../../src/journal/index.ts';
import { gatherProject, isSettled } from '../../src/report/index.ts';
import { eventId } from '../support/envelopes.ts';
import type { RealReceiver } from '../support/real-receiver.ts';
import { bytesOf, openSite, spillOf, type Opened, type Site } from './site.ts';

/** A number whose capture was acknowledged, how, and after how long. */
export interface Ack {
  readonly n: number;
  readonly status: string;
  readonly ms: number;
}

/** The acknowledgements in what a worker printed; a last line that was cut off was never meant. */
export function readAcks(printed: string): readonly Ack[] {
  return [...printed.matchAll(/^ack (\d+) (\S+) (\d+\.\d)\n/gm)].map(([, n, status = '', ms]) => ({
    n: Number(n),
    status,
    ms: Number(ms),
  }));
}

/** What must be true of a site whatever happened to it. */
export interface Expectation {
  /** What each writer was told is kept, in the order in which it was told. */
  readonly acked: readonly (readonly number[])[];
  /** Every number that anyone tried to capture: one of them may be there without an acknowledgement. */
  readonly tried: readonly number[];
  /** How many facts must be there beside the numbered ones, 0 when nothing is said; null: any number. */
  readonly others?: number | null;
}

interface Row {
  readonly seq: number;
  readonly event_id: string;
  readonly payload: Uint8Array | null;
}

/**
 * Opens a site as the next command would, takes in what waits beside the store, and answers everything that
 * contradicts the acknowledgements, the order of each writer, or the journal's own counts. Empty is good.
 */
export async function judgeSite(site: Site, expected: Expectation): Promise<readonly string[]> {
  const { home, project } = await openSite(site);
  try {
    const journal = openJournal(home, project);
    const taken = takeIn(home, journal);
    return [
      ...(taken.corrupt > 0 ? [`${taken.corrupt} torn spill file(s)`] : []),
      ...judgeJournal(journal.db, expected),
      ...judgeSpill(site),
      ...judgeBooks({ home, project }),
    ];
  } catch (error) {
    return [`the site does not open: ${messageOf(error)}`];
  } finally {
    home.close();
  }
}

/** Compares the journal with what was promised. */
function judgeJournal(db: Db, expected: Expectation): readonly string[] {
  const rows = db.all<Row>(
    'SELECT e.seq, e.event_id, p.payload FROM events e LEFT JOIN event_payloads p USING (seq) ORDER BY seq',
  );
  const byId = new Map(rows.map((row) => [row.event_id, row]));
  const facts = judgeFacts(byId, expected);
  const integrity = db.get<{ integrity_check: string }>('PRAGMA integrity_check')?.integrity_check;
  return [
    ...(byId.size === rows.length ? [] : ['an id is there twice']),
    ...(rows.every((row, index) => row.seq === index + 1) ? [] : ['positions have gaps']),
    ...facts,
    ...expected.acked.flatMap((writer) => judgeOrder(byId, writer)),
    ...(integrity === 'ok' ? [] : [`integrity: ${integrity}`]),
  ];
}

/** Every acknowledged number is there, with its bytes, and nothing that nobody captured. */
function judgeFacts(byId: ReadonlyMap<string, Row>, expected: Expectation): readonly string[] {
  const complaints: string[] = [];
  const acked = new Set(expected.acked.flat());
  let others = byId.size;
  for (const n of new Set([...expected.tried, ...acked])) {
    const row = byId.get(eventId(n));
    if (row === undefined) {
      if (acked.has(n)) complaints.push(`acknowledged ${n} is lost`);
      continue;
    }
    others -= 1;
    const isExact = row.payload !== null && Buffer.compare(row.payload, bytesOf(n)) === 0;
    if (!isExact) complaints.push(`the bytes of ${n} changed`);
  }
  const { others: wanted = 0 } = expected;
  if (wanted !== null && others !== wanted) complaints.push(`${others} facts that nobody captured`);
  return complaints;
}

function judgeOrder(byId: ReadonlyMap<string, Row>, writer: readonly number[]): readonly string[] {
  const seqs = writer.map((n) => byId.get(eventId(n))?.seq ?? 0).filter((seq) => seq > 0);
  const isKept = seqs.every((seq, index) => seq > (seqs[index - 1] ?? 0));
  return isKept ? [] : [`the order of the writer of ${writer[0]} is not kept`];
}

function judgeSpill(site: Site): readonly string[] {
  return filesIn(spillOf(site))
    .filter((name) => !name.endsWith('.tmp'))
    .map((name) => `${name} is left beside the store`);
}

/** The books of every target balance, and their counters are what the rows add up to, whoever writes meanwhile. */
export function judgeBooks({ home, project }: Opened): readonly string[] {
  const db = home.store(project.id);
  const options = { projectId: project.id, db, streams: [eventsStream], here: null };
  return db.snapshot(() => {
    const { journal, routes } = gatherProject(home, options);
    const count = db.get<{ n: number }>('SELECT count(*) AS n FROM events')?.n ?? 0;
    const complaints: string[] = [];
    if (count !== journal.captured) {
      complaints.push(`the head counts ${journal.captured}, the rows are ${count}`);
    }
    for (const { facts, books } of routes.flatMap((route) => route.streams)) {
      const { id } = facts.generation;
      const counted = JSON.stringify(readCounts(db, id));
      const rows = JSON.stringify(recount(db, id, 'event_deliveries'));
      if (counted !== rows) complaints.push(`counters ${counted}, rows ${rows}`);
      if (!books.balanced) complaints.push(`the books do not balance: ${JSON.stringify(books)}`);
    }
    return complaints;
  });
}

/** After a drain that ended well: nothing waits anywhere, and the receiver holds exactly the journal. */
export async function judgeDelivery(
  site: Site,
  receiver: RealReceiver,
): Promise<readonly string[]> {
  const { home, project } = await openSite(site);
  try {
    const db = home.store(project.id);
    const options = { projectId: project.id, db, streams: [eventsStream], here: null };
    const waiting = gatherProject(home, options).routes.flatMap(({ streams }) =>
      streams.filter(({ books }) => !isSettled(books)).map(({ books }) => JSON.stringify(books)),
    );
    const open = db.all('SELECT batch_id FROM batches WHERE ended_at IS NULL').length;
    const rows = db.all<{ held: string }>(
      `SELECT event_id || ' ' || sha256 AS held FROM events WHERE eligible = 1 ORDER BY 1`,
    );
    const here = rows.map((row) => row.held);
    const there = await receiver.holdings();
    const isSame = here.length === there.length && here.every((each, n) => each === there[n]);
    return [
      ...waiting.map((books) => `something waits: ${books}`),
      ...(open > 0 ? [`${open} batches are still open`] : []),
      ...(isSame ? [] : [`the receiver holds ${there.length}, the journal ${here.length}`]),
    ];
  } finally {
    home.close();
  }
}

function filesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}
