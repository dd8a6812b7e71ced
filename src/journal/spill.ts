import path from 'node:path';
import { sha256Hex, type Files, type Millis } from '../base/index.ts';
import type { Home, SpillMark } from '../home/index.ts';
import {
  asObject,
  asText,
  member,
  parseEnvelope,
  parseJson,
  type JsonObject,
  type ProjectId,
} from '../wire/index.ts';
import { ORIGINS, type Fact } from './append.ts';
import { countableLamport } from './head.ts';

/** Facts that were kept beside the store because it could not be written in time. */
export interface Spilled {
  /** Real path of the checkout they were captured in. */
  readonly checkoutPath: string;
  readonly capturedAt: Millis;
  readonly facts: readonly Fact[];
}

/** What lies beside a store. */
export interface SpillStatus {
  readonly files: number;
  readonly events: number;
  /** Files that were torn or changed; kept under another name, never taken in. */
  readonly corrupt: number;
}

const SUFFIX = '.ndjson';
const CORRUPT_SUFFIX = '.corrupt';
const WALL_DIGITS = 15;
const COUNT_DIGITS = 6;
const FORMAT = 1;
const TEMPORARY_SUFFIX = '.tmp';
/** No file takes as long to write; a temporary one of this age was left by a process that died. */
const ABANDONED_MS = 3_600_000;
/** A header holds one path and some numbers. */
const MAX_HEADER_BYTES = 65_536;
const MAX_FILE_BYTES = 1_073_741_824;
/** A line holds an envelope as JSON text, where control characters grow six-fold. */
const LINE_LIMITS = { maxBytes: 6 * 524_288 + 4_096 };

/** The spill files of a project, oldest first. */
export function listSpill(home: Home, projectId: ProjectId): readonly string[] {
  const directory = home.paths.spillDir(projectId);
  return home.system.files
    .list(directory)
    .filter((name) => name.endsWith(SUFFIX))
    .map((name) => path.join(directory, name));
}

/** How much lies beside a store; headers are read, facts are not. */
export function readSpillStatus(home: Home, projectId: ProjectId): SpillStatus {
  const { files } = home.system;
  const waiting = listSpill(home, projectId);
  const names = files.list(home.paths.spillDir(projectId));
  return {
    files: waiting.length,
    events: waiting.reduce((sum, file) => sum + countIn(files, file), 0),
    corrupt: names.filter((name) => name.endsWith(CORRUPT_SUFFIX)).length,
  };
}

/**
 * Keeps facts in a file of their own: temporary file, flush, rename, flush of the directory. Names sort in the
 * order of writing, and never before a file that is there already.
 */
export function writeSpill(
  home: Home,
  projectId: ProjectId,
  spilled: Spilled,
  last: SpillMark = lastSpill(home, projectId),
): void {
  const { files, faults, host } = home.system;
  const directory = home.paths.spillDir(projectId);
  files.makeDir(directory);
  const lamport = spilled.facts.reduce(highestLamport, last.lamport);
  const body = spilled.facts.map(lineOf).join('');
  const header = JSON.stringify({
    format: FORMAT,
    project_uuid: projectId,
    checkout: spilled.checkoutPath,
    captured_at: spilled.capturedAt,
    lamport,
    count: spilled.facts.length,
    sha256: sha256Hex(body),
  });
  const wall = Math.max(spilled.capturedAt, last.wall + 1);
  const node = sha256Hex(`${host.name}:${host.user}`).slice(0, 12);
  const stem = `${String(wall).padStart(WALL_DIGITS, '0')}-${node}-${host.pid}`;
  faults.at('spill.write');
  for (let n = 0; ; n += 1) {
    const name = `${stem}-${String(n).padStart(COUNT_DIGITS, '0')}${SUFFIX}`;
    if (files.create(path.join(directory, name), `${header}\n${body}`)) break;
  }
  home.spillMarks.set(projectId, { wall, lamport });
  faults.at('spill.done');
}

/**
 * What was spilled last, by this process or else by any: zeros when there is nothing. The directory is looked at
 * once, because with thousands of files and many processes that takes longer than everything else.
 */
export function lastSpill(home: Home, projectId: ProjectId): SpillMark {
  const mark = home.spillMarks.get(projectId);
  if (mark !== undefined) return mark;
  const last = listSpill(home, projectId).at(-1);
  if (last === undefined) return { wall: 0, lamport: 0 };
  const wall = Number(path.basename(last).slice(0, WALL_DIGITS));
  const header = headerOf(home.system.files, last);
  const lamport = header === null ? null : member(header, 'lamport');
  return {
    wall: Number.isSafeInteger(wall) ? wall : 0,
    lamport: typeof lamport === 'number' ? lamport : 0,
  };
}

