import { describe, expect, it } from 'vitest';
import type { ForegroundIdentity } from '../daemon/index.ts';
import { CANONICAL_FIELDS, compareOwner } from './boundary.ts';

const FOREGROUND: ForegroundIdentity = {
  packageVersion: '1.0.0',
  executablePath: '/usr/bin/node',
  sourcePath: '/opt/kitty',
  serverUrl: 'https://kitty.example',
  teamOrUser: 'a@b.example/team',
  queueDbPath: '/home/a/.spec-kitty/machine.db',
  pid: 7,
};
const SAME = { ...FOREGROUND, serverUrl: 'https://kitty.example', sourcePath: '/opt/kitty' };

it('two programs of one installation agree', () => {
  expect(compareOwner(FOREGROUND, SAME)).toEqual([]);
  expect(compareOwner({ ...FOREGROUND, teamOrUser: null }, { ...SAME, teamOrUser: null })).toEqual(
    [],
  );
});

describe('each field alone', () => {
  it.each([
    ['daemon_package_version', { packageVersion: '2.0.0' }],
    ['daemon_executable_path', { executablePath: '/usr/bin/python3' }],
    ['daemon_source_path', { sourcePath: '/opt/other' }],
    ['daemon_server_url', { serverUrl: 'https://kitty.example/' }],
    ['daemon_team_or_user', { teamOrUser: null }],
    ['daemon_queue_db_path', { queueDbPath: '/home/a/.spec-kitty/../.spec-kitty/machine.db' }],
  ])('%s', (field, change) => {
    const [value] = Object.values(change);
    expect(compareOwner(FOREGROUND, { ...SAME, ...change })).toMatchObject([
      { field, daemonValue: value },
    ]);
  });
});

it('lists all six in the order of the contract', () => {
  const other = {
    ...{ packageVersion: '', executablePath: '', sourcePath: '', serverUrl: '', queueDbPath: '' },
    teamOrUser: '',
  };
  expect(compareOwner(FOREGROUND, other).map(({ field }) => field)).toEqual(CANONICAL_FIELDS);
});

it('doubled and trailing slashes are no difference', () => {
  const record = { ...SAME, executablePath: '//usr//bin/node', sourcePath: '/opt/kitty/' };
  expect(compareOwner(FOREGROUND, record)).toEqual([]);
});
