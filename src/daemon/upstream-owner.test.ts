import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { tempDir } from '../../test/support/temp-home.ts';
import { createSystem } from '../base/index.ts';
import { homePaths, type Place } from '../home/index.ts';
import { readUpstreamOwner } from './upstream-owner.ts';

const TOKEN = 'f00df00df00df00df00df00df00df00d';
const NEVER_A_PID = 4_194_305;

/** The record as the earlier program writes it. */
function recordOf(change: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    pid: process.pid,
    port: 9400,
    token: TOKEN,
    package_version: '3.2.5',
    executable_path: process.execPath,
    source_checkout_path: '/srv/spec-kitty',
    server_url: 'https://kitty.example',
    auth_principal: 'a@b.example',
    auth_team: 'team-1',
    auth_scope: 'https://kitty.example|a@b.example|team-1',
    queue_db_path: '/h/queues/queue-0123456789abcdef.db',
    started_at: '2026-06-29T10:00:00+00:00',
    ...change,
  });
}

function place(record: string | null = null): Place & { readonly file: string } {
  const root = tempDir();
  const system = createSystem({ HOME: root, SPEC_KITTY_HOME: root }, root);
  const file = path.join(root, 'sync', 'daemon', 'owner.json');
  mkdirSync(path.dirname(file), { recursive: true });
  if (record !== null) writeFileSync(file, record);
  return { system, paths: homePaths(system), file };
}

it('is absent where no record lies', () => {
  expect(readUpstreamOwner(place())).toMatchObject({ status: 'absent', record: null });
});

it('is present while its process runs, and its token is read by nobody', () => {
  const owner = readUpstreamOwner(place(recordOf()));
  expect(owner).toMatchObject({
    status: 'present',
    record: { pid: process.pid, port: 9400, teamOrUser: 'a@b.example/team-1' },
  });
  expect(JSON.stringify(owner)).not.toContain(TOKEN);
});

it.each([
  [{ auth_team: null }, 'a@b.example'],
  [{ auth_team: '' }, 'a@b.example'],
  [{ auth_principal: null }, null],
  [{ auth_principal: undefined, auth_team: undefined }, null],
])('names whom it speaks for: %j', (change, expected) => {
  expect(readUpstreamOwner(place(recordOf(change))).record?.teamOrUser).toBe(expected);
});

it('takes numbers written as texts', () => {
  const change = { pid: String(process.pid), port: ' 9401 ' };
  expect(readUpstreamOwner(place(recordOf(change))).record).toMatchObject({
    pid: process.pid,
    port: 9401,
  });
});

describe('is an orphan', () => {
  it('when its process is gone', () => {
    const owner = readUpstreamOwner(place(recordOf({ pid: NEVER_A_PID })));
    expect(owner).toMatchObject({
      status: 'orphan',
      detail: `no process ${NEVER_A_PID} runs`,
      record: { pid: NEVER_A_PID },
    });
  });

  it('when its interpreter is not there any more', () => {
    const owner = readUpstreamOwner(place(recordOf({ executable_path: '/nowhere/python' })));
    expect(owner).toMatchObject({ status: 'orphan', detail: '/nowhere/python is not there' });
  });
});

describe('is unreadable, which is not absent', () => {
  it.each([
    'no json',
    '[]',
    'null',
    '{}',
    recordOf({ pid: 'x' }),
    recordOf({ pid: 1.5 }),
    recordOf({ token: undefined }),
    recordOf({ server_url: null }),
  ])('%s', (text) => {
    expect(readUpstreamOwner(place(text))).toMatchObject({ status: 'unreadable', record: null });
  });

  it('a link to a record elsewhere', () => {
    const there = place();
    const elsewhere = path.join(tempDir(), 'owner.json');
    writeFileSync(elsewhere, recordOf());
    symlinkSync(elsewhere, there.file);
    expect(readUpstreamOwner(there)).toMatchObject({
      status: 'unreadable',
      detail: 'it is a symbolic link',
    });
  });
});
