import { spawn } from 'node:child_process';
import path from 'node:path';
import { sha256Hex } from '../../base/index.ts';
import type { Site } from './site.ts';

// What the Python command line leaves in a home: the record of its daemon, the daemon itself, its queue.

/** Beyond the highest number that any system gives a process. */
export const NEVER_A_PID = 4_194_305;

/** Where the record of its daemon lies. */
export function ownerFile({ home }: Site): string {
  return path.join(home, 'sync', 'daemon', 'owner.json');
}

/** Leaves the record of a daemon that serves this home. */
export function leaveRecord(
  site: Site,
  change: { readonly pid: number } & Readonly<Record<string, unknown>>,
): void {
  const record = {
    port: 9400,
    token: '',
    package_version: '3.2.5',
    source_checkout_path: '/nowhere',
    server_url: 'https://kitty.example',
    queue_db_path: path.join(site.home, 'queue.db'),
    started_at: '2026-06-29T10:00:00+00:00',
    ...change,
  };
  site.write(ownerFile(site), JSON.stringify(record));
}

const LONGEST_LIFE_MS = 120_000;

/** Starts a process that by its command line is the daemon of this home and no other; it ends by itself. */
export function pretendDaemon({ home, system }: Site): number {
  const lives = `setTimeout(() => {}, ${LONGEST_LIFE_MS})`;
  const words = ['-e', lives, 'run_sync_daemon', `--spec-kitty-daemon-root=${home}`];
  const child = spawn(system.program.executable, words, { stdio: 'ignore' });
  child.unref();
  return child.pid ?? NEVER_A_PID;
}

type Envelope = Readonly<Record<string, unknown>>;

/** A queue with one row made of the newest fact of the journal. */
export function oldQueue(site: Site, make: (envelope: Envelope) => Envelope): void {
  const text = site.open(site.store(), (db) =>
    db.get<{ payload: Buffer }>('SELECT payload FROM event_payloads ORDER BY seq DESC LIMIT 1'),
  );
  const envelope = make(JSON.parse(text?.payload.toString() ?? '{}') as Envelope);
  site.open(path.join(site.home, 'queue.db'), (db) => {
    db.exec(QUEUE);
    db.run(
      'INSERT INTO queue (event_id, event_type, data, timestamp) VALUES (:id, :type, :data, 1)',
      {
        id: String(envelope['event_id']),
        type: String(envelope['event_type']),
        data: JSON.stringify(envelope),
      },
    );
  });
}

const TEXT = { path: 'research.md', content: '# A text that nothing announced\n' };

/** A queue with one text of the project, put there long ago, whose announcement nobody has. */
export function oldText(site: Site): typeof TEXT {
  const projectId = path.basename(site.store(), '.db');
  const bytes = Buffer.from(TEXT.content);
  site.open(path.join(site.home, 'queue.db'), (db) => {
    db.exec(`${QUEUE}; ${BODIES}`);
    db.run(
      `INSERT INTO body_upload_queue (project_uuid, mission_slug, target_branch, mission_type, manifest_version,
         artifact_path, content_hash, content_body, size_bytes, created_at)
       VALUES (:projectId, '001-self-test', 'main', 'software-dev', '1', :path, :sha256, :content, :bytes, 1)`,
      { projectId, sha256: sha256Hex(bytes), bytes: bytes.length, ...TEXT },
    );
  });
  return TEXT;
}

const QUEUE = `CREATE TABLE queue (id INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT UNIQUE NOT NULL,
  event_type TEXT NOT NULL, data TEXT NOT NULL, timestamp INTEGER NOT NULL, retry_count INTEGER DEFAULT 0)`;
const BODIES = `CREATE TABLE body_upload_queue (id INTEGER PRIMARY KEY AUTOINCREMENT, project_uuid TEXT NOT NULL,
  mission_slug TEXT NOT NULL, target_branch TEXT NOT NULL, mission_type TEXT NOT NULL,
  manifest_version TEXT NOT NULL, artifact_path TEXT NOT NULL, content_hash TEXT NOT NULL,
  hash_algorithm TEXT NOT NULL DEFAULT 'sha256', content_body TEXT NOT NULL, size_bytes INTEGER NOT NULL,
  retry_count INTEGER NOT NULL DEFAULT 0, next_attempt_at REAL NOT NULL DEFAULT 0.0, created_at REAL NOT NULL,
  last_error TEXT)`;
