import fs from 'node:fs';
import path from 'node:path';
import type { Db } from '../../base/index.ts';
import type { Site } from './site.ts';

/** Something that goes wrong on real machines, and the check that exists for it. */
export interface Fault {
  readonly name: string;
  readonly code: string;
  inflict(site: Site): void;
  /** What the printed command would do that the self-test must not: install a newer program. */
  readonly standIn?: (site: Site) => void;
}

const NEVER_A_PID = 4_194_305;
const PAYLOAD = `'{"build_id":"self-test"}'`;
const EMIT = `spec-kitty emit BuildHeartbeat --payload ${PAYLOAD}`;

/** One fault for each way in which a check can strike that one home can be brought into. */
export const FAULTS: readonly Fault[] = [
  {
    name: 'the store is no database any more',
    code: 'store_damaged',
    inflict: (site) => {
      spoil(site.store());
    },
  },
  {
    name: 'a counter of the ledger is wrong',
    code: 'books_unbalanced',
    inflict: (site) => {
      change(site, site.store(), 'UPDATE delivery_counts SET n = n + 1');
    },
  },
  {
    name: 'the stored mode is no mode',
    code: 'mode_unknown',
    inflict: (site) => {
      change(site, site.store(), "UPDATE active SET mode = 'BROADCAST'");
    },
  },
  {
    name: 'a torn file lies beside the store',
    code: 'beside_store',
    inflict: (site) => {
      const name = '1795178200252-abcdefabcdef-7-1.ndjson.corrupt';
      site.write(path.join(site.store().replace(/\.db$/, '.spill'), name), '{"torn');
    },
  },
  {
    name: 'an event waits beside a store that was locked',
    code: 'beside_store',
    inflict: (site) => {
      site.open(site.store(), (db) => {
        const open = db.begin();
        site.type(EMIT);
        open.rollback();
      });
    },
  },
  {
    name: 'a mission has a new line',
    code: 'new_lines',
    inflict: ({ mission }) => {
      const [line = ''] = fs.readFileSync(mission, 'utf8').split('\n');
      fs.appendFileSync(mission, `${line.replace('KFB"', 'KFC"')}\n`);
    },
  },
  {
    name: 'the route was stopped',
    code: 'route_blocked',
    inflict: (site) => {
      const sql =
        "UPDATE routes SET blocked_reason = 'halted', blocked_detail = 'self-test', blocked_at = 1";
      change(site, site.store(), sql);
    },
  },
  {
    name: 'an event was recorded and not sent',
    code: 'not_delivered',
    inflict: (site) => {
      site.type(EMIT);
    },
  },
  {
    name: 'an old queue holds rows',
    code: 'legacy_rows',
    inflict: (site) => {
      oldQueue(site, (envelope) => ({ ...envelope, event_id: '01M1E6PKC46CQ643DZVMXXQKFD' }));
    },
  },
  {
    name: 'an old queue holds another content of a known event',
    code: 'beside_store',
    inflict: (site) => {
      oldQueue(site, (envelope) => ({ ...envelope, event_type: 'WPCreated' }));
      site.type('spec-kitty sync migrate');
    },
  },
  {
    name: 'an old queue is no database any more',
    code: 'beside_store',
    inflict: (site) => {
      site.write(path.join(site.home, 'queues', 'queue-0123456789abcdef.db'), 'garbage');
    },
  },
  {
    name: 'the machine file is no database any more',
    code: 'store_unreadable',
    inflict: ({ home }) => {
      spoil(path.join(home, 'machine.db'));
    },
  },
  {
    name: 'a newer program changed the machine file',
    code: 'machine_unreadable',
    inflict: (site) => {
      change(site, path.join(site.home, 'machine.db'), NEWER);
    },
    standIn: (site) => {
      change(site, path.join(site.home, 'machine.db'), UNDERSTOOD);
    },
  },
  {
    name: 'a newer program changed the store',
    code: 'store_newer',
    inflict: (site) => {
      change(site, site.store(), NEWER);
    },
    standIn: (site) => {
      change(site, site.store(), UNDERSTOOD);
    },
  },
  {
    name: 'a daemon of another version runs',
    code: 'owner_mismatch',
    inflict: (site) => {
      site.type('spec-kitty daemon start');
      const file = path.join(site.home, 'machine.db');
      change(site, file, "UPDATE daemon SET package_version = '0.0.0'");
    },
  },
  {
    name: 'the daemon died without a word',
    code: 'daemon_silent',
    inflict: (site) => {
      const file = path.join(site.home, 'machine.db');
      const sql = `INSERT INTO daemon (one, fence, pid, started, boot, environment, expires_at)
        VALUES (1, 1, ${NEVER_A_PID}, '1', '', '{}', 1)`;
      change(site, file, sql);
    },
  },
  {
    name: 'a dead daemon of the earlier program left its record',
    code: 'orphan_owner',
    inflict: (site) => {
      site.write(ownerFile(site), JSON.stringify(ownerRecord(site)));
    },
  },
  {
    name: 'the record of the earlier program cannot be read',
    code: 'owner_unreadable',
    inflict: (site) => {
      site.write(ownerFile(site), '{');
    },
  },
];

const NEWER = `INSERT INTO migrations (number, name, sha256, breaking, applied_at)
  VALUES (9999, 'later', '', 1, 0); PRAGMA user_version = 9999`;
const UNDERSTOOD = 'UPDATE migrations SET breaking = 0 WHERE number = 9999';

function change(site: Site, file: string, sql: string): void {
  site.open(file, (db: Db) => {
    db.exec(sql);
  });
}

function spoil(file: string): void {
  for (const name of [`${file}-wal`, `${file}-shm`]) fs.rmSync(name, { force: true });
  fs.writeFileSync(file, 'this is no database');
}

function ownerFile({ home }: Site): string {
  return path.join(home, 'sync', 'daemon', 'owner.json');
}

function ownerRecord({ home }: Site): Readonly<Record<string, unknown>> {
  return {
    pid: NEVER_A_PID,
    port: 9400,
    token: '',
    package_version: '3.2.5',
    executable_path: '/nowhere/python',
    source_checkout_path: '/nowhere',
    server_url: 'https://kitty.example',
    queue_db_path: path.join(home, 'queue.db'),
    started_at: '2026-06-29T10:00:00+00:00',
  };
}

type Envelope = Readonly<Record<string, unknown>>;

/** A queue as the earlier program left it, with one row made of the newest fact of the journal. */
function oldQueue(site: Site, make: (envelope: Envelope) => Envelope): void {
  const text = site.open(site.store(), (db) =>
    db.get<{ payload: Buffer }>('SELECT payload FROM event_payloads ORDER BY seq DESC LIMIT 1'),
  );
  const envelope = make(JSON.parse(text?.payload.toString() ?? '{}') as Envelope);
  site.open(path.join(site.home, 'queue.db'), (db) => {
    db.exec(`CREATE TABLE queue (id INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT UNIQUE NOT NULL,
      event_type TEXT NOT NULL, data TEXT NOT NULL, timestamp INTEGER NOT NULL, retry_count INTEGER DEFAULT 0)`);
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
