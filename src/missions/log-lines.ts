import type { Result } from '../base/index.ts';
import type { Issue, ProjectId } from '../wire/index.ts';
import { mapLine, type Mapped } from './lines.ts';
import { trim } from './members.ts';

/** One line of a log that is not blank. */
export interface LogLine {
  /** Counted from 1, blank lines included. */
  readonly number: number;
  /** Length in bytes, and where in the log the next line starts. */
  readonly bytes: number;
  readonly next: number;
  readonly mapped: Result<Mapped, Issue>;
  /** The log ends within this line: whoever writes it has not finished. */
  readonly incomplete: boolean;
}

const LINE_FEED = 0x0a;
/** What is wrong with a text that was cut off somewhere. */
const CUT_OFF: ReadonlySet<string> = new Set(['invalid-json', 'invalid-utf8']);

/** The lines of a log, each mapped when it is asked for. They end in LF or CRLF; the last one may lack its end. */
export function* readLines(log: Buffer, project: ProjectId): Generator<LogLine> {
  let next = 0;
  for (let number = 1; next < log.length; number += 1) {
    const feed = log.indexOf(LINE_FEED, next);
    const line = trim(log.subarray(next, feed === -1 ? log.length : feed));
    next = feed === -1 ? log.length : feed + 1;
    if (line.length === 0) continue;
    const mapped = mapLine(line, project);
    const incomplete = feed === -1 && !mapped.ok && CUT_OFF.has(mapped.error.rule);
    yield { number, bytes: line.length, next, mapped, incomplete };
  }
}
