import fs from 'node:fs';
import path from 'node:path';
import { sha256Hex } from '../../src/base/index.ts';
import { PROJECT_ID } from './envelopes.ts';

/** What the receiver says of one artifact, in its own words. */
interface Entry {
  readonly path: string;
  readonly content_hash: string | null;
  readonly stored: boolean;
  readonly deleted: boolean;
  readonly versions: readonly { readonly content_hash: string }[];
}

interface Page<Item> {
  readonly items: readonly Item[];
  readonly next_cursor: string | number | null;
}

interface NamespaceNames {
  readonly mission_slug: string;
  readonly target_branch: string;
  readonly mission_type: string;
  readonly manifest_version: string;
}

/** What a comparison of a working tree with a receiver found. */
export interface BodyProof {
  /** Everything that contradicts the tree; empty is good. */
  readonly complaints: readonly string[];
  /** Texts compared byte by byte. */
  readonly stored: number;
  /** Files that are announced and whose text does not travel. */
  readonly skipped: number;
}

const SURFACE =
  /^(?:(?:spec|plan|tasks|research|quickstart|data-model)\.md|(?:research|contracts|checklists)\/.+|tasks\/WP\d+[^/]*\.md)$/;
const FORMAT = /\.(?:md|json|ya?ml|csv)$/i;
const MOST_BYTES = 524_288;

/**
 * Compares every mission of a working tree with what a receiver answers over its own routes: each file is announced
 * under its hash, each text that travels is there byte by byte, nothing else is, and what is gone is known as gone.
 */
export async function proveBodies(
  root: string,
  url: string,
  projectId: string = PROJECT_ID,
  token: string | null = null,
): Promise<BodyProof> {
  const at = { url, token };
  const complaints: string[] = [];
  const counts = { stored: 0, skipped: 0 };
  const namespaces = await all<NamespaceNames>(at, 'namespaces', { project: projectId });
  for (const mission of fs.readdirSync(path.join(root, 'kitty-specs'))) {
    const own = namespaces.filter((each) => each.mission_slug === mission);
    const [namespace] = own;
    const files = filesBelow(path.join(root, 'kitty-specs', mission));
    if (namespace === undefined || own.length > 1) {
      if (files.size > 0) complaints.push(`${mission} has ${own.length} namespaces`);
      continue;
    }
    const query = {
      project: projectId,
      mission,
      branch: namespace.target_branch,
      type: namespace.mission_type,
      manifest: namespace.manifest_version,
    };
    const entries = new Map(
      (await all<Entry>(at, 'artifacts', query)).map((each) => [each.path, each]),
    );
    for (const [below, bytes] of files) {
      const travels =
        SURFACE.test(below) && FORMAT.test(below) && bytes.length > 0 && bytes.length <= MOST_BYTES;
      const found = await judge(entries.get(below), bytes, travels, () =>
        get(at, 'bodies', { ...query, path: below }),
      );
      complaints.push(...found.map((each) => `${mission}/${below}: ${each}`));
      counts[travels ? 'stored' : 'skipped'] += 1;
    }
    const ghosts = [...entries.values()].filter((each) => !files.has(each.path) && !each.deleted);
    complaints.push(...ghosts.map((each) => `${mission}/${each.path} is not in the tree`));
  }
  return { complaints, ...counts };
}

/** The present text of one path of a namespace; rejects with the status where there is none. */
export async function storedText(
  url: string,
  query: Readonly<Record<string, string>>,
): Promise<string> {
  return (await get({ url, token: null }, 'bodies', query)).toString();
}

async function judge(
  entry: Entry | undefined,
  bytes: Buffer,
  travels: boolean,
  fetchText: () => Promise<Buffer>,
): Promise<readonly string[]> {
  if (entry === undefined) return ['was never announced'];
  const hashes = entry.versions.map((each) => each.content_hash);
  const complaints = [
    ...(entry.content_hash === sha256Hex(bytes) ? [] : ['is announced with another hash']),
    ...(entry.deleted ? ['counts as deleted'] : []),
    ...(new Set(hashes).size === hashes.length ? [] : ['has a version twice']),
    ...(entry.stored === travels ? [] : [`stored is ${entry.stored}`]),
  ];
  if (!travels || complaints.length > 0) return complaints;
  const text = await fetchText();
  return text.equals(bytes) ? [] : ['arrived with other bytes'];
}

/** Every regular file below a directory that is not of a tool's own. */
function filesBelow(directory: string, prefix = ''): ReadonlyMap<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (const entry of fs.readdirSync(directory, { withFileTypes: true })) {
    if (entry.name.startsWith('.')) continue;
    const full = path.join(directory, entry.name);
    if (entry.isDirectory()) {
      for (const [below, bytes] of filesBelow(full, `${prefix}${entry.name}/`)) {
        files.set(below, bytes);
      }
    } else if (entry.isFile()) files.set(`${prefix}${entry.name}`, fs.readFileSync(full));
  }
  return files;
}

interface Place {
  readonly url: string;
  /** Null while the receiver asks for none. */
  readonly token: string | null;
}

async function all<Item>(
  at: Place,
  what: string,
  query: Readonly<Record<string, string>>,
): Promise<readonly Item[]> {
  const items: Item[] = [];
  for (let after: string | null = ''; after !== null; ) {
    const words: Record<string, string> = { ...query, limit: '1000' };
    if (after !== '') words['after'] = after;
    const page = JSON.parse((await get(at, what, words)).toString()) as Page<Item>;
    items.push(...page.items);
    after = page.next_cursor === null ? null : String(page.next_cursor);
  }
  return items;
}

async function get(
  { url, token }: Place,
  what: string,
  query: Readonly<Record<string, string>>,
): Promise<Buffer> {
  const headers = token === null ? {} : { authorization: `Bearer ${token}` };
  const address = `${url}/api/v1/${what}/?${new URLSearchParams(query).toString()}`;
  const answer = await fetch(address, { headers });
  if (!answer.ok) throw new Error(`${what} answers ${answer.status}`);
  return Buffer.from(await answer.arrayBuffer());
}
