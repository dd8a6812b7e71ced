import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Dice } from '../sim/dice.ts';
import type { Step } from './disk-log.ts';

// What a disk may hold after the power failed. Certain is only what was flushed: the bytes of a file by a flush of
// that file, a name by a flush of the directory it stands in. Of everything else any part may be there, in any
// order, a write torn at sectors of 512 bytes. Names are changed whole, as every journalling file system does.

const SECTOR = 512;

type Data =
  | { readonly kind: 'write'; readonly from: number; readonly bytes: Buffer }
  | { readonly kind: 'truncate'; readonly size: number };

/** Names that appear, with the file behind them, or go: all of it or nothing. */
type Naming = readonly (readonly [path: string, node: number | null])[];

/** A change, its place in the log, and the place at which it became certain. */
interface Change<T> {
  readonly at: number;
  certainAt: number;
  readonly change: T;
}

interface Node {
  readonly isDirectory: boolean;
  readonly data: Change<Data>[];
  size: number;
  largest: number;
}

/** The history of a disk below one directory. */
export interface Disk {
  readonly length: number;
  /** Numbers that were acknowledged before a place in the log. */
  ackedBefore(cut: number): readonly number[];
  /** The hardest places: right behind an acknowledgement, and right before a flush. */
  readonly behindAcks: readonly number[];
  readonly beforeFlushes: readonly number[];
  /** Writes what may be there when the power fails at `cut`, the directory `root` lying at `into`. */
  writeImage(into: string, cut: number, dice: Dice): void;
}

/** What a log adds up to. */
interface History {
  readonly nodes: Node[];
  /** The names as a process sees them. */
  readonly names: Map<string, number>;
  readonly namings: (Change<Naming> & { readonly directory: string })[];
}

/** Follows a log. @param root was there, durably, before it began. */
export function followDisk(steps: readonly Step[], root: string): Disk {
  const history: History = { nodes: [], names: new Map(), namings: [] };
  history.names.set(root, addNode(history, true));
  const acks: { readonly at: number; readonly n: number }[] = [];
  for (const [at, step] of steps.entries()) {
    if (step.kind === 'ack') acks.push({ at, n: step.n });
    else follow(history, at, step);
  }
  return {
    length: steps.length,
    ackedBefore: (cut) => acks.filter((ack) => ack.at < cut).map((ack) => ack.n),
    behindAcks: acks.map((ack) => ack.at + 1),
    beforeFlushes: [...steps.entries()]
      .filter(([, step]) => step.kind === 'sync')
      .map(([at]) => at),
    writeImage: (into, cut, dice) => {
      const keeps = createChooser(dice, cut);
      const present = presentAt(history, root, cut, keeps);
      writeFiles(into, root, present, (node) => contentOf(history.nodes[node], cut, keeps));
    },
  };
}

function follow(history: History, at: number, step: Exclude<Step, { kind: 'ack' }>): void {
  if (step.kind === 'write' || step.kind === 'truncate') {
    addData(history.nodes[history.names.get(step.path) ?? -1], at, step);
  } else if (step.kind === 'sync') {
    settleAll(history, at, step.path);
  } else {
    const naming = namingOf(history, step);
    if (naming.length > 0) addNaming(history, at, naming);
  }
}

function namingOf(
  history: History,
  step: Extract<Step, { kind: 'create' | 'mkdir' | 'unlink' | 'link' | 'rename' }>,
): Naming {
  const known = history.names.get(step.path);
  switch (step.kind) {
    case 'unlink':
      return [[step.path, null]];
    case 'link':
      return known === undefined ? [] : [[step.to, known]];
    case 'rename':
      if (known === undefined) return [];
      return [
        [step.to, known],
        [step.path, null],
      ];
    default:
      // Whoever opens a file that is there makes no name.
      return known === undefined ? [[step.path, addNode(history, step.kind === 'mkdir')]] : [];
  }
}

/** A flush of a file makes its bytes certain, a flush of a directory the names in it. */
function settleAll({ nodes, names, namings }: History, at: number, flushed: string): void {
  const inside = namings.filter((naming) => naming.directory === flushed);
  for (const change of [...(nodes[names.get(flushed) ?? -1]?.data ?? []), ...inside]) {
    Object.assign(change, { certainAt: Math.min(change.certainAt, at) });
  }
}

