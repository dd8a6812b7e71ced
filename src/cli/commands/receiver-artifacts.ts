import { printable } from '../../base/index.ts';
import { refusalOf } from '../../bodies/index.ts';
import type { ArtifactEntry, NamespaceEntry, Store, TextPage } from '../../server/index.ts';
import { fine, type Answer } from '../answer.ts';
import { textOption, type Context } from '../io.ts';
import { withStore } from './receiver-store.ts';

interface Held {
  readonly namespace: NamespaceEntry;
  readonly artifacts: readonly ArtifactEntry[];
}

/** `spec-kitty receiver artifacts`: what a project's dossier events speak of, and which texts have arrived. */
export async function run(context: Context): Promise<Answer> {
  const held = await withStore(context, (store) => gather(context, store));
  return fine(
    { namespaces: held.map(toJson) },
    held.length === 0 ? ['Nothing here.'] : held.flatMap(toLines),
  );
}

async function gather({ args, options }: Context, store: Store): Promise<readonly Held[]> {
  const { listArtifacts, listNamespaces, teamForOperator } = await import('../../server/index.ts');
  const project = args[0] ?? '';
  const mission = textOption(options, 'mission');
  const team = await teamForOperator(store, textOption(options, 'team'));
  const namespaces = await all((after) =>
    listNamespaces(store, { project, after, limit: 1000 }, team),
  );
  const held: Held[] = [];
  for (const namespace of namespaces) {
    if (mission !== null && namespace.missionSlug !== mission) continue;
    const artifacts = await all((after) =>
      listArtifacts(store, { project, namespace, after, limit: 1000 }, team),
    );
    held.push({ namespace, artifacts });
  }
  return held;
}

async function all<T>(read: (after: string) => Promise<TextPage<T>>): Promise<readonly T[]> {
  const items: T[] = [];
  let after: string | null = '';
  while (after !== null) {
    const page: TextPage<T> = await read(after);
    items.push(...page.items);
    after = page.nextCursor;
  }
  return items;
}

type Arrival = 'stored' | 'waiting' | 'announced' | 'deleted';

/** What is known of the present text. Of most artifacts only the announcement travels; no text of theirs is waited for. */
function arrivalOf({ path, sha256, sizeBytes, versions }: ArtifactEntry): Arrival {
  if (sha256 === null) return 'deleted';
  const present = versions.find((version) => version.sha256 === sha256);
  if (present !== undefined && present.storedAt !== null) return 'stored';
  const refused = refusalOf({ path, isPresent: true, error: null, bytes: sizeBytes ?? 1 });
  return refused === null && sizeBytes !== 0 ? 'waiting' : 'announced';
}

function toJson({ namespace, artifacts }: Held): Readonly<Record<string, unknown>> {
  return {
    mission_slug: namespace.missionSlug,
    target_branch: namespace.targetBranch,
    mission_type: namespace.missionType,
    manifest_version: namespace.manifestVersion,
    artifacts: artifacts.map((artifact) => ({
      path: artifact.path,
      body: arrivalOf(artifact),
      content_hash: artifact.sha256,
      size_bytes: artifact.sizeBytes,
      versions: artifact.versions.length,
    })),
  };
}

function toLines({ namespace, artifacts }: Held): readonly string[] {
  const { missionSlug, targetBranch, missionType, manifestVersion } = namespace;
  const names = [missionSlug, targetBranch, missionType, manifestVersion];
  return [
    printable(names.filter((name) => name !== '').join('  ')),
    ...artifacts.map((artifact) => {
      const hash = artifact.sha256?.slice(0, 12) ?? '';
      return printable(`  ${arrivalOf(artifact).padEnd(9)}  ${hash.padEnd(12)}  ${artifact.path}`);
    }),
  ];
}
