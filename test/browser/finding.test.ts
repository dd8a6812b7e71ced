import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { CHROMIUM_DIR, chromiumOfRun, notLooked } from '../support/chromium.ts';
import { tempDir } from '../support/temp-home.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

it.each([
  ['a program that is not there', null],
  ['a program that is no browser', '#!/bin/sh\nexit 3\n'],
])('says why nobody looks, with %s', async (_what, script) => {
  const dir = tempDir();
  const program = path.join(dir, 'chromium-of-mine');
  if (script !== null) writeFileSync(program, script, { mode: 0o755 });
  vi.stubEnv(CHROMIUM_DIR, dir);
  vi.stubEnv('CHROMIUM', program);
  const [one, other] = await Promise.all([chromiumOfRun(), chromiumOfRun()]);
  expect(other).toEqual(one);
  if (one.kind === 'found') throw new Error(`${one.name} was found`);
  expect(notLooked(one)).toMatch(/^NOT CHECKED: no browser looked at the pages: CHROMIUM=\/.*/);
});
