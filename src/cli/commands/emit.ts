import { EXIT, UserError } from '../../base/index.ts';
import { findProject, gitFacts } from '../../home/index.ts';
import { emit, tallyOptOut } from '../../journal/index.ts';
import {
  asObject,
  asText,
  EVENT_TYPES,
  isKnownType,
  judgePayload,
  MAX_EVENT_BYTES,
  member,
  parseEventId,
  parseJson,
  type EventId,
  type JsonObject,
} from '../../wire/index.ts';
import { fine, type Answer } from '../answer.ts';
import { readAll } from '../input.ts';
import { textOption, type Context } from '../io.ts';
import { optOutLines } from '../render/opt-out.ts';

const SPILLED =
  '  The store could not be written in time; the event is kept beside it and taken in later.';

/** `spec-kitty emit TYPE --payload …`, or `--envelope` for events that exist already. */
export async function run(context: Context): Promise<Answer> {
  const envelope = textOption(context.options, 'envelope');
  if (envelope !== null) {
    refuseBoth(context);
    const { captureEnvelopes } = await import('../envelopes.ts');
    return captureEnvelopes(context, envelope);
  }
  return emitOne(context);
}

/** An envelope brings its own type, payload and aggregate. */
function refuseBoth(context: Context): void {
  const others = ['payload', 'aggregateId', 'aggregateType', 'causationId'];
  const stated = others.some((name) => textOption(context.options, name) !== null);
  if (context.args.length === 0 && !stated) return;
  throw new UserError(
    'usage',
    '--envelope stands alone: an envelope has its own type and payload',
    {
      remedy: 'spec-kitty emit --help',
      exitCode: EXIT.refused,
    },
  );
}

async function emitOne(context: Context): Promise<Answer> {
  const { system, home, options } = context;
  const type = knownType(context.args[0]);
  const { bytes, payload } = await readPayload(context, type);
  const project = await findProject(system);
  const git = gitFacts(project, system.files);
  const aggregate = aggregateOf(type, payload);
  const rules = await home.captureRules();
  const drafts = [
    {
      eventId: system.ids.ulid() as EventId,
      eventType: type,
      aggregateId: textOption(options, 'aggregateId') ?? aggregate.id ?? project.slug ?? project.id,
      aggregateType: textOption(options, 'aggregateType') ?? aggregate.type,
      payload: bytes,
      causationId: causation(textOption(options, 'causationId')),
      timestamp: new Date(system.clock.now()).toISOString(),
      teamSlug: null,
      projectSlug: project.slug,
      gitBranch: git.branch,
      headCommitSha: git.commit,
      repoSlug: git.repoSlug,
    },
  ];
  const [receipt] = emit(home, project, drafts, rules);
  if (receipt === undefined) throw new Error('an emitted event has a receipt');
  const { eventId, status, seq, eligible, optOut } = receipt;
  const decided = optOut === undefined ? {} : { opt_out: optOut };
  const stays = eligible ? '' : ' (stays on this machine)';
  return fine({ event_id: eventId, event_type: type, status, seq, eligible, ...decided }, [
    `${status === 'discarded' ? 'Dropped' : 'Recorded'} ${type} ${eventId}${status === 'discarded' ? '' : stays}`,
    ...optOutLines(tallyOptOut([receipt])),
    ...(status === 'spilled' ? [SPILLED] : []),
  ]);
}

function knownType(type: string | undefined): string {
  if (type !== undefined && isKnownType(type)) return type;
  const message =
    type === undefined
      ? 'name an event type, or --envelope'
      : `unknown event type ${type}; nothing was recorded. Known are ${EVENT_TYPES.join(', ')}`;
  throw new UserError(type === undefined ? 'usage' : 'type_unknown', message, {
    remedy: 'spec-kitty emit --help',
    exitCode: EXIT.refused,
    details: { known: EVENT_TYPES },
  });
}

async function readPayload(
  context: Context,
  type: string,
): Promise<{ readonly bytes: Buffer; readonly payload: JsonObject }> {
  const bytes = await payloadBytes(context);
  const parsed = parseJson(bytes);
  if (!parsed.ok) throw invalid(parsed.error.pointer, parsed.error.message);
  const payload = asObject(parsed.value);
  if (payload === null) throw invalid('', 'the payload is not an object');
  const [issue, ...others] = judgePayload(type, payload);
  if (issue !== undefined) throw invalid(issue.pointer, issue.message, [issue, ...others]);
  return { bytes, payload };
}

async function payloadBytes(context: Context): Promise<Buffer> {
  const text = textOption(context.options, 'payload') ?? '{}';
  if (text === '-') return readAll(context, '-', MAX_EVENT_BYTES);
  if (text.startsWith('@')) return readAll(context, text.slice(1), MAX_EVENT_BYTES);
  return Buffer.from(text);
}

function invalid(pointer: string, message: string, issues: readonly unknown[] = []): UserError {
  return new UserError(
    'payload_invalid',
    `payload ${pointer === '' ? '(as a whole)' : pointer}: ${message}; nothing was recorded`,
    { remedy: null, exitCode: EXIT.refused, details: { pointer, issues } },
  );
}

function causation(text: string | null): EventId | null {
  if (text === null) return null;
  const id = parseEventId(text);
  if (id !== null) return id;
  throw new UserError('usage', `${text} is not an event id`, {
    remedy: 'spec-kitty emit --help',
    exitCode: EXIT.refused,
  });
}

/** What an event of this type is about, as every emitter of Spec Kitty names it (disk contract 10.4). */
function aggregateOf(
  type: string,
  payload: JsonObject,
): { readonly type: string; readonly id: string | null } {
  const text = (key: string): string | null => asText(member(payload, key)) ?? null;
  if (type.startsWith('MissionDossier')) {
    const namespace = asObject(member(payload, 'namespace'));
    const slug =
      namespace === null ? text('mission_slug') : asText(member(namespace, 'mission_slug'));
    return { type: 'MissionDossier', id: slug };
  }
  if (type.startsWith('Build')) return { type: 'Build', id: text('build_id') };
  if (type.startsWith('Feature')) return { type: 'Feature', id: text('feature_slug') };
  const workPackage = text('wp_id');
  if (workPackage !== null) return { type: 'WorkPackage', id: workPackage };
  if (type === 'ErrorLogged') return { type: 'Mission', id: 'error' };
  return { type: 'Mission', id: text('mission_id') ?? text('mission_slug') ?? text('run_id') };
}
