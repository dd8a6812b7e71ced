import { sha256Hex } from '../../base/index.ts';
import { encodeSnapshot, HEADERS, member, PATHS, snapshotKey } from '../../wire/index.ts';
import { statusIs } from '../batch.ts';
import type { Rule } from '../rule.ts';
import { every, whether } from '../verdict.ts';
import type { Seen, Visit } from '../visit.ts';

const SOURCE = 'A snapshot of a tracker';
const NEEDS = ['batch.admits'];
const STORED = ['snapshot.stored'];

/** Snapshots of trackers, where health names them. */
export const SNAPSHOT_RULES: readonly Rule[] = [
  {
    id: 'snapshot.stored',
    says: 'A snapshot is a 201.',
    source: SOURCE,
    needs: NEEDS,
    asks: 'snapshots',
    probe: async (visit) => statusIs(await publish(visit, stateOf(visit)), 201),
  },
  {
    id: 'snapshot.repeat',
    says: 'The same bytes with the same key are a 200.',
    source: SOURCE,
    needs: STORED,
    asks: 'snapshots',
    probe: async (visit) => {
      const state = stateOf(visit);
      const answers = [await publish(visit, state), await publish(visit, state)] as const;
      return every([statusIs(answers[0], 201), statusIs(answers[1], 200)]);
    },
  },
  {
    id: 'snapshot.newer',
    says: 'Other bytes with the same key are a newer state, a 201.',
    source: SOURCE,
    needs: STORED,
    asks: 'snapshots',
    probe: async (visit) => {
      const state = stateOf(visit);
      await publish(visit, state);
      return statusIs(await publish(visit, { ...state, title: 'another' }), 201);
    },
  },
  {
    id: 'snapshot.echo',
    says: 'The answer repeats the key and the hash.',
    source: SOURCE,
    needs: STORED,
    asks: 'snapshots',
    probe: async (visit) => {
      const state = stateOf(visit);
      const { key, bytes } = documentOf(visit, state);
      const seen = await publish(visit, state);
      const isKept =
        member(seen.json, 'idempotency_key') === key &&
        member(seen.json, 'content_hash') === sha256Hex(bytes);
      return whether(isKept, seen.said);
    },
  },
  {
    id: 'snapshot.hash',
    says: 'A snapshot that is not what `X-Content-SHA256` says is a 422.',
    source: SOURCE,
    needs: STORED,
    asks: 'snapshots',
    probe: async (visit) => {
      const headers = { [HEADERS.contentSha256]: sha256Hex('another') };
      return statusIs(await publish(visit, stateOf(visit), headers), 422);
    },
  },
  {
    id: 'snapshot.malformed',
    says: 'What is no snapshot is a 400.',
    source: SOURCE,
    needs: STORED,
    asks: 'snapshots',
    probe: async (visit) => {
      const body = Buffer.from('{"provider":"jira"}');
      const headers = { [HEADERS.contentSha256]: sha256Hex(body) };
      return statusIs(await visit.ask({ path: PATHS.snapshots, body, headers }), 400);
    },
  },
];

/** One state of one tracker of this run. */
interface State {
  readonly workspace: string;
  readonly title: string;
}

function stateOf({ facts, project }: Visit): State {
  return { workspace: `${facts.name()}.${project}`, title: 'one' };
}

function documentOf(
  { project }: Visit,
  { workspace, title }: State,
): { readonly key: string; readonly bytes: Buffer } {
  const ref = { system: 'jira', workspace, id: '1', key: 'C-1', url: null };
  const bytes = encodeSnapshot({
    provider: 'jira',
    workspace,
    resource: { type: 'jira_project', id: 'C' },
    doctrineMode: 'external_authoritative',
    fieldOwners: {},
    projectUuid: project,
    projectSlug: 'conformance',
    issues: [JSON.stringify({ ref, title })],
    mappings: [],
    cursor: null,
    updatedSince: null,
  });
  const resource = { type: 'jira_project', id: 'C' };
  const counts = { issues: 1, mappings: 0, cursor: null };
  return { key: snapshotKey({ provider: 'jira', workspace, resource, ...counts }), bytes };
}

async function publish(
  visit: Visit,
  state: State,
  more: Readonly<Record<string, string>> = {},
): Promise<Seen> {
  const { key, bytes } = documentOf(visit, state);
  const labels = { [HEADERS.idempotencyKey]: key, [HEADERS.contentSha256]: sha256Hex(bytes) };
  const headers = { ...labels, ...more };
  const seen = await visit.ask({ path: PATHS.snapshots, body: bytes, headers });
  if (seen.status === 201) visit.snapshots += 1;
  return seen;
}
