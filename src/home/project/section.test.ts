import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { tempDir, testSystem } from '../../../test/support/temp-home.ts';
import { lateRefusal } from '../../../test/support/refusal.ts';
import { changeSection, readSection } from './section.ts';

interface Place {
  readonly system: ReturnType<typeof testSystem>;
  readonly root: string;
  text(): string;
}

function place(text: string): Place {
  const root = tempDir();
  mkdirSync(path.join(root, '.kittify'));
  const file = path.join(root, '.kittify', 'config.yaml');
  writeFileSync(file, text);
  return { system: testSystem(root), root, text: () => readFileSync(file, 'utf8') };
}

const WHOLE = `# who
project:
  uuid: 1 # one
agents: {available: [claude]}
tracker:   # theirs
  provider: linear
  binding_ref: br_1  # kept
  doctrine: {mode: split_ownership, field_owners: {status: tracker}}

# the end
tail: "yes"
`;

describe('a section', () => {
  it('is changed leaf by leaf; no other byte of the file moves', async () => {
    const at = place(WHOLE);
    await changeSection(at.system, at, 'tracker', { provider: 'jira', doctrine: { mode: 'x' } });
    expect(await readSection(at.system, at, 'tracker')).toEqual({
      provider: 'jira',
      binding_ref: 'br_1',
      doctrine: { mode: 'x', field_owners: { status: 'tracker' } },
    });
    const text = at.text();
    expect(text).toContain('# kept');
    expect(text.startsWith(WHOLE.slice(0, WHOLE.indexOf('tracker:')))).toBe(true);
    expect(text.endsWith('# the end\ntail: "yes"\n')).toBe(true);
  });

  it('is appended, and taken away without a trace', async () => {
    for (const before of ['project:\n  uuid: 1\n', 'project:\n  uuid: 1', '# alone\n', '']) {
      const at = place(before);
      await changeSection(at.system, at, 'tracker', { provider: 'jira' });
      expect(await readSection(at.system, at, 'tracker')).toEqual({ provider: 'jira' });
      expect(at.text().startsWith(before)).toBe(true);
      await changeSection(at.system, at, 'tracker', null);
      expect(await readSection(at.system, at, 'tracker')).toBeNull();
    }
  });

  it('in a file of another form is changed all the same', async () => {
    const at = place('{project: {uuid: 1}, tracker: {provider: linear}}\n');
    await changeSection(at.system, at, 'tracker', { provider: 'jira' });
    expect(await readSection(at.system, at, 'project')).toEqual({ uuid: 1 });
    expect(await readSection(at.system, at, 'tracker')).toEqual({ provider: 'jira' });
  });

  it.each(['tracker: [1\n', 'tracker: linear\n', '- tracker\n'])(
    'in %j is refused, and the file stays',
    async (text) => {
      const at = place(text);
      const refused = await lateRefusal(
        changeSection(at.system, at, 'tracker', { provider: 'jira' }),
      );
      expect(refused.code).toBe('config_corrupt');
      expect(at.text()).toBe(text);
    },
  );

  it('is null where there is none', async () => {
    expect(await readSection(testSystem(tempDir()), { root: tempDir() }, 'tracker')).toBeNull();
    const at = place('tracker:\n');
    expect(await readSection(at.system, at, 'tracker')).toBeNull();
  });
});
