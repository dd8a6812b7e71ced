import os from 'node:os';
import process from 'node:process';
import { describe, expect, it, onTestFinished } from 'vitest';
import { faultsFrom } from './faults.ts';
import { createSystem, type Env } from './system.ts';

const isRoot = process.getuid?.() === 0;
const UNKNOWN_UID = 54_321;

function hostOf(env: Env): ReturnType<typeof createSystem>['host'] {
  return createSystem(env, '/somewhere').host;
}

describe('createSystem', () => {
  it('hands on the environment, directory and fault points it was given', () => {
    const env = { HOME: '/home/alice' };
    const faults = faultsFrom('batch.send', () => {});
    const system = createSystem(env, '/somewhere', faults);
    expect(system).toMatchObject({ env, cwd: '/somewhere' });
    expect(system.faults).toBe(faults);
    expect(system.host).toMatchObject({
      name: os.hostname(),
      pid: process.pid,
      platform: process.platform,
    });
    expect(system.ids.ulid()).toHaveLength(26);
    expect(createSystem({}, '/').faults.at('batch.send')).toBeUndefined();
  });

  it.each([
    [{ LOGNAME: 'a', USER: 'b', LNAME: 'c', USERNAME: 'd' }, 'a'],
    [{ USER: 'b', LNAME: 'c', USERNAME: 'd' }, 'b'],
    [{ LNAME: 'c', USERNAME: 'd' }, 'c'],
    [{ USERNAME: 'd' }, 'd'],
    [{ LOGNAME: '', USER: 'b' }, 'b'],
    [{}, os.userInfo().username],
    [{ LOGNAME: '', USER: '', LNAME: '', USERNAME: '' }, os.userInfo().username],
  ])('names the user as Python does: %j is %s', (env, user) => {
    expect(hostOf(env).user).toBe(user);
  });

  it.each([
    [{ HOME: '/home/alice', USERPROFILE: 'C:\\Users\\alice' }, '/home/alice'],
    [{ USERPROFILE: 'C:\\Users\\alice' }, 'C:\\Users\\alice'],
    [{ HOME: '', USERPROFILE: 'C:\\Users\\alice' }, 'C:\\Users\\alice'],
  ])('finds the home directory in the environment: %j is %s', (env, home) => {
    expect(hostOf(env).homeDir).toBe(home);
  });

  it.each([[{}], [{ HOME: '' }]])('finds the home directory without it: %j', (env) => {
    expect(hostOf(env).homeDir).toBe(os.homedir());
  });

  it('never takes an empty variable of the process for a home directory', () => {
    const before = process.env['HOME'];
    onTestFinished(() => {
      process.env['HOME'] = before;
    });
    process.env['HOME'] = '';
    expect(hostOf({}).homeDir).toBe(os.userInfo().homedir);
  });

  it.skipIf(!isRoot)('names a user without an account by number', () => {
    onTestFinished(() => {
      process.seteuid?.(0);
    });
    process.seteuid?.(UNKNOWN_UID);
    expect(hostOf({}).user).toBe(`uid-${process.geteuid?.()}`);
  });
});
