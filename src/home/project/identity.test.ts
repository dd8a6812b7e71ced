import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NO_IDENTITY, readPlainIdentity } from './identity.ts';
import { addToIdentity, readYamlIdentity } from './identity-yaml.ts';

const UUID = '12345678-90ab-4cde-8f01-234567890abc';

const USUAL = `# Written by a tool
vcs:
  type: git
project:
  uuid: ${UUID}
  slug: my-project
  node_id: '123456789012'
  build_id: 6f1f2c4e-7d3a-4a53-9f5e-1a2b3c4d5e6f
  repo_slug: owner/repo # not plain
agents:
  available:
  - claude
  - codex
  selection:
    strategy: preferred
`;

const SIGNS = `a b z 0 9 : # - _ ' " [ ] { } , . & * ! | > % @ \` ~ / + = ( )`
  .split(' ')
  .concat(' ');
const PLAIN = USUAL.replace(' # not plain', '');

describe('readPlainIdentity', () => {
  it('reads what tools write', async () => {
    const identity = {
      uuid: UUID,
      slug: 'my-project',
      nodeId: '123456789012',
      repoSlug: 'owner/repo',
    };
    expect(readPlainIdentity(PLAIN)).toEqual(identity);
    expect(readPlainIdentity(PLAIN.replaceAll('\n', '\r\n'))).toEqual(identity);
    expect(await readYamlIdentity(USUAL, 'f')).toEqual(identity);
  });

  it.each([
    '',
    '# nothing\n\n   # here\n',
    'vcs:\n  type: git\n',
    'project:\nother: 1\n',
    'project:\n  uuid: null\n  slug: ~\n  repo_slug: ""\n',
  ])('finds no identity in %j', async (text) => {
    expect(readPlainIdentity(text)).toEqual(NO_IDENTITY);
    expect(await readYamlIdentity(text, 'f')).toEqual(NO_IDENTITY);
  });

  it.each([
    ['a comment behind a value', USUAL],
    ['a document marker', `---\n${PLAIN}`],
    ['a byte order mark', `\ufeff${PLAIN}`],
    ['an anchor', 'a: &x 1\n'],
    ['a block scalar', 'a: |\n  project:\n'],
    ['a flow mapping', 'project: {uuid: x}\n'],
    ['an escape', 'a: "\\n"\n'],
    ['a tab', 'project:\n\tuuid: x\n'],
    ['the same key twice', 'project:\n  uuid: a\n  uuid: b\n'],
    ['two projects', 'project:\n  uuid: a\nproject:\n  uuid: b\n'],
    ['a scalar project', 'project: x\n'],
    ['a collection for a part', 'project:\n  uuid: []\n'],
    ['a continued scalar', 'project:\n  slug: a\n   b\n'],
    ['a key below a scalar', 'project:\n  slug: a\n    uuid: b\n'],
    ['an indentation that nobody opened', 'a:\n    b: 1\n  c: 2\n'],
    ['an indented beginning', '  a: 1\n'],
    ['a list beside a mapping', 'a: 1\n- b\n'],
    ['a key in a list', 'a:\n  - b\n  c: 1\n'],
    ['a typed key', 'null: 1\n'],
    ['a mapping in a list', 'a:\n- b: 1\n'],
    ['a value that opens a mapping', 'a: b: c\n'],
    ['a long line', `a: ${'x'.repeat(600)}\n`],
    ['many lines', '# x\n'.repeat(3_000)],
  ])('leaves %s to the library', (_what, text) => {
    expect(readPlainIdentity(text)).toBeNull();
  });

  it('never disagrees with the library where it answers', async () => {
    const word = fc.constantFrom(
      'project',
      'uuid',
      'slug',
      'repo_slug',
      'node_id',
      'a',
      'b',
      'c-d',
      'null',
      'e.f',
      'true',
    );
    const value = fc.oneof(
      fc.constantFrom(
        '',
        ' x',
        ' 007',
        ' 1e3',
        ' null',
        ' ~',
        ' true',
        ' a b',
        ' a #b',
        ' a#b',
        ' []',
        ' {}',
      ),
      fc.constantFrom(
        ' "q"',
        " 'q'",
        ' "a: b"',
        " 'x'y",
        ' [a]',
        ' - x',
        ' &a x',
        ' *a',
        ' |',
        ' >-',
        ' a: b',
      ),
      fc.constantFrom(
        ' é',
        ' .5',
        ' ~a',
        ' +1',
        ' a:',
        ' a:b',
        ' 2024-01-01',
        ' =',
        ' ,',
        ' %x',
        ' @x',
        ' x  y',
      ),
      fc.string({ unit: fc.constantFrom(...SIGNS), maxLength: 6 }).map((text) => ` ${text}`),
    );
    const spaces = fc.nat({ max: 3 }).map((count) => '  '.repeat(count));
    const line = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.tuple(spaces, word, value).map(([pad, key, rest]) => `${pad}${key}:${rest}`),
      },
      { weight: 2, arbitrary: fc.tuple(spaces, value).map(([pad, rest]) => `${pad}-${rest}`) },
      { weight: 1, arbitrary: fc.tuple(spaces, word).map(([pad, text]) => `${pad}${text}`) },
      { weight: 1, arbitrary: fc.constantFrom('', '# c', '  # c', '---', '...', ' odd: 1') },
    );
    const file = fc.array(line, { maxLength: 7 }).map((lines) => ['project:', ...lines].join('\n'));
    let answered = 0;
    await fc.assert(
      fc.asyncProperty(file, async (text) => {
        const quick = readPlainIdentity(text);
        answered += Number(quick !== null);
        if (quick === null) return;
        expect(await readYamlIdentity(text, 'f')).toEqual(quick);
      }),
      { numRuns: 5_000 },
    );
    expect(answered).toBeGreaterThan(200);
  });
});

