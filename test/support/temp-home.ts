import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { createIds, createSystem, type Env, type System } from '../../src/base/index.ts';

/** A directory of this test alone, gone when the test has finished. Its path is the real one. */
export function tempDir(): string {
  const dir = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'spec-kitty-test-')));
  onTestFinished(() => {
    rmSync(dir, { recursive: true, force: true });
  });
  return dir;
}

export interface TestSystemOptions {
  /** The user's home directory; by default a `user` below `dir`. */
  readonly homeDir?: string;
  readonly cwd?: string;
  readonly env?: Env;
  readonly user?: string;
  readonly platform?: NodeJS.Platform;
  /** Wall-clock time, which stands still. */
  readonly now?: number;
}

/** The real machine below `dir` without its keyring, with an otherwise empty environment, a wall clock that stands and repeatable ids. */
export function testSystem(dir: string, options: TestSystemOptions = {}): System {
  const system = createSystem({ SPEC_KITTY_KEYRING: '0', ...options.env }, options.cwd ?? dir);
  const now = options.now ?? 1_760_000_000_000;
  const clock = { ...system.clock, now: () => now };
  let drawn = 0;
  const random = (bytes: number): Uint8Array => {
    drawn += 1;
    return Uint8Array.from({ length: bytes }, (_, index) => (drawn * 37 + index * 11) % 256);
  };
  return {
    ...system,
    clock,
    ids: createIds(clock, random),
    host: {
      name: 'myhost',
      user: options.user ?? 'alice',
      homeDir: options.homeDir ?? path.join(dir, 'user'),
      platform: options.platform ?? process.platform,
      pid: process.pid,
    },
  };
}
