import { EXIT, printable } from '../../base/index.ts';
import {
  diagnose,
  diagnoseBody,
  waitingBodies,
  waitingEvents,
  type BodyDiagnosis,
  type Diagnosis,
} from '../../report/index.ts';
import type { Answer } from '../answer.ts';
import type { Context } from '../io.ts';
import { openWorkspace } from '../workspace.ts';

const MAX_VALIDATED = 100_000;
const MAX_VALID_LISTED = 20;
const MAX_LISTED = 200;

const REMEDIES = {
  schema_mismatch:
    'Sent as they are; a receiver that minds lists its reasons in `spec-kitty sync parked list`.',
  damaged: 'Never sent. `spec-kitty sync status --check` looks at the whole store.',
} as const;

/** `spec-kitty sync diagnose`: what waits, judged as a strict receiver would, without asking one. */
export async function run(context: Context): Promise<Answer> {
  const { db } = await openWorkspace(context);
  const results = [...waitingEvents(db, MAX_VALIDATED)].map(diagnose);
  const invalid = results.filter((each) => !each.valid);
  const bodies = [...waitingBodies(db, MAX_VALIDATED)].map(diagnoseBody);
  const badBodies = bodies.filter((each) => !each.valid);
  const json = {
    total: results.length,
    valid: results.length - invalid.length,
    invalid: invalid.length,
    unknown_types: results.filter(({ notes }) => notes.length > 0).length,
    categories: Object.fromEntries(
      Object.keys(REMEDIES).map((category) => [
        category,
        invalid.filter((each) => each.category === category).length,
      ]),
    ),
    results: results.map(toJson),
    bodies: { total: bodies.length, invalid: badBodies.length, results: badBodies },
  };
  const isSound = json.categories['damaged'] === 0 && badBodies.length === 0;
  return {
    exit: isSound ? EXIT.fine : EXIT.integrity,
    json,
    lines: [
      ...(results.length === 0 ? ['No pending events.'] : toLines(results, invalid)),
      ...bodyLines(bodies.length, badBodies),
    ],
  };
}

function toJson(result: Diagnosis): Readonly<Record<string, unknown>> {
  return {
    event_id: result.eventId,
    event_type: result.eventType,
    valid: result.valid,
    errors: result.errors,
    error_category: result.category ?? '',
    notes: result.notes,
  };
}

function toLines(results: readonly Diagnosis[], invalid: readonly Diagnosis[]): readonly string[] {
  const valid = results.filter((each) => each.valid);
  const plain = valid.filter(({ notes }) => notes.length === 0);
  const lines = [
    `Validated ${results.length} event(s): ${valid.length} valid, ${invalid.length} invalid`,
    ...plain
      .slice(0, MAX_VALID_LISTED)
      .map(({ eventId, eventType }) => printable(`  VALID   ${eventId} (${eventType})`)),
    ...more(plain.length - MAX_VALID_LISTED, 'valid'),
  ];
  const noted = valid.filter(({ notes }) => notes.length > 0);
  for (const { eventId, notes } of noted.slice(0, MAX_LISTED)) {
    lines.push(...notes.map((note) => printable(`  NOTE    ${eventId} ${note}`)));
  }
  lines.push(...more(noted.length - MAX_LISTED, 'with a note'));
  for (const { eventId, eventType, category, errors } of invalid.slice(0, MAX_LISTED)) {
    lines.push(printable(`  INVALID ${eventId} (${eventType}) [${category ?? ''}]`));
    lines.push(...errors.map((error) => printable(`    - ${error}`)));
  }
  lines.push(...more(invalid.length - MAX_LISTED, 'invalid'));
  for (const [category, remedy] of Object.entries(REMEDIES)) {
    const n = invalid.filter((each) => each.category === category).length;
    if (n > 0) lines.push(`${category}: ${n}. ${remedy}`);
  }
  if (results.length === MAX_VALIDATED) {
    lines.push(`Only the first ${MAX_VALIDATED} were looked at.`);
  }
  return lines;
}

function bodyLines(total: number, bad: readonly BodyDiagnosis[]): readonly string[] {
  if (total === 0) return [];
  const lines = [`Validated ${total} bodies: ${total - bad.length} valid, ${bad.length} invalid`];
  for (const { id, errors } of bad.slice(0, MAX_LISTED)) {
    lines.push(printable(`  INVALID ${id} [damaged]`));
    lines.push(...errors.map((error) => `    - ${error}`));
  }
  lines.push(...more(bad.length - MAX_LISTED, 'invalid'));
  return bad.length === 0 ? lines : [...lines, `damaged: ${bad.length}. ${REMEDIES.damaged}`];
}

function more(n: number, what: string): readonly string[] {
  return n > 0 ? [`  … and ${n} more ${what}`] : [];
}
