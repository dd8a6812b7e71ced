import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { ARTIFACTS, createMachine, EXAMPLE_MISSIONS } from '../support/command-line.ts';
import { answerAll, recordingServer } from '../support/recording-server.ts';
import { realReceiver } from '../support/real-receiver.ts';

async function delivered(url: string) {
  const machine = createMachine(ARTIFACTS);
  const root = await machine.project('repo', EXAMPLE_MISSIONS);
  const run = (...line: readonly string[]) => machine.run(['sync', ...line], { cwd: root });
  const named = await run('mode', 'EXTERNAL_RECEIVER', '--endpoint', url);
  expect(named).toMatchObject({ exit: 0 });
  expect(await run('now')).toMatchObject({ exit: 0 });
  return run;
}

it('finds what a receiver confirmed and has lost, and the command it names brings it back', async () => {
  const receiver = await realReceiver();
  const run = await delivered(receiver.url);
  const sound = await run('verify', '--target', receiver.url, '--json');
  expect(sound).toMatchObject({ exit: 0, json: { target: { all_held: true } } });
  const target = sound.json['target'] as {
    readonly events: { readonly delivered: number };
    readonly bodies: { readonly delivered: number };
  };
  expect(target.events).toMatchObject({ held: target.events.delivered, absent: 0, differing: 0 });
  expect(target.bodies).toMatchObject({ held: target.bodies.delivered, absent: 0 });
  expect(target.bodies.delivered).toBeGreaterThan(3);
  const before = await receiver.holdings();

  const db = new Database(receiver.file);
  db.pragma('foreign_keys = OFF');
  const lost = db
    .prepare<[], { event_id: string }>(
      `DELETE FROM events WHERE rowid IN (SELECT rowid FROM events WHERE type = 'WPStatusChanged' LIMIT 3)
       RETURNING event_id`,
    )
    .all();
  const changed = db
    .prepare<[], { event_id: string }>(
      `UPDATE events SET sha256 = '${'0'.repeat(64)}'
       WHERE rowid = (SELECT max(rowid) FROM events) RETURNING event_id`,
    )
    .all();
  db.exec(`UPDATE artifact_versions SET stored_at = NULL WHERE path = 'spec.md'`);
  db.close();

  const found = await run('verify', '--target', receiver.url, '--json');
  expect(found).toMatchObject({
    exit: 3,
    json: {
      ...{ intact: true, flaws: [] },
      target: {
        all_held: false,
        events: {
          ...{ absent: 3, differing: 1, held: target.events.delivered - 4 },
          differing_ids: changed.map((each) => each.event_id),
        },
      },
    },
  });
  const { events, bodies } = found.json['target'] as {
    readonly events: { readonly absent_ids: readonly string[] };
    readonly bodies: { readonly absent_ids: readonly string[] };
  };
  expect([...events.absent_ids].sort()).toEqual(lost.map((each) => each.event_id).sort());
  expect(bodies.absent_ids.length).toBeGreaterThan(0);
  expect(bodies.absent_ids.every((id) => id.includes('/spec.md@'))).toBe(true);

  const told = await run('verify', '--target', receiver.url);
  const again = /`spec-kitty sync (replay [^`]+)`/.exec(told.stdout)?.[1] ?? '';
  await run(...again.split(' '));
  const after = await run('verify', '--target', receiver.url, '--json');
  expect(after.json['target']).toMatchObject({
    ...{ events: { absent: 0 }, bodies: { absent: 0 } },
  });
  expect(await receiver.holdings()).toHaveLength(before.length);
});

it('says of a receiver that lists nothing that nothing was compared, and of a target that is none that it is none', async () => {
  const server = await recordingServer((request) => answerAll(request));
  const run = await delivered(server.url);
  const silent = await run('verify', '--target', server.url);
  expect(silent.exit).toBe(1);
  expect(silent.stdout).toContain('nothing could be compared');
  const unknown = await run('verify', '--target', 'http://127.0.0.1:1', '--json');
  expect(unknown).toMatchObject({ json: { error: { code: 'target_unknown' } } });
});
