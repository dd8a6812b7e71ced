import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemFiles, UserError, type Files } from '../base/index.ts';
import { chooseMissions, discoverMissions, readLog, type Discovery } from './discover.ts';
import { MAX_MISSIONS } from './limits.ts';

let root = '';

beforeEach(() => {
  root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'missions-')));
});

afterEach(() => {
  fs.rmSync(root, { recursive: true, force: true });
});

function put(below: string, text = ''): void {
  const file = path.join(root, below);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
}

function discover(files: Files = systemFiles): Discovery {
  return discoverMissions(files, root);
}

function failing(method: 'lstat' | 'list', at: string, code: string): Files {
  return {
    ...systemFiles,
    [method]: (file: string) => {
      if (file !== path.join(root, at)) return systemFiles[method](file);
      throw Object.assign(new Error(code), code === '' ? {} : { code });
    },
  };
}

it('a project without kitty-specs has no missions and nothing to report', () => {
  expect(discover()).toEqual({ missions: [], files: [], skipped: [] });
});

it('missions are directories, their logs are found by name, the rest is passed over', () => {
  put('kitty-specs/b/status.events.jsonl');
  put('kitty-specs/b/decisions.events.jsonl');
  put('kitty-specs/b/mission-events.jsonl');
  put('kitty-specs/b/other.events.jsonl');
  put('kitty-specs/a/spec.md');
  put('kitty-specs/README.md');
  put('kitty-specs/.cache/status.events.jsonl');
  const found = discover();
  expect(found.missions).toEqual(['a', 'b']);
  expect(found.files.map((file) => file.path)).toEqual([
    'kitty-specs/b/status.events.jsonl',
    'kitty-specs/b/mission-events.jsonl',
    'kitty-specs/b/decisions.events.jsonl',
  ]);
  expect(found.skipped).toEqual([]);
});

it('a linked kitty-specs, mission or log is reported and not followed, wherever it leads', () => {
  const outside = fs.mkdtempSync(path.join(os.tmpdir(), 'outside-'));
  fs.writeFileSync(path.join(outside, 'status.events.jsonl'), '');
  put('kitty-specs/real/status.events.jsonl');
  fs.symlinkSync(outside, path.join(root, 'kitty-specs/linked'));
  fs.symlinkSync('real', path.join(root, 'kitty-specs/alias'));
  fs.mkdirSync(path.join(root, 'kitty-specs/partly'));
  fs.symlinkSync(
    path.join(outside, 'status.events.jsonl'),
    path.join(root, 'kitty-specs/partly/status.events.jsonl'),
  );
  const found = discover();
  expect(found.missions).toEqual(['partly', 'real']);
  expect(found.files.map((file) => file.mission)).toEqual(['real']);
  expect(found.skipped.map(({ path: below, code }) => [below, code])).toEqual([
    ['kitty-specs/alias', 'outside'],
    ['kitty-specs/linked', 'outside'],
    ['kitty-specs/partly/status.events.jsonl', 'outside'],
  ]);
  expect(found.skipped[0]?.reason).toContain('lies outside the project');

  const other = fs.mkdtempSync(path.join(os.tmpdir(), 'other-'));
  fs.symlinkSync(path.join(root, 'kitty-specs'), path.join(other, 'kitty-specs'));
  expect(discoverMissions(systemFiles, other)).toMatchObject({
    missions: [],
    files: [],
    skipped: [{ path: 'kitty-specs', code: 'outside' }],
  });
  fs.rmSync(other, { recursive: true });
  fs.rmSync(outside, { recursive: true });
});

it('what is not what it should be is reported', () => {
  put('kitty-specs/m/status.events.jsonl/file');
  expect(discover().skipped).toMatchObject([
    { path: 'kitty-specs/m/status.events.jsonl', code: 'not_a_file' },
  ]);
  fs.rmSync(path.join(root, 'kitty-specs'), { recursive: true });
  put('kitty-specs');
  expect(discover().skipped).toMatchObject([{ path: 'kitty-specs', code: 'not_a_directory' }]);
});

it('what cannot be looked at is reported, and the others are found', () => {
  put('kitty-specs/a/status.events.jsonl');
  put('kitty-specs/b/status.events.jsonl');
  const closed = discover(failing('lstat', 'kitty-specs/a', 'EACCES'));
  expect(closed.missions).toEqual(['b']);
  expect(closed.skipped).toMatchObject([{ path: 'kitty-specs/a', code: 'unreadable' }]);
  const dark = discover(failing('list', 'kitty-specs', 'EIO'));
  expect(dark).toMatchObject({ files: [], skipped: [{ path: 'kitty-specs', code: 'unreadable' }] });
  expect(() => discover(failing('list', 'kitty-specs', ''))).toThrow();
});

it('no more than a fixed number of missions is looked into', () => {
  put('kitty-specs/m/status.events.jsonl');
  const names = Array.from({ length: MAX_MISSIONS + 1 }, (_, index) => `m${index}`);
  const directory = systemFiles.lstat(path.join(root, 'kitty-specs'));
  const crowded: Files = {
    ...systemFiles,
    list: () => names,
    lstat: (file) => (file.endsWith('.jsonl') ? null : directory),
  };
  const found = discover(crowded);
  expect(found.missions).toHaveLength(MAX_MISSIONS);
  expect(found.skipped).toMatchObject([{ path: `kitty-specs/m${MAX_MISSIONS}`, code: 'too_many' }]);
});

it('missions can be chosen by slug, and an unknown slug names those there are', () => {
  for (const mission of ['a', 'b', 'c']) put(`kitty-specs/${mission}/status.events.jsonl`);
  fs.symlinkSync('a', path.join(root, 'kitty-specs/linked'));
  const found = discover();
  expect(chooseMissions(found, [])).toBe(found);
  const chosen = chooseMissions(found, ['c', 'a']);
  expect(chosen.missions).toEqual(['a', 'c']);
  expect(chosen.files.map(({ mission }) => mission)).toEqual(['a', 'c']);
  expect(chosen.skipped).toEqual([]);
  expect(chooseMissions(found, ['linked']).skipped).toHaveLength(1);
  expect(() => chooseMissions(found, ['a', 'd'])).toThrow('this project has a, b, c');
  expect(() => chooseMissions({ missions: [], files: [], skipped: [] }, ['d'])).toThrow(UserError);
  const many = Array.from({ length: 30 }, (_, index) => `m${index}`);
  expect(() => chooseMissions({ missions: many, files: [], skipped: [] }, ['d'])).toThrow(
    'and 10 more',
  );
});

it('asking for a mission of a kitty-specs that is not read says why instead of blaming the slug', () => {
  const closed = { path: 'kitty-specs', code: 'outside', reason: '' } as const;
  const found = { missions: [], files: [], skipped: [closed] };
  expect(chooseMissions(found, ['a']).skipped).toEqual([closed]);
});

it('a log that became a link after it was found is not read', () => {
  put('kitty-specs/m/status.events.jsonl', 'mine');
  put('elsewhere', 'not mine');
  const [file] = discover().files;
  if (file === undefined) throw new Error('a log is found');
  expect(readLog(systemFiles, root, file)).toMatchObject({ bytes: Buffer.from('mine') });
  fs.rmSync(file.absolutePath);
  expect(readLog(systemFiles, root, file)).toMatchObject({ code: 'unreadable' });
  fs.symlinkSync(path.join(root, 'elsewhere'), file.absolutePath);
  expect(readLog(systemFiles, root, file)).toMatchObject({ code: 'outside' });
});