/**
 * The facts of a project's spill file; null when it is torn, was changed or is another project's, 'absent' when
 * another process took it in, 'unreadable' when the system does not give it out now.
 */
export function readSpill(
  files: Files,
  file: string,
  projectId: ProjectId,
): Spilled | 'absent' | 'unreadable' | null {
  const read = files.readInside(path.dirname(file), file, MAX_FILE_BYTES);
  if (!read.ok)
    return read.reason === 'absent' || read.reason === 'unreadable' ? read.reason : null;
  const text = read.bytes.toString('utf8');
  const end = text.indexOf('\n');
  const header = end === -1 ? null : objectOf(text.slice(0, end));
  const body = text.slice(end + 1);
  if (header === null || asText(member(header, 'sha256')) !== sha256Hex(body)) return null;
  const checkoutPath = asText(member(header, 'checkout'));
  const capturedAt = member(header, 'captured_at');
  const facts = body.split('\n').slice(0, -1).map(factOf);
  const isOwn = (fact: Fact | null): fact is Fact => fact?.event.envelope.projectUuid === projectId;
  const own = facts.filter(isOwn);
  if (checkoutPath === null || typeof capturedAt !== 'number') return null;
  if (!Number.isSafeInteger(capturedAt)) return null;
  if (own.length !== facts.length || own.length !== member(header, 'count')) return null;
  return { checkoutPath, capturedAt, facts: own };
}

/**
 * The whole lines of a file that was cut off before its end. None of one that is as long as it was: then bytes of it
 * changed, and nobody knows which.
 */
export function readWholeLines(files: Files, file: string, projectId: ProjectId): readonly Fact[] {
  const read = files.readInside(path.dirname(file), file, MAX_FILE_BYTES);
  if (!read.ok) return [];
  const lines = read.bytes.toString('utf8').split('\n');
  const header = objectOf(lines[0] ?? '');
  const count = header === null ? null : member(header, 'count');
  const whole = lines.slice(1, -1);
  if (typeof count !== 'number' || whole.length >= count) return [];
  const facts = whole.map(factOf).filter((fact) => fact !== null);
  return facts.filter(({ event }) => event.envelope.projectUuid === projectId);
}

function highestLamport(highest: number, fact: Fact): number {
  return Math.max(highest, countableLamport(fact.event.envelope.lamportClock));
}

/** Puts a file that cannot be trusted aside, where nothing takes it in and nothing deletes it. */
export function setAside(files: Files, file: string): void {
  files.rename(file, `${file}${CORRUPT_SUFFIX}`);
}

/** Removes temporary files of processes that died while they wrote. */
export function sweepSpill(home: Home, projectId: ProjectId): void {
  const { files, clock } = home.system;
  const directory = home.paths.spillDir(projectId);
  for (const name of files.list(directory)) {
    if (!name.endsWith(TEMPORARY_SUFFIX)) continue;
    const file = path.join(directory, name);
    const writtenAt = files.stat(file)?.modifiedAt ?? Number.POSITIVE_INFINITY;
    if (clock.now() - writtenAt > ABANDONED_MS) files.remove(file);
  }
}

function lineOf(fact: Fact): string {
  const envelope = Buffer.from(fact.event.bytes).toString('utf8');
  return `${JSON.stringify({ origin: fact.origin, envelope })}\n`;
}

function factOf(line: string): Fact | null {
  const entry = objectOf(line);
  const origin = ORIGINS.find((each) => entry !== null && each === member(entry, 'origin'));
  const text = entry === null ? null : asText(member(entry, 'envelope'));
  if (origin === undefined || text === null) return null;
  const parsed = parseEnvelope(Buffer.from(text));
  return parsed.ok ? { event: parsed.value, origin, source: null } : null;
}

function objectOf(line: string): JsonObject | null {
  const parsed = parseJson(Buffer.from(line), LINE_LIMITS);
  return parsed.ok ? asObject(parsed.value) : null;
}

function countIn(files: Files, file: string): number {
  const header = headerOf(files, file);
  const count = header === null ? null : member(header, 'count');
  return typeof count === 'number' ? count : 0;
}

function headerOf(files: Files, file: string): JsonObject | null {
  const text = files.readStart(file, MAX_HEADER_BYTES)?.toString('utf8') ?? '';
  return objectOf(text.slice(0, Math.max(text.indexOf('\n'), 0)));
}
