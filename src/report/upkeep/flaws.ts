import { sha256Hex, sqliteCode, type Db } from '../../base/index.ts';

/** What is wrong with a home, and what became of it. */
export interface Flaw {
  readonly code:
    | 'config_corrupt'
    | 'machine_damaged'
    | 'store_damaged'
    | 'journal_broken'
    | 'event_damaged'
    | 'reference_broken'
    | 'counters_wrong'
    | 'deliveries_wrong'
    | 'spill_torn'
    | 'text_damaged';
  /** For people. */
  readonly detail: string;
  /** `found`: nothing was done. `mended`: it is as it should be. `set_aside`: what is bad is kept apart, never sent. */
  readonly state: 'found' | 'mended' | 'set_aside';
}

const MAX_SAID = 20;
/** A place that an event lost is known, and refers to nothing. */
const BROKEN_REFERENCES = 'PRAGMA foreign_key_check';

interface ReferenceRow {
  readonly table: string;
  readonly rowid: number | null;
  readonly parent: string;
}

/** What SQLite itself finds wrong with the pages and indexes of a store. */
export function pageFlaws(db: Db): readonly string[] {
  try {
    const said = db.all<{ integrity_check: string }>(`PRAGMA integrity_check(${MAX_SAID})`);
    return said.map((row) => row.integrity_check).filter((text) => text !== 'ok');
  } catch (error) {
    if (sqliteCode(error) === '') throw error;
    return [error instanceof Error ? error.message : String(error)];
  }
}

/** Rows that refer to rows which are not there, as `table -> table`. */
export function brokenReferences(db: Db): readonly string[] {
  const found = new Map<string, number>();
  for (const { table, parent } of db.all<ReferenceRow>(BROKEN_REFERENCES)) {
    const what = `${table} -> ${parent}`;
    found.set(what, (found.get(what) ?? 0) + 1);
  }
  return [...found].map(([what, n]) => `${n} row(s): ${what}`);
}

const TEXTS = `
  SELECT blob_id, sha256, content FROM blobs WHERE blob_id > :after ORDER BY blob_id LIMIT 50`;

/** Hashes of stored texts whose bytes are others. */
export function damagedTexts(db: Db): readonly string[] {
  const found: string[] = [];
  for (let after = 0; ; ) {
    const page = db.all<{ blob_id: number; sha256: string; content: Buffer }>(TEXTS, { after });
    const last = page.at(-1);
    if (last === undefined) return found;
    after = last.blob_id;
    for (const { sha256, content } of page) if (sha256Hex(content) !== sha256) found.push(sha256);
  }
}