describe('readYamlIdentity', () => {
  it('reads a value as it is written', async () => {
    const text = 'project: {uuid: 007, slug: 1e3, repo_slug: !!str "a/b"}';
    expect(await readYamlIdentity(text, 'f')).toEqual({
      uuid: '007',
      slug: '1e3',
      nodeId: null,
      repoSlug: 'a/b',
    });
  });

  it.each([
    ['project: [', /^f: line \d+: /],
    ['a: 1\na: 2\n', /^f: line 2: Map keys must be unique/],
    ['- a\n', /^f: it is not a mapping$/],
    ['just text', /^f: it is not a mapping$/],
    ['null', /^f: it is not a mapping$/],
    ['a: 1\n---\nb: 2\n', /^f: line \d+: /],
    ['project: text', /^f: `project` is not a mapping$/],
    ['project:\n  uuid: [1]\n', /^f: `project.uuid` is not a text$/],
    ['a: &x 1\nproject:\n  uuid: *x\n', /^f: `project.uuid` is not a text$/],
  ])('refuses %j', async (text, message) => {
    await expect(readYamlIdentity(text, 'f')).rejects.toMatchObject({
      code: 'identity_corrupt',
      message: expect.stringMatching(message) as string,
    });
  });
});

describe('addToIdentity', () => {
  const parts = { uuid: UUID, slug: 'true', node_id: '123456789012' };
  const added = { uuid: UUID, slug: 'true', nodeId: '123456789012', repoSlug: null };

  it.each([
    ['', ''],
    ['# mine\n', '# mine\n'],
    [
      'vcs:\n    type:   git # odd\n\n\nagents: [a,   b]',
      'vcs:\n    type:   git # odd\n\n\nagents: [a,   b]\n',
    ],
    ['a: "ü" # ☃\n', 'a: "ü" # ☃\n'],
  ])('appends to %j and keeps every byte', async (text, kept) => {
    const written = await addToIdentity(text, 'f', parts);
    expect(written.startsWith(kept)).toBe(true);
    expect(await readYamlIdentity(written, 'f')).toEqual(added);
    expect(readPlainIdentity(written) ?? added).toEqual(added);
  });

  it.each([
    '# top\nproject: # who\n  repo_slug: "a/b" # stays\nafter: 1 # too\n',
    'project:\n# nothing yet\nother: 1\n',
    'project: ~\n',
    'project: {}\n',
    '{a: 1}\n',
    'a: 1\n...\n',
    'text: |\n  project:\n    uuid: no\n',
  ])('completes %j and keeps comments and neighbours', async (text) => {
    const written = await addToIdentity(text, 'f', parts);
    expect(await readYamlIdentity(written, 'f')).toMatchObject({ uuid: UUID, slug: 'true' });
    for (const comment of text.match(/#.*/g) ?? []) expect(written).toContain(comment);
    expect(written.includes('a/b')).toBe(text.includes('a/b'));
  });

  it('refuses a broken file, also one whose aliases unfold without end', async () => {
    await expect(addToIdentity('a: [', 'f', parts)).rejects.toMatchObject({
      code: 'identity_corrupt',
    });
    const levels = Array.from({ length: 12 }, (_, index) => {
      const above = index === 0 ? 'x' : `*a${index - 1}`;
      return `l${index}: &a${index} [${Array.from({ length: 9 }, () => above).join(', ')}]`;
    });
    const bomb = addToIdentity(`${levels.join('\n')}\n`, 'f', parts);
    await expect(bomb).rejects.toMatchObject({ code: 'identity_corrupt' });
  });
});
