import { spawnSync } from 'node:child_process';
import {
  chownSync,
  linkSync,
  mkdirSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { childScript, startScript } from '../../test/support/child-script.ts';
import { tempDir } from '../../test/support/temp-home.ts';
import { systemClock } from './clock.ts';
import { systemFiles } from './files.ts';
import { openedPath } from './files/inside.ts';
import { sha256Hex } from './hash.ts';

const LIMIT = 1_000;
const SECRET = 'the secret';
const SWAPS = 3_000;
const SWAP_DEADLINE_MS = 10_000;

interface Place {
  readonly root: string;
  readonly outside: string;
}

/** A root with one file, and a secret beside the root. */
function place(): Place {
  const dir = tempDir();
  const [root, outside] = [path.join(dir, 'root'), path.join(dir, 'outside')];
  mkdirSync(path.join(root, 'sub'), { recursive: true });
  mkdirSync(outside);
  writeFileSync(path.join(root, 'sub', 'file.txt'), 'fine');
  writeFileSync(path.join(outside, 'file.txt'), SECRET);
  return { root, outside };
}

function read(root: string, ...steps: readonly string[]): string {
  const result = systemFiles.readInside(root, path.join(root, ...steps), LIMIT);
  return result.ok ? result.bytes.toString() : result.reason;
}

describe('readInside', () => {
  it('reads a regular file below the root and tells what it opened', () => {
    const { root } = place();
    const result = systemFiles.readInside(root, path.join(root, 'sub', 'file.txt'), LIMIT);
    expect(result).toMatchObject({
      ok: true,
      bytes: Buffer.from('fine'),
      stat: { kind: 'file', size: 4 },
    });
  });

  it('reads below a root that is itself reached by a link', () => {
    const { root } = place();
    symlinkSync(root, `${root}-link`);
    expect(read(`${root}-link`, 'sub', 'file.txt')).toBe('fine');
  });

  it('refuses a link at the end of the path, inside of the root too', () => {
    const { root, outside } = place();
    symlinkSync(path.join(outside, 'file.txt'), path.join(root, 'out'));
    symlinkSync(path.join(root, 'sub', 'file.txt'), path.join(root, 'in'));
    symlinkSync('/dev/null', path.join(root, 'device'));
    expect(read(root, 'out')).toBe('outside');
    expect(read(root, 'in')).toBe('outside');
    expect(read(root, 'device')).toBe('outside');
  });

  it('refuses a directory on the way that is a link', () => {
    const { root, outside } = place();
    symlinkSync(outside, path.join(root, 'away'));
    symlinkSync(path.join(root, 'sub'), path.join(root, 'alias'));
    expect(read(root, 'away', 'file.txt')).toBe('outside');
    expect(read(root, 'alias', 'file.txt')).toBe('outside');
  });

  it('refuses a path that leads out of the root without any link', () => {
    const { root, outside } = place();
    expect(read(root, '..', 'outside', 'file.txt')).toBe('outside');
    const result = systemFiles.readInside(root, path.join(outside, 'file.txt'), LIMIT);
    expect(result).toEqual({ ok: false, reason: 'outside' });
  });

  it('takes a name that only begins like a way out for what it is', () => {
    const { root } = place();
    writeFileSync(path.join(root, '..name'), 'dots');
    expect(read(root, '..name')).toBe('dots');
  });

  // Only an administrator can give a file away.
  it.runIf(process.getuid?.() === 0)('refuses a second name for the file of another user', () => {
    const { root, outside } = place();
    const secret = path.join(outside, 'file.txt');
    linkSync(secret, path.join(root, 'linked'));
    expect(read(root, 'linked')).toBe(SECRET);
    chownSync(secret, 4_242, 4_242);
    expect(read(root, 'linked')).toBe('outside');
    expect(systemFiles.digestInside(root, path.join(root, 'linked'))).toMatchObject({ ok: false });
  });

  it('never waits for a pipe', () => {
    const { root } = place();
    expect(spawnSync('mkfifo', [path.join(root, 'pipe')]).status).toBe(0);
    expect(read(root, 'pipe')).toBe('not_a_file');
  });

  it('refuses directories, devices and sockets', async () => {
    const { root } = place();
    const server = createServer();
    await new Promise<void>((resolve) => {
      server.listen(path.join(root, 'socket'), resolve);
    });
    expect(read(root, 'sub')).toBe('not_a_file');
    expect(read(root)).toBe('not_a_file');
    expect(read('/dev', 'zero')).toBe('not_a_file');
    expect(read(root, 'socket')).toBe('unreadable');
    await new Promise((resolve) => {
      server.close(resolve);
    });
  });

  it('knows what is absent', () => {
    const { root } = place();
    expect(read(root, 'nothing')).toBe('absent');
    expect(read(root, 'sub', 'file.txt', 'below')).toBe('absent');
    expect(read(path.join(root, 'no root'), 'file')).toBe('absent');
  });

  it.each([
    [0, ''],
    [LIMIT - 1, 'x'.repeat(LIMIT - 1)],
    [LIMIT, 'x'.repeat(LIMIT)],
    [LIMIT + 1, 'too_large'],
    [200_000, 'too_large'],
  ])('reads at most the limit: %i bytes', (size, expected) => {
    const { root } = place();
    writeFileSync(path.join(root, 'sized'), 'x'.repeat(size));
    expect(read(root, 'sized')).toBe(expected);
  });

  it('reads a file that is larger than one chunk, byte for byte', () => {
    const { root } = place();
    const bytes = Buffer.from(Array.from({ length: 200_000 }, (_, index) => index % 251));
    writeFileSync(path.join(root, 'large'), bytes);
    const result = systemFiles.readInside(root, path.join(root, 'large'), bytes.length);
    expect(result.ok && result.bytes.equals(bytes)).toBe(true);
  });

  it('goes by what it opened, however often a directory is swapped for a link', async () => {
    const { root, outside } = place();
    const script = childScript(`
      import fs from 'node:fs';
      const [sub, real, link] = process.argv.slice(2);
      console.log('swapping');
      for (;;) {
        fs.renameSync(sub, real); fs.renameSync(link, sub);
        fs.renameSync(sub, link); fs.renameSync(real, sub);
      }
    `);
    symlinkSync(outside, path.join(root, 'link'));
    const args = ['sub', 'real', 'link'].map((name) => path.join(root, name));
    const swapper = startScript(script, args);
    await swapper.firstLine;
    const seen = new Map<string, number>();
    const clock = systemClock();
    const deadline = clock.monotonic() + SWAP_DEADLINE_MS;
    for (
      let round = 0;
      round < SWAPS || (seen.size < 2 && clock.monotonic() < deadline);
      round += 1
    ) {
      const found = read(root, 'sub', 'file.txt');
      seen.set(found, (seen.get(found) ?? 0) + 1);
    }
    await swapper.kill();
    expect(seen.has(SECRET)).toBe(false);
    expect([...seen.keys()].filter((key) => !['fine', 'outside', 'absent'].includes(key))).toEqual(
      [],
    );
    expect(seen.size).toBeGreaterThan(1);
  });

  it('goes by the number of the file where the system does not tell what is open', () => {
    const { root, outside } = place();
    const file = path.join(root, 'sub', 'file.txt');
    const inode = statSync(file).ino;
    expect(openedPath(file, 0, { inode }, '/no descriptors')).toBe(file);
    renameSync(path.join(outside, 'file.txt'), file);
    expect(openedPath(file, 0, { inode }, '/no descriptors')).toBe('/');
  });
});

describe('digestInside', () => {
  it('hashes every byte of a file of any size and says whether it is UTF-8', () => {
    const { root } = place();
    const big = Buffer.from('é'.repeat(100_000));
    writeFileSync(path.join(root, 'big'), big);
    writeFileSync(path.join(root, 'cut'), big.subarray(0, big.length - 1));
    expect(systemFiles.digestInside(root, path.join(root, 'big'))).toMatchObject({
      ok: true,
      sha256: sha256Hex(big),
      isUtf8: true,
      stat: { size: 200_000 },
    });
    expect(systemFiles.digestInside(root, path.join(root, 'cut'))).toMatchObject({ isUtf8: false });
  });

  it('refuses what readInside refuses', () => {
    const { root, outside } = place();
    symlinkSync(outside, path.join(root, 'dir'));
    const digest = (name: string): unknown => systemFiles.digestInside(root, path.join(root, name));
    expect(digest('dir/file.txt')).toEqual({ ok: false, reason: 'outside' });
    expect(digest('sub')).toEqual({ ok: false, reason: 'not_a_file' });
    expect(digest('nothing')).toEqual({ ok: false, reason: 'absent' });
  });
});

describe('list', () => {
  it('reads no more names than asked for, and one', () => {
    const { root } = place();
    for (const name of ['a', 'b', 'c', 'd']) writeFileSync(path.join(root, name), '');
    expect(systemFiles.list(root, 2)).toHaveLength(3);
    expect(systemFiles.list(root, 9)).toEqual(['a', 'b', 'c', 'd', 'sub']);
    expect(systemFiles.list(path.join(root, 'nothing'), 9)).toEqual([]);
  });
});
