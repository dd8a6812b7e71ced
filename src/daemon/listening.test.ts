import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { until } from '../../test/support/daemon-trial.ts';
import { tempDir } from '../../test/support/temp-home.ts';
import { openDb, systemClock, systemFiles } from '../base/index.ts';
import { createDoorbell } from './doorbell.ts';
import { watchTree } from './tree-watch.ts';

it('a doorbell rings once for what others commit, and again after its file came back', () => {
  const file = path.join(tempDir(), 'a.db');
  const clock = systemClock();
  const bell = createDoorbell(file, clock);
  onTestFinished(() => {
    bell.close();
  });
  expect([bell.rang(), bell.db]).toEqual([false, null]);
  const db = openDb(file, { clock });
  db.exec('CREATE TABLE t (n INTEGER) STRICT');
  expect([bell.rang(), bell.rang()]).toEqual([true, false]);
  db.run('INSERT INTO t VALUES (1)');
  expect([bell.rang(), bell.rang()]).toEqual([true, false]);
  expect(bell.db?.get('SELECT n FROM t')).toEqual({ n: 1 });
  db.close();
  const spoiled = path.join(tempDir(), 'b.db');
  writeFileSync(spoiled, 'this is no database');
  const silent = createDoorbell(spoiled, clock);
  expect([silent.rang(), silent.db]).toEqual([false, null]);
  rmSync(spoiled);
  openDb(spoiled, { clock }).close();
  expect(silent.rang()).toBe(true);
  silent.close();
});

it('a tree is changed by any file in it until that is dealt with, and a look finds what no notice told', async () => {
  const root = path.join(tempDir(), 'kitty-specs');
  // Nothing is there to be watched yet; the sweep looks all the same.
  const early = watchTree(systemFiles, root);
  expect(early.isStirred).toBe(true);
  expect([early.hasChanged(), early.isStirred]).toEqual([true, false]);
  early.settle();
  const file = path.join(root, '001-demo', 'spec.md');
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, '# Spec\n');
  expect(early.hasChanged()).toBe(true);
  early.close();
  const watch = watchTree(systemFiles, root);
  onTestFinished(() => {
    watch.close();
  });
  expect(watch.hasChanged()).toBe(true);
  watch.settle();
  expect(watch.hasChanged()).toBe(false);
  appendFileSync(file, 'more\n');
  await until(() => watch.isStirred);
  expect([watch.hasChanged(), watch.hasChanged()]).toEqual([true, true]);
  watch.settle();
  rmSync(file);
  expect(watch.hasChanged()).toBe(true);
});

it('a tree that cannot be looked at is as good as empty, and stops nobody', () => {
  const root = tempDir();
  writeFileSync(path.join(root, 'a'), 'a');
  const closed = (): never => {
    throw Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES', errno: -13 });
  };
  const unlisted = watchTree({ ...systemFiles, list: closed }, root);
  const unseen = watchTree({ ...systemFiles, lstat: closed }, root);
  for (const watch of [unlisted, unseen]) {
    expect(watch.hasChanged()).toBe(true);
    watch.settle();
    expect(watch.hasChanged()).toBe(false);
    watch.close();
  }
});
