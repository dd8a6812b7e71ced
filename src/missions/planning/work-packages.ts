import path from 'node:path';
import { assert, failed, messageOf, ok, printable, uuidV5 } from '../../base/index.ts';
import type { Files, Result } from '../../base/index.ts';
import type { Fact } from '../../journal/index.ts';
import {
  asObject,
  asText,
  encodeEnvelope,
  judgePayload,
  member,
  parseEnvelope,
  parseJson,
  parseTimestamp,
  type EventId,
  type ProjectId,
} from '../../wire/index.ts';

/** A work package as its file describes it. */
export interface WorkPackage {
  /** `WP01` */
  readonly id: string;
  readonly title: string;
  readonly dependsOn: readonly string[];
  /** Below the mission's directory, with forward slashes. */
  readonly path: string;
}

/** A file of `tasks` that describes no work package, and why. */
export interface BadWorkPackage {
  readonly path: string;
  /** For people, safe to print. */
  readonly reason: string;
}

/** The place of one mission. */
export interface MissionPlace {
  readonly root: string;
  /** Its directory. */
  readonly directory: string;
  readonly slug: string;
}

const MAX_WORK_PACKAGES = 1_000;
const MAX_FILE_BYTES = 4 * 1024 * 1024;
const NAME = /^WP\d+.*\.md$/;
const FRONT_MATTER = /^\ufeff?---[ \t]*\r?\n([\s\S]*?)\r?\n---[ \t]*(?:\r?\n|$)/;
const TYPE = 'WPCreated';
const ACTOR = 'spec-kitty';
/** Whoever finalizes is not the producer: the node is nobody's, and the same for everybody. */
const NODE_ID = '000000000000';
/** A mission that does not say when it began is as old as anything can be. */
const UNKNOWN_START = '1970-01-01T00:00:00Z';

/**
 * Reads `tasks/WP*.md` of a mission, in the order of their names, without following a link. A file without sound front
 * matter, with the id of another one, or that needs a work package which there is not, is bad.
 */
export async function readWorkPackages(
  files: Files,
  mission: MissionPlace,
): Promise<{ readonly packages: readonly WorkPackage[]; readonly bad: readonly BadWorkPackage[] }> {
  const found = new Map<string, WorkPackage>();
  const bad: BadWorkPackage[] = [];
  for (const name of files.list(path.join(mission.directory, 'tasks')).filter(isName)) {
    const below = `tasks/${name}`;
    const read =
      found.size + bad.length === MAX_WORK_PACKAGES
        ? failed(`is beyond the first ${MAX_WORK_PACKAGES}`)
        : await readOne(files, mission, below);
    if (!read.ok) bad.push({ path: below, reason: read.error });
    else if (found.has(read.value.id))
      bad.push({ path: below, reason: `${read.value.id} is described twice` });
    else found.set(read.value.id, read.value);
  }
  const known = new Set(found.keys());
  for (const { id, dependsOn, path: below } of found.values()) {
    const missing = dependsOn.find((each) => !known.has(each));
    if (missing === undefined) continue;
    found.delete(id);
    bad.push({ path: below, reason: `it needs ${missing}, which there is not` });
  }
  return { packages: [...found.values()], bad };
}

/**
 * The event that says of each work package that it is there: a pure function of the files and the project, so that
 * repeating it adds nothing and everybody who finalizes a mission makes the same bytes.
 */
export function workPackageFacts(
  files: Files,
  projectId: ProjectId,
  place: { readonly mission: MissionPlace; readonly packages: readonly WorkPackage[] },
): readonly Fact[] {
  const { mission, packages } = place;
  const timestamp = startOf(files, mission);
  return packages.map((each) => {
    const payload = payloadOf(mission.slug, each);
    const bytes = encodeEnvelope({
      eventId: uuidV5(projectId, `${TYPE}\n${timestamp}\n${payload}`) as EventId,
      eventType: TYPE,
      aggregateId: each.id,
      aggregateType: 'WorkPackage',
      payload: Buffer.from(payload),
      nodeId: NODE_ID,
      lamportClock: 0,
      causationId: null,
      timestamp,
      teamSlug: null,
      projectUuid: projectId,
      projectSlug: null,
      gitBranch: null,
      headCommitSha: null,
      repoSlug: null,
    });
    const event = parseEnvelope(bytes);
    assert(event.ok, 'a work package that was judged makes a sound envelope');
    const source = `kitty-specs/${mission.slug}/${each.path}`;
    return {
      event: event.value,
      origin: 'import',
      source: { path: source, line: 1, statedProjectId: null, mission: mission.slug },
    };
  });
}

function isName(name: string): boolean {
  return NAME.test(name);
}

function payloadOf(slug: string, { id, title, dependsOn, path: below }: WorkPackage): string {
  return JSON.stringify({
    wp_id: id,
    wp_title: title,
    mission_slug: slug,
    actor: ACTOR,
    depends_on: dependsOn,
    wp_path: below,
  });
}

async function readOne(
  files: Files,
  { root, directory, slug }: MissionPlace,
  below: string,
): Promise<Result<WorkPackage, string>> {
  const read = files.readInside(root, path.join(directory, below), MAX_FILE_BYTES);
  if (!read.ok) return failed(`cannot be read (${read.reason})`);
  const stated = await frontMatter(read.bytes.toString('utf8'));
  if (!stated.ok) return stated;
  const fields = stated.value;
  const text = (key: string): string => (typeof fields[key] === 'string' ? fields[key] : '');
  const dependsOn = fields['dependencies'] ?? [];
  if (!Array.isArray(dependsOn) || !dependsOn.every((each) => typeof each === 'string')) {
    return failed('dependencies is no list of work packages');
  }
  const found = {
    id: text('work_package_id'),
    title: text('title').trim(),
    dependsOn,
    path: below,
  };
  const judged = parseJson(Buffer.from(payloadOf(slug, found)));
  const object = judged.ok ? asObject(judged.value) : null;
  const [issue] = object === null ? [] : judgePayload(TYPE, object);
  if (issue === undefined) return ok(found);
  const what = NAMES[issue.pointer] ?? issue.pointer;
  return failed(printable(`${what} ${issue.message}`, MAX_REASON_BYTES));
}

/** Members of the event, as the front matter calls them. */
const NAMES: Readonly<Record<string, string>> = {
  '/wp_id': 'work_package_id',
  '/wp_title': 'title',
};
const MAX_REASON_BYTES = 300;

async function frontMatter(
  text: string,
): Promise<Result<Readonly<Record<string, unknown>>, string>> {
  const block = FRONT_MATTER.exec(text)?.[1];
  if (block === undefined) return failed('it has no front matter');
  const yaml = await import('yaml');
  try {
    const value: unknown = yaml.parse(block, { logLevel: 'silent', maxAliasCount: 0 });
    const isMapping = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isMapping
      ? ok(value as Readonly<Record<string, unknown>>)
      : failed('its front matter is no mapping');
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return failed(printable(`its front matter is no YAML: ${messageOf(error)}`, MAX_REASON_BYTES));
  }
}

/** When the mission began, as it says itself: files have times of their own in every clone. */
function startOf(files: Files, { root, directory }: MissionPlace): string {
  const read = files.readInside(root, path.join(directory, 'meta.json'), MAX_FILE_BYTES);
  const parsed = read.ok ? parseJson(read.bytes) : null;
  const meta = parsed?.ok === true ? asObject(parsed.value) : null;
  const stated = meta === null ? null : asText(member(meta, 'created_at'));
  return stated !== null && stated !== undefined && parseTimestamp(stated) !== null
    ? stated
    : UNKNOWN_START;
}
