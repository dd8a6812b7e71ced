import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { systemFiles, type Files } from '../base/index.ts';
import { identifyProcess, isProvablyDead } from './process.ts';

/** @param space the number of the space in which processes are counted, where the platform tells. */
function filesWith(texts: Readonly<Record<string, string>>, space: number | null = null): Files {
  const stat = {
    kind: 'other',
    size: 0,
    modifiedAt: 0,
    changedAt: 0,
    mode: 0o444,
    owner: 0,
  } as const;
  return {
    ...systemFiles,
    readText: (file) => texts[file] ?? null,
    stat: () => (space === null ? null : { ...stat, inode: space }),
  };
}

describe('a process', () => {
  it('is known by its start and by the boot, whatever its name', () => {
    const fields = `S ${Array.from({ length: 30 }, (_, index) => `${index + 4}`).join(' ')}`;
    const files = filesWith({
      '/proc/7/stat': `7 (a) b) ${fields}`,
      '/proc/sys/kernel/random/boot_id': 'boot-1\n',
    });
    expect(identifyProcess(files, 7)).toEqual({ pid: 7, started: '22', boot: 'boot-1' });
    expect(identifyProcess(files, 8)).toEqual({ pid: 8, started: null, boot: 'boot-1' });
  });

  it('is dead for certain only where the platform tells', () => {
    const silent = filesWith({});
    expect(isProvablyDead(silent, { pid: 7, started: '1', boot: 'boot-1' })).toBe(false);
    const telling = filesWith({ '/proc/sys/kernel/random/boot_id': 'boot-2' });
    expect(isProvablyDead(telling, { pid: 7, started: '1', boot: null })).toBe(false);
    expect(isProvablyDead(telling, { pid: 7, started: '1', boot: 'boot-1' })).toBe(true);
    expect(isProvablyDead(telling, { pid: 7, started: '1', boot: 'boot-2' })).toBe(true);
    expect(isProvablyDead(telling, { pid: 7, started: null, boot: 'boot-2' })).toBe(false);
  });

  it('of another container is never dead for certain, unless the machine was started again', () => {
    const here = filesWith({ '/proc/sys/kernel/random/boot_id': 'boot-2' }, 11);
    expect(identifyProcess(here, 8).boot).toBe('boot-2/11');
    expect(isProvablyDead(here, { pid: 7, started: '1', boot: 'boot-2/11' })).toBe(true);
    expect(isProvablyDead(here, { pid: 7, started: '1', boot: 'boot-2/12' })).toBe(false);
    expect(isProvablyDead(here, { pid: 7, started: '1', boot: 'boot-1/12' })).toBe(true);
  });

  it.runIf(process.platform === 'linux')(
    'is recognised while it runs and after it ended',
    async () => {
      expect(isProvablyDead(systemFiles, identifyProcess(systemFiles, process.pid))).toBe(false);
      const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)']);
      await once(child, 'spawn');
      const identity = identifyProcess(systemFiles, child.pid ?? 0);
      expect(isProvablyDead(systemFiles, identity)).toBe(false);
      child.kill('SIGKILL');
      await once(child, 'exit');
      expect(isProvablyDead(systemFiles, identity)).toBe(true);
    },
  );
});
