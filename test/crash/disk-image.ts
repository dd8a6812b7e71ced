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

/** A name that appears (with the file behind it) or goes. */
interface Naming {
  readonly set: readonly (readonly [path: string, node: number | null])[];
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

/** Follows a log. @param root was there, durably, before it began. */
export function followDisk(steps: readonly Step[], root: string): Disk {
  const nodes: Node[] = [];
  const names = new Map<string, number>();
  const namings: (Change<Naming> & { readonly directory: string })[] = [];
  const acks: { readonly at: number; readonly n: number }[] = [];
  const add = (isDirectory: boolean): number => nodes.push({ isDirectory, data: [], size: 0, largest: 0 }) - 1;
  const rename = (at: number, directory: string, set: Naming['set']): void => {
    for (const [name, node] of set) {
      if (node === null) names.delete(name);
      else names.set(name, node);
    }
    namings.push({ at, certainAt: Number.POSITIVE_INFINITY, change: { set }, directory });
  };
  names.set(root, add(true));
  for (const [at, step] of steps.entries()) {
    if (step.kind === 'ack') {
      acks.push({ at, n: step.n });
      continue;
    }
    const known = names.get(step.path);
    const directory = path.dirname(step.path);
    switch (step.kind) {
      case 'create':
      case 'mkdir':
        if (known === undefined) rename(at, directory, [[step.path, add(step.kind === 'mkdir')]]);
        break;
      case 'unlink':
        rename(at, directory, [[step.path, null]]);
        break;
      case 'link':
        rename(at, directory, [[step.to, known ?? add(false)]]);
        break;
      case 'rename':
        rename(at, directory, [
          [step.to, known ?? add(false)],
          [step.path, null],
        ]);
        break;
      case 'sync':
        for (const each of [...(nodes[known ?? -1]?.data ?? []), ...namings]) {
          const isMeant = !('directory' in each) || each.directory === step.path;
          if (isMeant) each.certainAt = Math.min(each.certainAt, at);
        }
        break;
      default:
        addData(nodes[known ?? -1], at, step);
    }
  }
  return {
    length: steps.length,
    ackedBefore: (cut) => acks.filter((ack) => ack.at < cut).map((ack) => ack.n),
    behindAcks: acks.map((ack) => ack.at + 1),
    beforeFlushes: [...steps.entries()].filter(([, step]) => step.kind === 'sync').map(([at]) => at),
    writeImage: (into, cut, dice) => {
      const keeps = createChooser(dice, cut);
      const present = new Map([[root, 0]]);
      for (const naming of namings) {
        if (naming.at < cut && (naming.certainAt < cut || keeps.whole(naming.at))) {
          for (const [name, node] of naming.change.set) {
            if (node === null) present.delete(name);
            else present.set(name, node);
          }
        }
      }
      writeFiles(into, root, present, (node) => contentOf(nodes[node], cut, keeps));
    },
  };
}

function addData(node: Node | undefined, at: number, step: Extract<Step, { kind: 'write' | 'truncate' }>): void {
  if (node === undefined) return;
  const change: Data =
    step.kind === 'write'
      ? { kind: 'write', from: step.at ?? node.size, bytes: step.bytes }
      : { kind: 'truncate', size: step.size };
  node.size = change.kind === 'write' ? Math.max(node.size, change.from + change.bytes.length) : change.size;
  node.largest = Math.max(node.largest, node.size);
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