function addNode({ nodes }: History, isDirectory: boolean): number {
  return nodes.push({ isDirectory, data: [], size: 0, largest: 0 }) - 1;
}

function addNaming({ names, namings }: History, at: number, change: Naming): void {
  for (const [file, node] of change) {
    if (node === null) names.delete(file);
    else names.set(file, node);
  }
  const directory = path.dirname(change[0]?.[0] ?? '');
  namings.push({ at, certainAt: Number.POSITIVE_INFINITY, change, directory });
}

function addData(
  node: Node | undefined,
  at: number,
  step: Extract<Step, { kind: 'write' | 'truncate' }>,
): void {
  if (node === undefined) return;
  const change: Data =
    step.kind === 'write'
      ? { kind: 'write', from: step.at ?? node.size, bytes: step.bytes }
      : { kind: 'truncate', size: step.size };
  const size =
    change.kind === 'write' ? Math.max(node.size, change.from + change.bytes.length) : change.size;
  Object.assign(node, { size, largest: Math.max(node.largest, size) });
  node.data.push({ at, certainAt: Number.POSITIVE_INFINITY, change });
}

/** Which uncertain changes are there. */
interface Chooser {
  whole(at: number): boolean;
  sector(at: number): boolean;
}

/** One of the ways in which a cache may have been emptied: not at all, wholly, in order, late ones first, anyhow. */
function createChooser(dice: Dice, cut: number): Chooser {
  const border = dice.below(cut + 1);
  const probability = dice.pick([0.1, 0.5, 0.9]);
  const some = (): boolean => dice.chance(probability);
  const always = (): boolean => true;
  const never = (): boolean => false;
  return dice.weigh<Chooser>([
    [1, { whole: never, sector: never }],
    [1, { whole: always, sector: always }],
    [1, { whole: (at) => at < border, sector: (at) => at < border }],
    [1, { whole: (at) => at >= border, sector: (at) => at >= border }],
    [1, { whole: always, sector: never }],
    [1, { whole: never, sector: always }],
    [3, { whole: some, sector: some }],
  ]);
}

/** The names that are there, each with its file. */
function presentAt(
  { namings }: History,
  root: string,
  cut: number,
  keeps: Chooser,
): ReadonlyMap<string, number> {
  const present = new Map([[root, 0]]);
  for (const { at, certainAt, change } of namings) {
    if (at >= cut || (certainAt >= cut && !keeps.whole(at))) continue;
    for (const [file, node] of change) {
      if (node === null) present.delete(file);
      else present.set(file, node);
    }
  }
  return present;
}

function contentOf(node: Node | undefined, cut: number, keeps: Chooser): Buffer | null {
  if (node === undefined || node.isDirectory) return null;
  const content = Buffer.alloc(node.largest);
  let size = 0;
  for (const { at, certainAt, change } of node.data) {
    if (at >= cut) break;
    const isCertain = certainAt < cut;
    if (change.kind === 'truncate') {
      if (!isCertain && !keeps.whole(at)) continue;
      content.fill(0, change.size);
      ({ size } = change);
      continue;
    }
    for (let from = 0; from < change.bytes.length; ) {
      const start = change.from + from;
      const to = Math.min(change.bytes.length, from + SECTOR - (start % SECTOR));
      if (isCertain || keeps.sector(at)) {
        change.bytes.copy(content, start, from, to);
        size = Math.max(size, change.from + to);
      }
      from = to;
    }
  }
  return content.subarray(0, size);
}

/** A name whose directory is not there is not there either. */
function writeFiles(
  into: string,
  root: string,
  present: ReadonlyMap<string, number>,
  contentAt: (node: number) => Buffer | null,
): void {
  const made = new Set<string>();
  for (const [name, node] of [...present].sort(([a], [b]) => a.length - b.length)) {
    if (name !== root && !made.has(path.dirname(name))) continue;
    const target = path.join(into, path.relative(root, name));
    const content = contentAt(node);
    if (content === null) {
      mkdirSync(target, { recursive: true });
      made.add(name);
    } else if (!name.endsWith('-shm')) {
      writeFileSync(target, content);
    }
  }
}
