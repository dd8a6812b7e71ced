import type { Db, SqlParams } from '../../src/base/index.ts';

/** A statement that ran, with the last parameters it ran with. */
export interface Watched {
  readonly sql: string;
  readonly params: SqlParams | undefined;
}

/** Notes every statement that runs on a connection from now on. */
export function watchStatements(db: Db): () => readonly Watched[] {
  const seen = new Map<string, Watched>();
  for (const how of ['get', 'all', 'run', 'each'] as const) {
    const original = db[how].bind(db) as (sql: string, params?: SqlParams) => unknown;
    const watched = (sql: string, params?: SqlParams): unknown => {
      seen.set(sql, { sql, params });
      return params === undefined ? original(sql) : original(sql, params);
    };
    Object.assign(db, { [how]: watched });
  }
  return () => [...seen.values()];
}

/** A generation holds as many deliveries as the journal has events. */
const WHOLE =
  /^(?:SCAN (?!CONSTANT|\d)(?=(\w+))|SEARCH (?=(\w+) USING PRIMARY KEY \(gen_id=\?\)$))/;

/** The steps of SQLite's plan for a statement that read a whole table, index or generation, as `table: step`. */
export function wholeScans(db: Db, { sql, params }: Watched): readonly string[] {
  if (!/^\s*(?:SELECT|INSERT|UPDATE|DELETE|WITH)\b/.test(sql)) return [];
  const explain = `EXPLAIN QUERY PLAN ${sql}`;
  const steps = params === undefined ? db.all<Step>(explain) : db.all<Step>(explain, params);
  return steps.flatMap(({ detail }) => {
    const [, scanned, searched] = WHOLE.exec(detail) ?? [];
    const name = scanned ?? searched;
    return name === undefined || isSkipped(name, sql) ? [] : [`${tableOf(name, sql)}: ${detail}`];
  });
}

/**
 * A new row could only mend what is wrong with its foreign keys: SQLite plans to look through the tables that
 * refer to it and skips that while nothing is wrong (opcode FkIfZero).
 */
function isSkipped(name: string, sql: string): boolean {
  return /^\s*INSERT\b/.test(sql) && !new RegExp(`\\b${name}\\b`).test(sql);
}

interface Step {
  readonly detail: string;
}

/** The table behind an alias. */
function tableOf(name: string, sql: string): string {
  const named = /\b(?:FROM|JOIN|UPDATE|INTO)\s+(\w+)(?:\([^)]*\))?(?:\s+(?:AS\s+)?(\w+))?/gi;
  const found = [...sql.matchAll(named)].find(([, , alias]) => alias === name);
  return found?.[1] ?? name;
}
