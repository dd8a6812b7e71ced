import type { ItemCounts, Stream } from '../delivery/index.ts';

interface SnapshotRow {
  readonly seq: number;
  readonly id: string;
  readonly idempotency_key: string;
  readonly sha256: string;
  readonly payload: Uint8Array;
}

/** What a person can read and paste. */
const ID = `i.provider || ':' || i.workspace || coalesce(':' || i.resource_id, '') || '@' || substr(i.sha256, 1, 12)`;
const LOAD = `
  SELECT i.seq, ${ID} AS id, i.idempotency_key, i.sha256, i.payload
  FROM json_each(:seqs) wanted
  CROSS JOIN snapshots i ON i.seq = wanted.value
  ORDER BY i.seq`;
const COUNT = `
  SELECT (SELECT coalesce(max(seq), 0) FROM snapshots) AS captured,
    (SELECT count(*) FROM snapshots WHERE eligible = 0 AND seq >= 0) AS ineligible`;

/** The published states of trackers. Each goes out alone and in its turn: a later state follows an earlier one. */
export const snapshotsStream: Stream = {
  name: 'snapshots',
  code: 3,
  items: 'snapshots',
  deliveries: 'snapshot_deliveries',
  present: 'TRUE',
  columns: {
    id: ID,
    type: 'i.provider',
    mission: 'NULL',
    group: `i.provider || ' ' || i.workspace`,
    capturedAt: 'i.created_at',
    attempts: '0',
  },
  coalesces: false,
  waitsFor: null,
  maxBatchItems: 1,
  load: (db, seqs) =>
    db.all<SnapshotRow>(LOAD, { seqs: JSON.stringify(seqs) }).map((row) => ({
      seq: row.seq,
      id: row.id,
      sha256: row.sha256,
      bytes: row.payload,
      idempotencyKey: row.idempotency_key,
    })),
  count: (db) => db.get<ItemCounts>(COUNT) ?? { captured: 0, ineligible: 0 },
};
