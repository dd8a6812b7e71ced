// The artifacts that the built-in mission types expect (disk contract 7.4), and what they make of a path.

export const ARTIFACT_CLASSES = [
  'input',
  'workflow',
  'output',
  'evidence',
  'policy',
  'runtime',
] as const;

export type ArtifactClass = (typeof ARTIFACT_CLASSES)[number];

interface Expected {
  readonly key: string;
  readonly class: ArtifactClass;
  readonly path: string;
  /** Null for a path without a `*`. */
  readonly pattern: RegExp | null;
  /** The step of the mission that has to produce it; null for what is optional always. */
  readonly step: string | null;
}

export interface Manifest {
  readonly version: string;
  readonly expected: readonly Expected[];
}

/** What the version of a mission's manifest is when its type has none. */
export const NO_MANIFEST_VERSION = '1';

/** The manifest of a built-in mission type; null for every other type. */
export function manifestOf(missionType: string): Manifest | null {
  return MANIFESTS.get(missionType) ?? null;
}

/** How an artifact is named and sorted. */
export interface Naming {
  readonly artifactClass: ArtifactClass;
  readonly key: string;
  /** The step that has to produce it; null when it is optional. */
  readonly requiredBy: string | null;
}

/**
 * Class, key and required status of an artifact, all of them by its whole path: a `spec.md` in a folder is not
 * the mission's specification.
 */
export function nameArtifact(path: string, manifest: Manifest | null): Naming {
  const expected = manifest?.expected.find(
    (each) => each.path === path || each.pattern?.test(path) === true,
  );
  if (expected !== undefined) {
    return { artifactClass: expected.class, key: expected.key, requiredBy: expected.step };
  }
  return { artifactClass: classByName(path), key: keyByPath(path), requiredBy: null };
}

/** What a file name says of its class, the first hit wins (disk contract 7.5). */
const CLASS_BY_NAME: readonly (readonly [RegExp, ArtifactClass])[] = [
  [/^(?:spec|specification)\.md$/, 'input'],
  [/^plan\.md$/, 'workflow'],
  [/^(?:tasks\.md|wp.*\.md)$/s, 'workflow'],
  [/^(?:research|analysis-report)\.md$/, 'evidence'],
  [/test/, 'evidence'],
  [/gap-analysis/, 'evidence'],
  [/log/, 'evidence'],
  [/requirements|constraints/, 'policy'],
  [/architecture-decision|adr/, 'policy'],
  [/implementation|code/, 'output'],
  [/findings|report/, 'output'],
  [/generated|cache/, 'runtime'],
];

/** What all of the patterns above have in common: most names have nothing of it. */
const HINT =
  /^(?:spec|specification|plan|tasks|wp.*|research|analysis-report)\.md$|test|gap-analysis|log|requirements|constraints|architecture-decision|adr|implementation|code|findings|report|generated|cache/s;

function classByName(path: string): ArtifactClass {
  const name = path.slice(path.lastIndexOf('/') + 1).toLowerCase();
  if (!HINT.test(name)) return 'output';
  return CLASS_BY_NAME.find(([pattern]) => pattern.test(name))?.[1] ?? 'output';
}

function keyByPath(path: string): string {
  const at = path.lastIndexOf('.');
  const stem = at > path.lastIndexOf('/') + 1 ? path.slice(0, at) : path;
  return `artifact.${stem
    .toLowerCase()
    .replaceAll('/', '.')
    .replaceAll(/[^a-z0-9.-]/gu, '-')}`;
}

/** `*` stands for anything, slashes too, as in Python's `fnmatch`. */
function glob(pattern: string): RegExp {
  const parts = pattern.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 's');
}

type Row = readonly [step: string | null, key: string, artifactClass: ArtifactClass, path: string];

function manifestFrom(rows: readonly Row[]): Manifest {
  const expected = rows.map(([step, key, artifactClass, path]) => ({
    key,
    class: artifactClass,
    path,
    pattern: path.includes('*') ? glob(path) : null,
    step,
  }));
  return { version: '1', expected };
}

const MANIFESTS: ReadonlyMap<string, Manifest> = new Map([
  [
    'software-dev',
    manifestFrom([
      ['specify', 'input.spec.main', 'input', 'spec.md'],
      ['plan', 'output.plan.main', 'output', 'plan.md'],
      ['plan', 'output.tasks.list', 'output', 'tasks.md'],
      ['implement', 'evidence.analysis-report', 'evidence', 'analysis-report.md'],
      [null, 'evidence.research', 'evidence', 'research.md'],
      [null, 'evidence.gap-analysis', 'evidence', 'gap-analysis.md'],
      [null, 'evidence.quickstart', 'evidence', 'quickstart.md'],
      [null, 'evidence.data-model', 'evidence', 'data-model.md'],
    ]),
  ],
  [
    'research',
    manifestFrom([
      ['scoping', 'input.spec.research', 'input', 'spec.md'],
      ['methodology', 'workflow.plan.methodology', 'workflow', 'plan.md'],
      ['synthesis', 'output.findings.main', 'output', 'findings.md'],
      ['output', 'output.report.publication', 'output', 'report.md'],
      [null, 'evidence.methodology.detailed', 'evidence', 'methodology.md'],
      [null, 'evidence.synthesis.notes', 'evidence', 'synthesis.md'],
      [null, 'evidence.literature-review', 'evidence', 'literature-review.md'],
      [null, 'evidence.gap-analysis', 'evidence', 'gap-analysis.md'],
      [null, 'evidence.research-log', 'evidence', 'research.md'],
    ]),
  ],
  [
    'documentation',
    manifestFrom([
      ['discover', 'input.spec.documentation', 'input', 'spec.md'],
      ['audit', 'workflow.plan.documentation', 'workflow', 'plan.md'],
      ['audit', 'workflow.tasks.documentation', 'workflow', 'tasks.md'],
      ['audit', 'evidence.gap-analysis', 'evidence', 'gap-analysis.md'],
      ['generate', 'output.docs.generated', 'output', 'docs/**/*.md'],
      [null, 'evidence.research', 'evidence', 'research.md'],
      [null, 'evidence.data-model', 'evidence', 'data-model.md'],
      [null, 'evidence.quickstart', 'evidence', 'quickstart.md'],
      [null, 'evidence.audit-report', 'evidence', 'audit-report.md'],
    ]),
  ],
]);
