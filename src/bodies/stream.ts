import type { Stream } from '../delivery/index.ts';

interface BodyRow {
  readonly seq: number;
  readonly artifact_path: string;
  readonly sha256: string;
  readonly content: Uint8Array;
}

const LOAD = `
  SELECT u.seq, u.artifact_path, u.sha256, b.content
  FROM json_each(:seqs) wanted
  CROSS JOIN uploads u ON u.seq = wanted.value
  JOIN blobs b ON b.sha256 = u.sha256
  ORDER BY u.seq`;

/** The texts of artifacts. */
export const bodiesStream: Stream = {
  name: 'bodies',
  code: 2,
  items: 'uploads',
  deliveries: 'body_deliveries',
  present: 'EXISTS (SELECT 1 FROM blobs b WHERE b.sha256 = i.sha256)',
  coalesces: false,
  load: (db, seqs) =>
    db.all<BodyRow>(LOAD, { seqs: JSON.stringify(seqs) }).map((row) => ({
      seq: row.seq,
      id: row.artifact_path,
      sha256: row.sha256,
      bytes: row.content,
    })),
};
