import { lineAt } from './scan.ts';
import { productOf, type Complaint, type Project, type Source } from './project.ts';

const CREATE = /\bCREATE TABLE (?:IF NOT EXISTS )?(\w+)/g;
const WRITE =
  /\b(?:(?:INSERT|REPLACE)(?: OR [A-Z]+)? INTO|UPDATE(?: OR [A-Z]+)?|DELETE FROM)\s+([a-z_]\w*)/g;

/** They spoil homes that were made for that: faults are what no room would do to its own tables. */
const SPOILERS = /^src\/cli\/doctor\/(?:sending-)?faults\.ts$/;

/** Tables of different databases may share a name: the server's are its own. */
type House = 'server' | 'client';

/** The first lines of a migration name its owner, and whether an older program may go on. */
export function migrationsNameTheirOwner(project: Project): readonly Complaint[] {
  return migrationsOf(project).flatMap(([file, text]) => [
    ...(/^-- owner: [a-z]+\n/.test(text)
      ? []
      : [`${file}: the first line is not \`-- owner: <room>\``]),
    ...(/^-- breaking: (?:yes|no)$/m.test(text)
      ? []
      : [`${file}: no line \`-- breaking: yes|no\``]),
  ]);
}

/** Only the room that owns a table writes to it. */
export function tablesAreWrittenByTheirOwner(project: Project): readonly Complaint[] {
  const owners = ownersOf(project);
  const sources = productOf(project).filter(({ path }) => !SPOILERS.test(path));
  return sources.flatMap((source) =>
    [...source.strings.matchAll(WRITE)].flatMap((found) => {
      const table = found[1] ?? '';
      const owner = owners.get(`${houseOf(source.path)}.${table}`);
      const where = `${source.path}:${lineAt(source.text, found.index)}`;
      if (owner === undefined) return [`${where}: writes ${table}, which no migration creates`];
      if (owner === source.room) return [];
      return [`${where}: writes ${table}, which belongs to ${owner}: call a function of ${owner}`];
    }),
  );
}

function ownersOf(project: Project): ReadonlyMap<string, string> {
  const inMigrations = migrationsOf(project).flatMap(([file, text]) => {
    const owner = /^-- owner: ([a-z]+)/.exec(text)?.[1] ?? 'nobody';
    return tablesIn(text).map((table) => [`${houseOf(file)}.${table}`, owner] as const);
  });
  const inSources = productOf(project).flatMap((source: Source) =>
    tablesIn(source.strings).map(
      (table) => [`${houseOf(source.path)}.${table}`, source.room ?? 'nobody'] as const,
    ),
  );
  return new Map([...inSources, ...inMigrations]);
}

function tablesIn(sql: string): readonly string[] {
  return [...sql.matchAll(CREATE)].map((found) => found[1] ?? '');
}

function migrationsOf(project: Project): readonly (readonly [string, string])[] {
  return [...project.texts].filter(([file]) => /^src\/.*\.sql$/.test(file));
}

function houseOf(file: string): House {
  return file.startsWith('src/server/') ? 'server' : 'client';
}
