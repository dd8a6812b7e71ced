import type { ItemCounts, Stream } from '../delivery/index.ts';
import type { ProjectId } from '../wire/index.ts';

interface BodyRow {
  readonly seq: number;
  readonly id: string;
  readonly project_id: ProjectId;
  readonly mission_slug: string;
  readonly target_branch: string;
  readonly mission_type: string;
  readonly manifest_version: string;
  readonly artifact_path: string;
  readonly sha256: string;
  readonly content: Uint8Array;
}

/** One body a request, so a group shares no more than its rows in the ledger. */
const MAX_GROUP = 32;
/** What a person can read and paste: two branches may hold the same text of the same file. */
const ID = `i.mission_slug || '/' || i.artifact_path || '@' || substr(i.sha256, 1, 12)`;
const NAMESPACE = `i.mission_slug || ' on ' || i.target_branch || ' (' || i.mission_type || ' ' || i.manifest_version || ')'`;
const LOAD = `
  SELECT i.seq, ${ID} AS id, i.project_id, i.mission_slug, i.target_branch, i.mission_type, i.manifest_version,
    i.artifact_path, i.sha256, b.content
  FROM json_each(:seqs) wanted
  CROSS JOIN uploads i ON i.seq = wanted.value
  JOIN blobs b ON b.sha256 = i.sha256
  ORDER BY i.seq`;

const COUNT = `
  SELECT (SELECT coalesce(max(seq), 0) FROM uploads) AS captured,
    (SELECT count(*) FROM uploads WHERE eligible = 0 AND seq >= 0) AS ineligible`;

/** The texts of artifacts, each behind the event that announces it. */
export const bodiesStream: Stream = {
  name: 'bodies',
  code: 2,
  items: 'uploads',
  deliveries: 'body_deliveries',
  present: 'EXISTS (SELECT 1 FROM blobs b WHERE b.sha256 = i.sha256)',
  columns: {
    id: ID,
    type: 'i.artifact_path',
    mission: 'i.mission_slug',
    group: NAMESPACE,
    capturedAt: 'i.created_at',
    attempts: 'i.retry_count',
  },
  coalesces: false,
  waitsFor: 'i.index_seq',
  maxBatchItems: MAX_GROUP,
  load: (db, seqs) =>
    db.all<BodyRow>(LOAD, { seqs: JSON.stringify(seqs) }).map((row) => ({
      seq: row.seq,
      id: row.id,
      sha256: row.sha256,
      bytes: row.content,
      place: {
        projectUuid: row.project_id,
        missionSlug: row.mission_slug,
        targetBranch: row.target_branch,
        missionType: row.mission_type,
        manifestVersion: row.manifest_version,
        artifactPath: row.artifact_path,
      },
    })),
  count: (db) => db.get<ItemCounts>(COUNT) ?? { captured: 0, ineligible: 0 },
};
