import { EXIT, printable, UserError } from '../base/index.ts';
import { findProject, type CaptureRules, type Project } from '../home/index.ts';
import {
  addTallies,
  NOTHING_DISCARDED,
  record,
  tallyOptOut,
  type Fact,
  type Kept,
  type OptOutTally,
} from '../journal/index.ts';
import {
  MAX_EVENT_BYTES,
  parseEnvelope,
  type Issue,
  type ParsedEnvelope,
  type ProjectId,
} from '../wire/index.ts';
import type { Answer } from './answer.ts';
import { readChunks, splitLines, type InputLine } from './input.ts';
import type { Context } from './io.ts';
import { optOutJson, optOutLines } from './render/opt-out.ts';

const GROUP = 1_000;
const MAX_LISTED = 100;
/** Space, tab, line feed, carriage return: JSON's white space. */
const BLANKS: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);

interface Refused {
  readonly line: number;
  readonly pointer: string;
  readonly rule: string;
  readonly message: string;
}

interface Totals {
  captured: number;
  /** Kept beside a store that could not be written. */
  spilled: number;
  known: number;
  conflicts: number;
  /** Dropped, as the mode OPT_OUT says. */
  discarded: number;
  optOut: OptOutTally;
  refused: number;
  readonly listed: Refused[];
  readonly conflicting: string[];
}

/**
 * `emit --envelope`: one envelope, or one a line, recorded as the bytes they are. A refused line is reported with
 * its JSON pointer and nothing of it is stored; the others are, a thousand in one transaction.
 */
export async function captureEnvelopes(context: Context, name: string): Promise<Answer> {
  const project = await findProject(context.system);
  const totals: Totals = {
    captured: 0,
    spilled: 0,
    known: 0,
    conflicts: 0,
    discarded: 0,
    optOut: NOTHING_DISCARDED,
    refused: 0,
    listed: [],
    conflicting: [],
  };
  const rules = await context.home.captureRules();
  let group: Fact[] = [];
  const flush = (): void => {
    if (group.length > 0) count(keep({ context, project, rules }, group, totals), totals);
    group = [];
  };
  for await (const line of documents(readChunks(context, name))) {
    if (isBlank(line)) continue;
    const event = read(line, project.id);
    if ('rule' in event) refuse(totals, event);
    else group.push({ event, origin: 'envelope', source: null });
    if (group.length === GROUP) flush();
  }
  flush();
  return answer(totals);
}

interface Into {
  readonly context: Context;
  readonly project: Project;
  readonly rules: CaptureRules;
}

/** Records a group; a failure names what earlier groups kept, so that nobody takes those for lost. */
function keep(
  { context, project, rules }: Into,
  group: readonly Fact[],
  { captured, spilled, known }: Totals,
): readonly Kept[] {
  try {
    return record(context.home, project, group, rules);
  } catch (error) {
    const kept = captured + spilled + known;
    if (!(error instanceof UserError) || error.code !== 'capture_failed' || kept === 0) throw error;
    throw new UserError(
      'capture_failed',
      `${captured + spilled} event(s) were recorded before this and are kept, ${known} were known; of the rest, ${error.message}`,
      {
        remedy: error.remedy,
        exitCode: error.exitCode,
        details: { captured, spilled, known },
        cause: error,
      },
    );
  }
}

/**
 * The documents of an input: its lines, or the whole of it when its first line is not a value of its own, as in
 * a single envelope that is written over several lines.
 */
async function* documents(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<InputLine> {
  let held: InputLine[] | null = [];
  let heldBytes = 0;
  for await (const line of splitLines(chunks, MAX_EVENT_BYTES)) {
    if (held !== null) {
      held.push(line);
      heldBytes += line.bytes?.length ?? MAX_EVENT_BYTES;
      const startsWhole = held.length === 1 && startsComplete(line);
      if (!startsWhole && heldBytes < MAX_EVENT_BYTES) continue;
      yield* held;
      held = null;
    } else {
      yield line;
    }
  }
  if (held !== null) yield* joined(held);
}

function startsComplete(line: InputLine): boolean {
  return line.bytes !== null && parseEnvelope(line.bytes).ok;
}

/** Lines that may be one document: tried as a whole, else each for itself. */
function joined(held: readonly InputLine[]): readonly InputLine[] {
  const parts = held.flatMap((line) =>
    line.bytes === null ? [] : [line.bytes, Buffer.from('\n')],
  );
  const bytes = Buffer.concat(parts);
  return parseEnvelope(bytes).ok ? [{ number: 1, bytes }] : held;
}

function isBlank(line: InputLine): boolean {
  return line.bytes !== null && line.bytes.every((byte) => BLANKS.has(byte));
}

function read(line: InputLine, projectId: ProjectId): ParsedEnvelope | Refused {
  if (line.bytes === null) {
    return refusal(line, {
      pointer: '',
      rule: 'too-large',
      message: `more than ${MAX_EVENT_BYTES} bytes`,
    });
  }
  const parsed = parseEnvelope(line.bytes);
  if (!parsed.ok) {
    const [issue] = parsed.error;
    return refusal(line, issue ?? { pointer: '', rule: 'malformed', message: 'not an envelope' });
  }
  if (parsed.value.envelope.projectUuid === projectId) return parsed.value;
  return refusal(line, {
    pointer: '/project_uuid',
    rule: 'another-project',
    message: `names another project than ${projectId}`,
  });
}

function refusal(line: InputLine, issue: Issue): Refused {
  return { line: line.number, pointer: issue.pointer, rule: issue.rule, message: issue.message };
}

function refuse(totals: Totals, refused: Refused): void {
  totals.refused += 1;
  if (totals.listed.length < MAX_LISTED) totals.listed.push(refused);
}

function count(receipts: readonly Kept[], totals: Totals): void {
  totals.optOut = addTallies(totals.optOut, tallyOptOut(receipts));
  for (const { eventId, status } of receipts) {
    if (status !== 'conflict') totals[status] += 1;
    else {
      totals.conflicts += 1;
      if (totals.conflicting.length < MAX_LISTED) totals.conflicting.push(eventId);
    }
  }
}

function answer(totals: Totals): Answer {
  const { captured, spilled, known, conflicts, discarded, refused, listed, conflicting } = totals;
  const failed = refused > 0 || conflicts > 0;
  const lines = [`Recorded ${captured} event(s), ${known} known already`];
  if (spilled > 0) {
    lines.push(
      `  ${spilled} kept beside the store, which could not be written in time; taken in later`,
    );
  }
  lines.push(...optOutLines(totals.optOut));
  for (const each of listed) {
    lines.push(
      printable(`  refused line ${each.line} ${each.pointer || '(as a whole)'}: ${each.message}`),
    );
  }
  if (refused > listed.length) lines.push(`  … and ${refused - listed.length} more refused`);
  for (const id of conflicting)
    lines.push(`  conflict ${id}: the journal holds another fact, which stays`);
  return {
    exit: failed ? EXIT.failed : EXIT.fine,
    json: {
      captured,
      spilled,
      known,
      conflicts,
      discarded,
      opt_out: optOutJson(totals.optOut),
      refused,
      issues: listed,
      conflicting,
    },
    lines,
  };
}
