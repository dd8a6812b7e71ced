import path from 'node:path';
import type { Files } from '../../base/index.ts';
import { asObject, asText, member, parseJson } from '../../wire/index.ts';

/** What a mission is called, and where its work goes. */
interface Names {
  readonly title: string;
  readonly branch: string;
}

/** The plan of a mission after it was set up, or why it was not. */
export type PlanOutcome =
  | { readonly isBlocked: true; readonly reason: string }
  | {
      readonly isBlocked: false;
      /** It was written now. */
      readonly isNew: boolean;
      /** It says more than the template. */
      readonly isSubstantive: boolean;
    };

const MAX_PLAN_BYTES = 4 * 1024 * 1024;
const MAX_META_BYTES = 1024 * 1024;
const SHARED_FILE = 0o644;

/**
 * Sees to it that a mission has a `plan.md`: one that is there stays as it is, a missing one is written from the
 * template. A mission that has no specification yet cannot be planned.
 * @param mission its directory below the project's `root`.
 * @param day for people, `YYYY-MM-DD`.
 */
export function setUpPlan(
  files: Files,
  at: { readonly root: string; readonly mission: string },
  day: string,
): PlanOutcome {
  const read = (name: string, most: number): ReturnType<Files['readInside']> =>
    files.readInside(at.root, path.join(at.mission, name), most);
  const spec = read('spec.md', MAX_PLAN_BYTES);
  if (!spec.ok) return { isBlocked: true, reason: `spec.md ${WHY[spec.reason]}` };
  const meta = read('meta.json', MAX_META_BYTES);
  const template = planTemplate(namesIn(meta.ok ? meta.bytes : null, at.mission), day);
  const isNew = files.create(path.join(at.mission, 'plan.md'), template, SHARED_FILE);
  const plan = read('plan.md', MAX_PLAN_BYTES);
  if (!plan.ok) return { isBlocked: true, reason: `plan.md ${WHY[plan.reason]}` };
  return { isBlocked: false, isNew, isSubstantive: isSubstantive(plan.bytes.toString('utf8')) };
}

const WHY = {
  absent: 'is missing',
  outside: 'is, or lies behind, a symbolic link',
  not_a_file: 'is no regular file',
  too_large: 'is too large',
  unreadable: 'cannot be read',
} as const;

/** Whether a plan says anything: headings, comments and the line of facts are the template's. */
export function isSubstantive(text: string): boolean {
  return text
    .replaceAll(/<!--[\s\S]*?-->/g, '')
    .split(/\r?\n/)
    .some((line) => line.trim() !== '' && !/^\s*(?:#{1,6}\s|\*\*Branch\*\*: )/.test(line));
}

function namesIn(meta: Buffer | null, mission: string): Names {
  const parsed = meta === null ? null : parseJson(meta);
  const object = parsed?.ok === true ? asObject(parsed.value) : null;
  const text = (key: string): string =>
    object === null ? '' : oneLine(asText(member(object, key)) ?? '');
  const title = text('friendly_name');
  const branch = text('target_branch');
  return {
    title: title === '' ? path.basename(mission) : title,
    branch: branch === '' ? 'main' : branch,
  };
}

/** What stands in a file of the repository must not add lines of its own to another. */
function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}

function planTemplate({ title, branch }: Names, day: string): string {
  return `# Implementation plan: ${title}

**Branch**: \`${branch}\` | **Date**: ${day} | **Spec**: [spec.md](spec.md)

## Summary

<!-- The main requirement of the specification, and the way it will be met, in a few sentences. -->

## Technical context

<!-- Language and version, main dependencies, storage, how it is tested, target platform, limits that must hold. -->

## Structure

<!-- Which files and directories are added or changed, and why there. -->

## Decisions

<!-- Each choice with what was considered and what it costs. -->

## Work packages

<!-- The parts that can be built and reviewed one by one, in the order of what they need. -->

## Risks

<!-- What may go wrong, and how it would be noticed. -->
`;
}
