import path from 'node:path';
import { sqliteCode, type Db } from '../../base/index.ts';
import type { Home } from '../../home/index.ts';
import { parseEnvelope, type ProjectId } from '../../wire/index.ts';
import type { Fact } from '../append.ts';
import { capture } from '../capture.ts';
import type { Journal } from '../journal.ts';
import { listSpill, readSpill, readWholeLines } from '../spill.ts';
import { isIntact } from '../retention/payloads.ts';

const CORRUPT_SUFFIX = '.corrupt';
/** What was taken out of a torn file is in the journal; the file stays under this name. */
const EXAMINED_SUFFIX = '.examined';
/** Facts captured in one transaction. */
const STEP = 500;

const LAST = 'SELECT max(seq) AS last FROM events';
const ROW = `
  SELECT e.sha256, e.eligible, p.payload FROM events e JOIN event_payloads p ON p.seq = e.seq
  WHERE e.seq = :seq`;

/** Files beside a store that cannot be taken in: those that were put aside, and those that would be. */
export function tornSpill(home: Home, projectId: ProjectId): readonly string[] {
  const directory = home.paths.spillDir(projectId);
  const { files } = home.system;
  const aside = files.list(directory).filter((name) => name.endsWith(CORRUPT_SUFFIX));
  const torn = listSpill(home, projectId).filter(
    (file) => readSpill(files, file, projectId) === null,
  );
  return [...aside.map((name) => path.join(directory, name)), ...torn];
}

/**
 * Takes the whole lines of a torn file into the journal and gives the file a name under which it waits for nobody.
 * One that has all its lines, and whose bytes are not those that were written, is not believed.
 * @returns how many events were new.
 */
export function salvageSpill(home: Home, journal: Journal, file: string): number {
  const { files } = home.system;
  const facts = readWholeLines(files, file, journal.projectId);
  const receipts = facts.length === 0 ? [] : capture(journal, facts);
  files.rename(file, `${file}${EXAMINED_SUFFIX}`);
  return receipts.filter(({ status }) => status === 'captured').length;
}

/**
 * Captures anew what can still be read of a damaged store and is as it was captured.
 * @param from the damaged store, opened for reading.
 * @returns how many events that were.
 */
export function salvageEvents(journal: Journal, from: Db): number {
  const last = readable(() => from.get<{ last: number | null }>(LAST)?.last) ?? 0;
  let salvaged = 0;
  for (let first = 1; first <= last; first += STEP) {
    const facts: Fact[] = [];
    for (let seq = first; seq < first + STEP && seq <= last; seq += 1) {
      const fact = factAt(from, seq);
      if (fact?.event.envelope.projectUuid === journal.projectId) facts.push(fact);
    }
    if (facts.length === 0) continue;
    salvaged += capture(journal, facts).filter(({ status }) => status === 'captured').length;
  }
  return salvaged;
}

function factAt(from: Db, seq: number): Fact | null {
  const row = readable(() =>
    from.get<{ sha256: string; eligible: number; payload: Buffer }>(ROW, { seq }),
  );
  if (row === undefined || !isIntact({ bytes: row.payload, sha256: row.sha256 })) return null;
  const parsed = parseEnvelope(row.payload);
  if (!parsed.ok) return null;
  const stays = row.eligible === 0 ? ({ staysHere: true } as const) : {};
  return { event: parsed.value, origin: 'envelope', source: null, ...stays };
}

/** What a damaged file still gives out. */
function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (sqliteCode(error) === '') throw error;
    return undefined;
  }
}
