/** The `project` section of `.kittify/config.yaml`; a part that is absent, blank or null is null. */
export interface Identity {
  readonly uuid: string | null;
  readonly slug: string | null;
  readonly nodeId: string | null;
  readonly repoSlug: string | null;
}

export const NO_IDENTITY: Identity = { uuid: null, slug: null, nodeId: null, repoSlug: null };

/**
 * Reads the identity from a file of the plain shape that every program's writer produces: block mappings and
 * lists of one-line scalars. Null means "not that plain", never "wrong": then the YAML library has to read it.
 * It exists because loading that library costs more than a whole capture.
 */
export function readPlainIdentity(text: string): Identity | null {
  const lines = readLines(text);
  if (lines === null || !isWellNested(lines)) return null;
  const at = lines.findIndex((line) => line.indent === 0 && line.key === 'project');
  if (at === -1) return NO_IDENTITY;
  if (lines[at]?.value.kind !== 'empty') return null;
  const values = readSection(lines.slice(at + 1));
  return values === null ? null : identityFrom((key) => values.get(key) ?? null);
}

/** Picks the four parts; a blank text counts as absent. */
export function identityFrom(valueOf: (key: string) => string | null): Identity {
  const part = (key: string): string | null => {
    const value = valueOf(key);
    return value === null || value.trim() === '' ? null : value;
  };
  return {
    uuid: part('uuid'),
    slug: part('slug'),
    nodeId: part('node_id'),
    repoSlug: part('repo_slug'),
  };
}

type Value =
  | { readonly kind: 'empty' }
  | { readonly kind: 'scalar'; readonly text: string | null }
  | { readonly kind: 'collection' };

interface Line {
  readonly indent: number;
  /** Null for an item of a list. */
  readonly key: string | null;
  readonly value: Value;
}

/** Keys that must hold a scalar, and the section itself, which must not be a list. */
const PARTS: ReadonlySet<string> = new Set(['project', 'uuid', 'slug', 'node_id', 'repo_slug']);
const MAX_LINES = 2_000;
/** Longer lines are left to the library, which keeps the patterns below linear. */
const MAX_COLUMNS = 500;
const IGNORED = /^ *(?:#.*)?$/;
const KEYED = /^( *)([A-Za-z_][\w.-]*):(?: +(\S.*?))? *$/;
const ITEM = /^( *)- +(\S.*?) *$/;
const WORDS_WITH_MEANING = /^(?:~|null|true|false)$/i;
const NULLS: ReadonlySet<string> = new Set(['~', 'null', 'Null', 'NULL']);
const QUOTED = /^(?:"[^"\\]*"|'[^']*')$/;
const PLAIN = /^[\p{L}\p{N}_./~+](?:[\p{L}\p{N}_./~+@%,()=:-]| (?=[^ #]))*$/u;

function readLines(text: string): readonly Line[] | null {
  const rows = text.split(/\r?\n/, MAX_LINES + 1);
  if (rows.length > MAX_LINES) return null;
  const lines: Line[] = [];
  for (const row of rows) {
    if (row.length > MAX_COLUMNS) return null;
    if (IGNORED.test(row)) continue;
    const line = readLine(row);
    if (line === null) return null;
    lines.push(line);
  }
  return lines;
}

function readLine(row: string): Line | null {
  const item = ITEM.exec(row);
  const [, spaces = '', key = null, text = ''] = item === null ? (KEYED.exec(row) ?? []) : [];
  if (item !== null) {
    const value = readValue(item[2] ?? '');
    return value === null ? null : { indent: (item[1] ?? '').length, key: null, value };
  }
  if (key === null || WORDS_WITH_MEANING.test(key)) return null;
  const value = readValue(text);
  return value === null ? null : { indent: spaces.length, key, value };
}

function readValue(text: string): Value | null {
  if (text === '') return { kind: 'empty' };
  if (text === '[]' || text === '{}') return { kind: 'collection' };
  if (QUOTED.test(text)) return { kind: 'scalar', text: text.slice(1, -1) };
  if (!PLAIN.test(text) || text.includes(': ') || text.endsWith(':')) return null;
  return { kind: 'scalar', text: NULLS.has(text) ? null : text };
}

/** The scalars directly below `project`; null when one of them, or the section, is something else. */
function readSection(below: readonly Line[]): ReadonlyMap<string, string | null> | null {
  const values = new Map<string, string | null>();
  const depth = below[0]?.indent ?? 0;
  let parent = 'project';
  for (const line of below) {
    if (line.indent === 0 && line.key !== null) break;
    if (line.key === null || line.indent !== depth) {
      if (PARTS.has(parent)) return null;
      continue;
    }
    if (PARTS.has(line.key) && line.value.kind === 'collection') return null;
    values.set(line.key, line.value.kind === 'scalar' ? line.value.text : null);
    parent = line.key;
  }
  return values;
}

/** One open mapping or list while walking down the lines. */
interface Level {
  readonly indent: number;
  readonly keys: Set<string> | null;
}

/** Whether the indentation alone makes this the YAML that `readPlainIdentity` takes it for. */
function isWellNested(lines: readonly Line[]): boolean {
  const levels: Level[] = [];
  let previous: Line | null = null;
  for (const line of lines) {
    if (!enterLevel(levels, line, previous)) return false;
    const keys = levels.at(-1)?.keys ?? null;
    if (line.key !== null) {
      if (keys === null || keys.has(line.key)) return false;
      keys.add(line.key);
    }
    previous = line;
  }
  return true;
}

/** Makes the level of `line` the last one; false when YAML would not nest it there. */
function enterLevel(levels: Level[], line: Line, previous: Line | null): boolean {
  const keys = line.key === null ? null : new Set<string>();
  if (previous === null) {
    levels.push({ indent: line.indent, keys });
    return line.indent === 0 && keys !== null;
  }
  const opens = previous.key !== null && previous.value.kind === 'empty';
  // A list may stand as deep as the key that it belongs to.
  const deeper = line.key === null ? line.indent >= previous.indent : line.indent > previous.indent;
  if (opens && deeper) {
    levels.push({ indent: line.indent, keys });
    return true;
  }
  while (levels.length > 0 && !isAt(levels.at(-1), line)) levels.pop();
  return levels.length > 0 && line.indent <= previous.indent;
}

function isAt(level: Level | undefined, line: Line): boolean {
  return level?.indent === line.indent && (level.keys === null) === (line.key === null);
}
