import fs from 'node:fs';
import path from 'node:path';
import { leaveRecord, NEVER_A_PID, oldQueue, ownerFile, pretendDaemon } from './earlier-program.ts';
import { change, EMIT, type Fault, type StandIn } from './fault.ts';
import { SENDING_FAULTS } from './sending-faults.ts';
import type { Site } from './site.ts';

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
    standIn: newerProgram((site) => path.join(site.home, 'machine.db')),
  },
  {
    name: 'a newer program changed the store',
    code: 'store_newer',
    inflict: (site) => {
      change(site, site.store(), NEWER);
    },
    standIn: newerProgram((site) => site.store()),
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
      leaveRecord(site, { pid: NEVER_A_PID, executable_path: '/nowhere/python' });
    },
  },
  {
    name: 'the record of the earlier program cannot be read',
    code: 'owner_unreadable',
    inflict: (site) => {
      site.write(ownerFile(site), '{');
    },
  },
  {
    name: 'a daemon of the earlier program serves this home',
    code: 'owner_mismatch',
    inflict: (site) => {
      const { program, clock } = site.system;
      const started_at = new Date(clock.now()).toISOString();
      const pid = pretendDaemon(site);
      leaveRecord(site, { pid, started_at, executable_path: program.executable });
    },
  },
  {
    name: 'a daemon of the earlier program runs that no record names',
    code: 'stray_daemons',
    inflict: (site) => {
      pretendDaemon(site);
    },
  },
  ...SENDING_FAULTS,
];

const NEWER = `INSERT INTO migrations (number, name, sha256, breaking, applied_at)
  VALUES (9999, 'later', '', 1, 0); PRAGMA user_version = 9999`;
const UNDERSTOOD = 'UPDATE migrations SET breaking = 0 WHERE number = 9999';

function newerProgram(fileOf: (site: Site) => string): StandIn {
  return {
    insteadOf: 'npm ',
    act: (site) => {
      change(site, fileOf(site), UNDERSTOOD);
    },
  };
}

function spoil(file: string): void {
  for (const name of [`${file}-wal`, `${file}-shm`]) fs.rmSync(name, { force: true });
  fs.writeFileSync(file, 'this is no database');
}
