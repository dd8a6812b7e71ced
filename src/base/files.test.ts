import {
  chmodSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { describe, expect, it, onTestFinished } from 'vitest';
import { thrownBy } from '../../test/support/refusal.ts';
import { tempDir } from '../../test/support/temp-home.ts';
import { systemFiles as files } from './files.ts';
import { errnoOf } from './files/descriptor.ts';

const PERMISSIONS = 0o777;

function modeOf(file: string): number {
  return statSync(file).mode & PERMISSIONS;
}

/** Nothing is held back from the modes that the product asks for. */
function withoutUmask(): void {
  const before = process.umask(0);
  onTestFinished(() => {
    process.umask(before);
  });
}

describe('looking at the file system', () => {
  it('tells files, directories, links and others apart', () => {
    const dir = tempDir();
    writeFileSync(path.join(dir, 'file'), 'four');
    symlinkSync(path.join(dir, 'file'), path.join(dir, 'link'));
    chmodSync(path.join(dir, 'file'), 0o640);
    const stat = files.stat(path.join(dir, 'file'));
    expect(stat).toMatchObject({ kind: 'file', size: 4, mode: 0o640, owner: process.getuid?.() });
    expect(stat?.inode).toBe(statSync(path.join(dir, 'file')).ino);
    expect(stat?.modifiedAt).toBe(statSync(path.join(dir, 'file')).mtimeMs);
    expect(files.stat(path.join(dir, 'link'))?.kind).toBe('file');
    expect(files.lstat(path.join(dir, 'link'))?.kind).toBe('symlink');
    expect(files.lstat(dir)?.kind).toBe('directory');
    expect(files.stat('/dev/null')?.kind).toBe('other');
  });

  it('answers null where nothing is, below a file too, and where a link leads nowhere', () => {
    const dir = tempDir();
    writeFileSync(path.join(dir, 'file'), '');
    symlinkSync(path.join(dir, 'nowhere'), path.join(dir, 'dangling'));
    for (const name of ['absent', 'file/below']) {
      expect(files.stat(path.join(dir, name))).toBeNull();
      expect(files.lstat(path.join(dir, name))).toBeNull();
      expect(files.readText(path.join(dir, name))).toBeNull();
      expect(files.list(path.join(dir, name))).toEqual([]);
    }
    expect(files.stat(path.join(dir, 'dangling'))).toBeNull();
    expect(files.lstat(path.join(dir, 'dangling'))?.kind).toBe('symlink');
  });

  it('throws what is no absence, with its name', () => {
    expect(errnoOf(thrownBy(() => files.readText(tempDir())))).toBe('EISDIR');
    expect(errnoOf('text')).toBe('');
    expect(errnoOf(new Error('plain'))).toBe('');
    expect(errnoOf(Object.assign(new Error('odd'), { code: 7 }))).toBe('');
  });

  it('reads text, resolves links and lists names by code unit', () => {
    const dir = tempDir();
    for (const name of ['b', 'a', 'B', '\u{1f600}', '\uffee'])
      writeFileSync(path.join(dir, name), name);
    expect(files.list(dir)).toEqual(['B', 'a', 'b', '\u{1f600}', '\uffee']);
    expect(files.readText(path.join(dir, '\uffee'))).toBe('\uffee');
    symlinkSync(path.join(dir, 'a'), path.join(dir, 'link'));
    expect(files.realpath(path.join(dir, 'link'))).toBe(path.join(realpathSync(dir), 'a'));
  });
});

describe('readStart', () => {
  it('reads the beginning of a file, and nothing where there is none or it cannot be read', () => {
    const dir = tempDir();
    writeFileSync(path.join(dir, 'file'), 'first line');
    expect(files.readStart(path.join(dir, 'file'), 5)?.toString()).toBe('first');
    expect(files.readStart(path.join(dir, 'file'), 500)?.toString()).toBe('first line');
    expect(files.readStart(path.join(dir, 'absent'), 5)).toBeNull();
    expect(files.readStart(dir, 5)).toBeNull();
  });
});

describe('making and removing', () => {
  it('makes a directory with its parents for the owner alone, whatever the umask', () => {
    withoutUmask();
    const dir = tempDir();
    files.makeDir(path.join(dir, 'a', 'b'));
    files.makeDir(path.join(dir, 'a', 'b'));
    expect(modeOf(path.join(dir, 'a'))).toBe(0o700);
    expect(modeOf(path.join(dir, 'a', 'b'))).toBe(0o700);
    files.makeDir(path.join(dir, 'open'), 0o755);
    expect(modeOf(path.join(dir, 'open'))).toBe(0o755);
  });

  it('renames, over an existing file too', () => {
    const dir = tempDir();
    writeFileSync(path.join(dir, 'from'), 'moved');
    writeFileSync(path.join(dir, 'to'), 'old');
    files.rename(path.join(dir, 'from'), path.join(dir, 'to'));
    expect(readdirSync(dir)).toEqual(['to']);
    expect(files.readText(path.join(dir, 'to'))).toBe('moved');
  });

  it('removes a file, and does not mind when it is gone', () => {
    const file = path.join(tempDir(), 'file');
    writeFileSync(file, '');
    files.remove(file);
    files.remove(file);
    expect(files.lstat(file)).toBeNull();
  });
});

describe('write', () => {
  it('makes a file for the owner alone, whatever the umask', () => {
    withoutUmask();
    const dir = tempDir();
    files.write(path.join(dir, 'private'), 'text');
    files.write(path.join(dir, 'public'), Buffer.from([0, 255]), 0o644);
    expect(modeOf(path.join(dir, 'private'))).toBe(0o600);
    expect(modeOf(path.join(dir, 'public'))).toBe(0o644);
    expect(readFileSync(path.join(dir, 'public'))).toEqual(Buffer.from([0, 255]));
  });

  it('replaces a file as a whole: who has it open still reads the old one', () => {
    const dir = tempDir();
    const file = path.join(dir, 'file');
    files.write(file, 'old');
    linkSync(file, path.join(dir, 'other name'));
    files.write(file, 'new');
    expect(files.readText(file)).toBe('new');
    expect(files.readText(path.join(dir, 'other name'))).toBe('old');
  });

  it('leaves the old file and no other when it fails', () => {
    const dir = tempDir();
    mkdirSync(path.join(dir, 'taken'));
    writeFileSync(path.join(dir, 'taken', 'inside'), 'x');
    expect(() => {
      files.write(path.join(dir, 'taken'), 'new');
    }).toThrow();
    expect(() => {
      files.write(path.join(dir, 'absent', 'file'), 'new');
    }).toThrow(/ENOENT/);
    expect(readdirSync(dir)).toEqual(['taken']);
  });
});

describe('create', () => {
  it('makes a file for the owner alone, whatever the umask', () => {
    withoutUmask();
    const dir = tempDir();
    expect(files.create(path.join(dir, 'private'), 'text')).toBe(true);
    expect(files.create(path.join(dir, 'public'), 'text', 0o644)).toBe(true);
    expect(modeOf(path.join(dir, 'private'))).toBe(0o600);
    expect(modeOf(path.join(dir, 'public'))).toBe(0o644);
    expect(files.readText(path.join(dir, 'private'))).toBe('text');
  });

  it('never replaces what is there, be it a link that leads nowhere', () => {
    const dir = tempDir();
    writeFileSync(path.join(dir, 'file'), 'old');
    symlinkSync(path.join(dir, 'nowhere'), path.join(dir, 'link'));
    expect(files.create(path.join(dir, 'file'), 'new')).toBe(false);
    expect(files.create(path.join(dir, 'link'), 'new')).toBe(false);
    expect(files.readText(path.join(dir, 'file'))).toBe('old');
    expect(readdirSync(dir)).toEqual(['file', 'link']);
  });

  it('leaves nothing behind when it fails', () => {
    const dir = tempDir();
    const tooLong = path.join(dir, 'x'.repeat(255));
    expect(() => files.create(tooLong, 'new')).toThrow(/ENAMETOOLONG/);
    expect(() => files.create(path.join(dir, 'absent', 'file'), 'new')).toThrow(/ENOENT/);
    expect(readdirSync(dir)).toEqual([]);
  });
});

describe('append', () => {
  it('adds to the end, and makes a file for the owner alone', () => {
    withoutUmask();
    const file = path.join(tempDir(), 'file');
    files.append(file, 'one,');
    expect(modeOf(file)).toBe(0o600);
    files.append(file, Buffer.from('two,'));
    files.append(file, 'three', 0o644, false);
    expect(files.readText(file)).toBe('one,two,three');
    expect(modeOf(file)).toBe(0o600);
  });

  it('throws when it cannot', () => {
    expect(() => {
      files.append(tempDir(), 'x');
    }).toThrow(/EISDIR/);
  });
});
