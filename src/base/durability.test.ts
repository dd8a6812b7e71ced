import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { childScript, traceScript } from '../../test/support/child-script.ts';
import { tempDir } from '../../test/support/temp-home.ts';

const COMMITS = 20;

/** The traced calls, from the mark that the script makes by looking for a file of that name. */
function callsSince(calls: readonly string[], mark: string): readonly string[] {
  return calls.slice(calls.findIndex((call) => call.includes(mark)) + 1);
}

describe('a flush', () => {
  it('is made by every commit, in the write-ahead log, before the next one begins', (test) => {
    const script = childScript(`
      import { existsSync } from 'node:fs';
      import { openDb, systemClock } from './src/base/index.ts';
      const db = openDb(process.argv[2], { clock: systemClock() });
      db.exec('CREATE TABLE t (x)');
      existsSync('/mark-begin');
      for (let n = 0; n < ${COMMITS}; n += 1) db.tx(() => db.run('INSERT INTO t VALUES (:n)', { n }));
      existsSync('/mark-end');
      db.close();
    `);
    const file = path.join(tempDir(), 'flushed.db');
    const calls = traceScript(script, {
      calls: 'fsync,fdatasync,access,faccessat,faccessat2,pwrite64',
      args: [file],
    });
    if (calls === null) {
      test.skip();
      return;
    }
    const all = callsSince(calls, '/mark-begin');
    const during = all.slice(
      0,
      all.findIndex((call) => call.includes('/mark-end')),
    );
    const flushes = during.filter((call) => /f(?:data)?sync\(\d+<[^>]*\.db-wal>/.test(call));
    expect(flushes.length).toBeGreaterThanOrEqual(COMMITS);
    const kinds = during
      .filter((call) => call.includes('.db-wal>'))
      .map((call) => (call.includes('sync(') ? 'flush' : 'write'));
    expect(kinds.at(-1)).toBe('flush');
  });

  it('comes before the rename of a written file, its directory follows, and no mode is mended later', (test) => {
    const script = childScript(`
      import { systemFiles } from './src/base/index.ts';
      const [file, log] = process.argv.slice(2);
      systemFiles.write(file, 'text');
      systemFiles.append(log, 'line');
      systemFiles.append(log, 'line');
      systemFiles.append(log, 'line', 0o600, false);
    `);
    const dir = tempDir();
    const [file, log] = [path.join(dir, 'written'), path.join(dir, 'log')];
    const calls = traceScript(script, {
      calls: 'fsync,fdatasync,rename,chmod,fchmod',
      args: [file, log],
    });
    if (calls === null) {
      test.skip();
      return;
    }
    const steps = calls
      .filter((call) => call.includes(dir))
      .map((call) => {
        if (/rename|chmod/.test(call)) return call.includes('rename') ? 'rename' : 'chmod';
        if (call.includes(`<${dir}>`)) return 'flush directory';
        return call.includes('.tmp>') ? 'flush temporary' : 'flush log';
      });
    expect(steps).toEqual([
      'flush temporary',
      'rename',
      'flush directory',
      'flush log',
      'flush directory',
      'flush log',
    ]);
  });

  it('is made for every directory that is made, up to the first one that was there', (test) => {
    const script = childScript(`
      import { systemFiles } from './src/base/index.ts';
      systemFiles.makeDir(process.argv[2] + '/a/b');
      systemFiles.makeDir(process.argv[2] + '/a/b');
    `);
    const dir = tempDir();
    const calls = traceScript(script, { calls: 'fsync', args: [dir] });
    if (calls === null) {
      test.skip();
      return;
    }
    const flushed = calls
      .map((call) => /<([^>]*)>/.exec(call)?.[1])
      .filter((name) => name?.startsWith(dir) === true);
    expect(flushed).toEqual([`${dir}/a`, dir]);
  });
});
