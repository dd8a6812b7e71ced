import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import {
  createMachine,
  EXAMPLE_FACTS,
  EXAMPLE_MISSIONS,
  type Machine,
} from '../../../test/support/command-line.ts';
import { journalDigest } from '../../../test/support/store-view.ts';

const LOG = path.join('kitty-specs', '001-tide-clock', 'status.events.jsonl');

it('says what it recorded, once', async () => {
  const { machine, at } = await project();
  const first = await machine.run(['sync', 'import'], at);
  expect(first).toMatchObject({ exit: 0, stderr: '' });
  expect(first.stdout).toBe(
    `Recorded ${EXAMPLE_FACTS} new event(s) from 2 mission(s); 0 known already, 0 file(s) unchanged\n`,
  );
  const digest = journalDigest(machine, at.cwd);
  const again = await machine.run(['sync', 'import'], at);
  expect(again.stdout).toContain('Recorded 0 new event(s) from 2 mission(s)');
  expect(again.stdout).toContain('4 file(s) unchanged');
  expect(journalDigest(machine, at.cwd)).toBe(digest);
});

it('says what it would record and keeps nothing of it', async () => {
  const { machine, at } = await project();
  const rehearsed = await machine.run(['sync', 'import', '--dry-run'], at);
  expect(rehearsed.stdout).toContain(`Would record ${EXAMPLE_FACTS} new event(s)`);
  const { json } = await machine.run(['sync', 'import', '--dry-run', '--json'], at);
  expect(json).toMatchObject({ dry_run: true, captured: EXAMPLE_FACTS, missions: 2, bad: [] });
  const status = await machine.run(['sync', 'status', '--json'], at);
  expect(status.json).toMatchObject({
    new_lines: EXAMPLE_FACTS,
    event_journal: { retained_event_count: 0 },
  });
});

it('reads the missions that are named, and says which one it does not find', async () => {
  const { machine, at } = await project();
  const one = ['--mission', '002-harbour-notices'];
  const { json } = await machine.run(['sync', 'import', ...one, '--json'], at);
  expect(json).toMatchObject({ captured: 9, missions: 1 });
  const both = [...one, '--mission', '001-tide-clock'];
  const rest = await machine.run(['sync', 'import', ...both, '--json'], at);
  expect(rest.json).toMatchObject({ captured: EXAMPLE_FACTS - 9 });
  const odd = await machine.run(['sync', 'import', '--mission', '009-none'], at);
  expect(odd).toMatchObject({ exit: 1, stdout: '' });
  expect(odd.stderr).toContain('009-none');
});

it.each([
  ['2026-09-03', 9],
  ['2026-09-03T09:30:00Z', 5],
  ['2026-09-03T11:30:00+02:00', 5],
])('leaves out what happened before %s', async (since, captured) => {
  const { machine, at } = await project();
  const { json } = await machine.run(['sync', 'import', '--since', since, '--json'], at);
  expect(json).toMatchObject({ captured, older: EXAMPLE_FACTS - captured });
});

it('refuses a --since that names no instant', async () => {
  const { machine, at } = await project();
  for (const since of ['yesterday', '2026-09-03T09:30:00', '2026-13-01']) {
    const { json } = await machine.run(['sync', 'import', '--since', since, '--json'], at);
    expect(json).toMatchObject({ error: { code: 'usage' }, exit_code: 2 });
  }
});

it('reports a bad line by file and number, records the rest, and exits 1 each time it is there', async () => {
  const { machine, at } = await project();
  appendFileSync(path.join(at.cwd, LOG), '{"to_lane": }\n{"no":"shape"}\n');
  const ended = await machine.run(['sync', 'import'], at);
  expect(ended).toMatchObject({ exit: 1, stderr: '' });
  expect(ended.stdout).toContain(`Recorded ${EXAMPLE_FACTS} new event(s)`);
  expect(ended.stdout).toMatch(new RegExp(`bad line ${LOG}:13: .+`));
  expect(ended.stdout).toMatch(new RegExp(`bad line ${LOG}:14: .+`));
  const again = await machine.run(['sync', 'import', '--json'], at);
  expect(again.exit).toBe(1);
  expect(again.json).toMatchObject({
    captured: 0,
    bad_lines: 2,
    bad: [{ path: LOG, line: 13 }, {}],
  });
  const status = await machine.run(['sync', 'status', '--check'], at);
  expect(status.exit).toBe(1);
  expect(status.stdout).toContain('2 bad line(s): `spec-kitty sync import` says which and why');
});

it('names twenty bad lines and counts the others', async () => {
  const { machine, at } = await project();
  appendFileSync(path.join(at.cwd, LOG), '{}\n'.repeat(50));
  const { stdout } = await machine.run(['sync', 'import'], at);
  expect(stdout.match(/bad line /g)).toHaveLength(20);
  expect(stdout).toContain('… and 30 more bad lines');
});

it('keeps the first fact of two lines with one id, and says that they contradict each other', async () => {
  const { machine, at } = await project();
  const line =
    '{"at":"2026-09-01T10:00:00Z","event_id":"01M1E6PKC46CQ643DZVMXXQK00","to_lane":"done","wp_id":"WP01","actor":"a","from_lane":"x"}';
  appendFileSync(path.join(at.cwd, LOG), `${line}\n${line.replace('WP01', 'WP02')}\n`);
  const ended = await machine.run(['sync', 'import'], at);
  expect(ended.exit).toBe(1);
  expect(ended.stdout).toContain('1 line(s) contradict events of the same id');
});

it('leaves a line that is still being written for the next time', async () => {
  const { machine, at } = await project();
  appendFileSync(path.join(at.cwd, LOG), '{"at":"2026-09-01T10:0');
  const ended = await machine.run(['sync', 'import'], at);
  expect(ended).toMatchObject({ exit: 0, stderr: '' });
  expect(ended.stdout).toContain('1 last line(s) are still being written; read next time');
});

it('notes a line that names another project, and records it here', async () => {
  const { machine, at } = await project();
  const other = '11111111-2222-4333-8444-555555555555';
  const mission = path.join(at.cwd, 'kitty-specs', '003-moved');
  mkdirSync(mission);
  writeFileSync(
    path.join(mission, 'mission-events.jsonl'),
    `{"event_id":"01M1E6PKC46CQ643DZVMXXQK00","event_type":"SpecifyCompleted","payload":{},"aggregate_id":"003-moved","aggregate_type":"Mission","timestamp":"2026-09-03T09:00:00+00:00","project_uuid":"${other}"}\n`,
  );
  const { stdout, exit } = await machine.run(['sync', 'import'], at);
  expect(exit).toBe(0);
  expect(stdout).toContain(
    `note: lines of kitty-specs/003-moved/mission-events.jsonl name project ${other}`,
  );
});

async function project(): Promise<{
  readonly machine: Machine;
  readonly at: { readonly cwd: string };
}> {
  const machine = createMachine();
  return { machine, at: { cwd: await machine.project('repo', EXAMPLE_MISSIONS) } };
}
