import path from 'node:path';
import { UserError } from '../base/index.ts';
import type { Home } from '../home/index.ts';

/** A database that the earlier program left behind. */
export interface Source {
  /** Real path: two names of one file are one source. */
  readonly path: string;
  readonly kind: 'queue' | 'journal' | 'ledger';
  /** The digest or token in its name, `legacy` for the queue without one: what reports call it. */
  readonly digest: string;
  /** The name it was found by, where that is a link; null otherwise. */
  readonly link: string | null;
}

export interface Discovery {
  /** In the order in which they are read: the first content of an id is the one that stays. */
  readonly sources: readonly Source[];
  /** Files between them whose names say nothing to us. */
  readonly unknown: readonly string[];
}

/** Digest of the one queue that has none in its name. */
const LEGACY = 'legacy';
const QUEUE = /^queue-([0-9a-f]+)\.db$/;
const JOURNAL = /^journal-(.+)\.db$/;
const LEDGER = 'ledger.db';
const TARGETS = 'targets.db';
/** What belongs to a database, and databases that were put aside. */
const BESIDE = /\.db-(?:wal|shm|journal)$|\.db\.(?:imported|unreadable)-/;

/**
 * Finds the databases of the earlier program (disk contract 1.2) in this home and where `named` points: files of any
 * name, or other homes. Nothing is opened.
 * @throws UserError `not_found` for a name that leads nowhere.
 */
export function discoverSources(home: Home, named: readonly string[]): Discovery {
  const found = new Map<string, Source>();
  const unknown: string[] = [];
  const look = { home, found, unknown };
  lookInto(look, home.paths.root);
  for (const each of named) {
    const file = path.resolve(home.system.cwd, each);
    const { files } = home.system;
    if (files.lstat(file) === null) {
      throw new UserError('not_found', `there is no ${file}`, {
        remedy: 'spec-kitty sync migrate --dry-run',
      });
    }
    if (files.stat(file)?.kind === 'directory') lookInto(look, file);
    else add(look, file, ofName(path.basename(file)) ?? { kind: 'queue', digest: 'named' });
  }
  return { sources: [...found.values()], unknown };
}

interface Look {
  readonly home: Home;
  readonly found: Map<string, Source>;
  readonly unknown: string[];
}

type Name = Pick<Source, 'kind' | 'digest'>;

function lookInto(look: Look, root: string): void {
  const legacy = path.join(root, 'queue.db');
  if (look.home.system.files.lstat(legacy) !== null) add(look, legacy, ofName('queue.db'));
  listInto(look, path.join(root, 'queues'), 'queue');
  listInto(look, path.join(root, 'event_journal'), 'journal');
  listInto(look, path.join(root, 'delivery'), 'ledger');
}

function listInto(look: Look, directory: string, kind: Source['kind']): void {
  for (const name of look.home.system.files.list(directory)) {
    if (BESIDE.test(name) || (kind === 'ledger' && name === TARGETS)) continue;
    const known = ofName(name);
    const file = path.join(directory, name);
    if (known?.kind === kind) add(look, file, known);
    else look.unknown.push(file);
  }
}

function ofName(name: string): Name | null {
  if (name === 'queue.db') return { kind: 'queue', digest: LEGACY };
  if (name === LEDGER) return { kind: 'ledger', digest: 'ledger' };
  const queue = QUEUE.exec(name)?.[1];
  if (queue !== undefined) return { kind: 'queue', digest: queue };
  const journal = JOURNAL.exec(name)?.[1];
  return journal === undefined ? null : { kind: 'journal', digest: journal };
}

function add({ home, found }: Look, file: string, name: Name | null): void {
  if (name === null) return;
  const { files } = home.system;
  const leadsSomewhere = files.stat(file) !== null;
  const real = leadsSomewhere ? files.realpath(file) : file;
  if (found.has(real)) return;
  const link = files.lstat(file)?.kind === 'symlink' ? file : null;
  found.set(real, { path: real, ...name, link });
}
