import { expect, test } from 'vitest';
import {
  doorFunctionsAreDescribed,
  doorsAreDoors,
  roomsAreNotFull,
  roomsHaveDoors,
} from './doors.ts';
import {
  filesAreAlive,
  importsFollowTheRooms,
  importsHaveNoCycles,
  roomsAreListed,
  serverIsLoadedLazily,
} from './imports.ts';
import { projectOf, type Rule } from './project.ts';
import { scan } from './scan.ts';
import { migrationsNameTheirOwner, tablesAreWrittenByTheirOwner } from './tables.ts';
import { nothingPointsOutside } from './traces.ts';
import { filesAreNamedByNouns, wordsAreOurs } from './words.ts';

type Files = Readonly<Record<string, string>>;

const HOME_OWNS_A: Files = { 'src/home/1.sql': '-- owner: home\nCREATE TABLE a (x);' };
const BASE_OWNS_A: Files = { 'src/base/a.ts': 'const t = `CREATE TABLE IF NOT EXISTS a (x)`;' };

const found = (rule: Rule, files: Files): readonly string[] => [
  ...rule(projectOf(new Map(Object.entries(files)))),
];

/** Each rule meets texts that break it, with a part of the message each must cause, and a text that keeps it. */
const CASES: readonly {
  readonly rule: Rule;
  readonly broken: readonly (readonly [string, Files])[];
  readonly kept: Files;
}[] = [
  {
    rule: importsFollowTheRooms,
    broken: [
      ['imports the inside of base', { 'src/wire/a.ts': "import { x } from '../base/x.ts';" }],
      ['wire comes before home', { 'src/wire/a.ts': "import type { X } from '../home/index.ts';" }],
      ['wire comes before cli', { 'src/wire/a.ts': "type X = import('../cli/index.ts').X;" }],
      ['siblings', { 'src/missions/a.ts': "import { x } from '../delivery/index.ts';" }],
      ['siblings', { 'src/delivery/a.ts': "export { x } from '../missions/index.ts';" }],
      ['imports base and wire', { 'src/server/a.ts': "import '../home/index.ts';" }],
      ['only the receiver commands', { 'src/report/a.ts': "await import('../server/index.ts');" }],
      [
        'imports the inside of home',
        { 'src/wire/a.test.ts': "import { x } from '../home/paths.ts';" },
      ],
    ],
    kept: {
      'src/delivery/a.ts': "import { x } from '../journal/index.ts';\nimport { y } from './y.ts';",
      'src/server/a.ts': "import { x } from '../wire/index.ts';",
      'src/cli/commands/receiver.ts': "import { serve } from '../../server/index.ts';",
      'src/wire/a.ts':
        "// import { x } from '../home/paths.ts';\nconst text = \"from '../home/x.ts'\";",
    },
  },
  {
    rule: serverIsLoadedLazily,
    broken: [
      [
        'src/cli/commands/receiver.ts:1: every command',
        {
          'src/cli/main.ts': "import { table } from './table.ts';",
          'src/cli/table.ts': "import { run } from './commands/receiver.ts';",
          'src/cli/commands/receiver.ts': "import type { Server } from '../../server/index.ts';",
        },
      ],
    ],
    kept: {
      'src/cli/main.ts': "import { table } from './table.ts';",
      'src/cli/table.ts': "const load = () => import('./commands/receiver.ts');",
      'src/cli/commands/receiver.ts': "import { serve } from '../../server/index.ts';",
    },
  },
  {
    rule: roomsAreListed,
    broken: [['src/attic is no room', { 'src/attic/a.ts': '' }]],
    kept: { 'src/base/a.ts': '', 'src/server/a.ts': '', 'src/index.ts': '' },
  },
  {
    rule: importsHaveNoCycles,
    broken: [
      [
        'src/base/a.ts → src/base/b.ts → src/base/a.ts',
        {
          'src/base/a.ts': "import { b } from './b.ts';",
          'src/base/b.ts': "import type { A } from './a.ts';",
        },
      ],
    ],
    kept: {
      'src/base/a.ts': "import { b } from './b.ts';",
      'src/base/b.ts': "const a = await import('./a.ts');",
    },
  },
  {
    rule: filesAreAlive,
    broken: [
      ['src/base/a.ts is used by nothing', { 'src/base/a.ts': '' }],
      ['src/base/a.ts is used', { 'src/base/a.ts': '', 'src/base/a.test.ts': "import './a.ts';" }],
      ['0001-x.sql is used by nothing', { 'src/home/sql/0001-x.sql': '' }],
    ],
    kept: {
      'src/cli/main.ts': "const run = () => import('./commands/a.ts');",
      'src/cli/commands/a.ts': "import sql from '../a.sql';",
      'src/cli/a.sql': '',
    },
  },
  {
    rule: roomsHaveDoors,
    broken: [
      ['src/base has no door', { 'src/base/a.ts': '' }],
      ['only a room has a door', { 'src/cli/render/index.ts': '' }],
    ],
    kept: { 'src/base/a.ts': '', 'src/base/index.ts': '', 'src/cli/main.ts': '' },
  },
  {
    rule: doorsAreDoors,
    broken: [
      [
        'has 41 lines',
        { 'src/base/index.ts': `// Base.\n${'\n'.repeat(39)}export { a } from './a.ts';` },
      ],
      ['opens without a comment', { 'src/base/index.ts': "export { a } from './a.ts';" }],
      ['longer than 10 lines', { 'src/base/index.ts': '// Base.\n'.repeat(11) }],
      ['more than named re-exports', { 'src/base/index.ts': "// Base.\nexport * from './a.ts';" }],
      ['more than named re-exports', { 'src/base/index.ts': '// Base.\nexport const a = 1;' }],
    ],
    kept: {
      'src/base/index.ts':
        "// Base.\nexport { a } from './a.ts';\nexport type { A } from './a.ts';\n",
    },
  },
  {
    rule: doorFunctionsAreDescribed,
    broken: [
      [
        'src/base/a.ts: a is shown',
        {
          'src/base/index.ts': "// Base.\nexport { a, C } from './a.ts';",
          'src/base/a.ts': 'export const C = 1;\nexport function a(): void {}',
        },
      ],
      [
        'src/base/a.ts: b is shown',
        {
          'src/base/index.ts': "// Base.\nexport {\n  b,\n} from './a.ts';",
          'src/base/a.ts': '// not a docstring\nexport const b = (x: number) => x;',
        },
      ],
    ],
    kept: {
      'src/base/index.ts': "// Base.\nexport { a, b } from './a.ts';",
      'src/base/a.ts':
        '/** Says why. */\nexport async function a(): Promise<void> {}\nexport function inner() {}\n/** B. */\nexport const b = (): void => {};',
    },
  },
  {
    rule: roomsAreNotFull,
    broken: [
      [
        'src/base has 17 files',
        Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`src/base/a${n}.ts`, ''])),
      ],
    ],
    kept: {
      ...Object.fromEntries(Array.from({ length: 16 }, (_, n) => [`src/base/a${n}.ts`, ''])),
      'src/base/a.test.ts': '',
      'src/base/sql/0001-a.sql': '',
      ...Object.fromEntries(
        Array.from({ length: 30 }, (_, n) => [`src/cli/commands/a${n}.ts`, '']),
      ),
    },
  },
  {
    rule: migrationsNameTheirOwner,
    broken: [
      ['the first line', { 'src/home/sql/1.sql': '-- breaking: no\nCREATE TABLE a (x);' }],
      ['no line `-- breaking', { 'src/home/sql/1.sql': '-- owner: home\nCREATE TABLE a (x);' }],
    ],
    kept: { 'src/home/sql/1.sql': '-- owner: home\n-- breaking: no\nCREATE TABLE a (x);' },
  },
  {
    rule: tablesAreWrittenByTheirOwner,
    broken: [
      ['belongs to home', { ...HOME_OWNS_A, ...writes('INSERT INTO a') }],
      ['belongs to home', { ...HOME_OWNS_A, ...writes('INSERT OR IGNORE INTO a') }],
      ['belongs to home', { ...HOME_OWNS_A, ...writes('UPDATE a SET') }],
      ['belongs to home', { ...HOME_OWNS_A, ...writes('DELETE FROM a WHERE') }],
      ['belongs to base', { ...BASE_OWNS_A, ...writes('DELETE FROM a') }],
      ['no migration creates', writes('INSERT INTO elsewhere')],
      ['no migration creates', { ...HOME_OWNS_A, 'src/server/b.ts': "run('DELETE FROM a');" }],
    ],
    kept: {
      'src/home/1.sql': '-- owner: journal\nCREATE TABLE a (x);',
      'src/server/1.sql': '-- owner: server\nCREATE TABLE a (x);',
      ...writes('INSERT INTO a (x) VALUES (1) ON CONFLICT DO UPDATE SET x = 2'),
      'src/server/b.ts': "run('DELETE FROM a');",
      'src/report/b.ts': "read('SELECT x FROM a'); // DELETE FROM a",
      'src/report/b.test.ts': "run('DELETE FROM a');",
    },
  },
  {
    rule: wordsAreOurs,
    broken: [
      ['from the Clock', { 'src/home/a.ts': 'const now = Date.now();' }],
      ['from the Clock', { 'src/home/a.ts': 'const now = new Date();' }],
      ['Ids', { 'src/home/a.test.ts': 'const n = Math.random();' }],
      ['System', { 'src/home/a.ts': "const home = process.env['HOME'];" }],
      ['System', { 'src/home/a.ts': 'const here = `${process.cwd()}/x`;' }],
      ['io', { 'src/home/a.ts': "console.log('x');" }],
      ['unknown', { 'src/home/a.ts': 'function f(x: any) {}' }],
      ['unknown', { 'src/home/a.ts': 'const x = y as any;' }],
      ['bind the error', { 'src/home/a.ts': 'try { f(); } catch { g(); }' }],
      ['do it now', { 'src/home/a.ts': '// TODO later' }],
      ['state the type', { 'src/home/a.ts': '// @ts-ignore' }],
      ['by name', { 'src/home/a.ts': 'export default 1;' }],
      ['name what is exported', { 'src/home/a.ts': "export * from './b.ts';" }],
      ['union of literals', { 'src/home/a.ts': 'export enum A { X }' }],
      ['pass a function', { 'src/home/a.ts': 'class B extends A {}' }],
      ['no state in a module', { 'src/home/a.ts': 'let count = 0;' }],
      ['the real thing', { 'test/a.test.ts': "vi.mock('x');" }],
    ],
    kept: {
      'src/base/clock.ts': 'const now = Date.now();',
      'src/base/system.ts': 'const env = process.env;',
      'src/cli/main.ts': 'main(process.argv);',
      'src/home/a.ts': [
        '// Date.now is not called here, any more than console.log.',
        "const text = 'Date.now() and catch {';",
        'const pattern = /console\\.log|: any/;',
        'class A extends Error {}',
        'interface B extends C {}',
        'function f() { let n = 0; return n / 2; }',
        'try { f(); } catch (error) { throw new Error(`x ${String(error)}`, { cause: error }); }',
      ].join('\n'),
      'a.config.ts': 'export default {};',
    },
  },
  {
    rule: filesAreNamedByNouns,
    broken: [
      ['kebab-case', { 'src/home/aB.ts': '' }],
      ['kebab-case', { 'test/flows/a_b.flow.test.ts': '' }],
      ['by the noun', { 'src/home/utils.ts': '' }],
      ['by the noun', { 'src/home/types.ts': '' }],
      ['by the noun', { 'test/support/helpers.ts': '' }],
    ],
    kept: {
      'src/home/temp-home.test.ts': '',
      'src/home/sql/0001-home.sql': '',
      'test/flows/a-fact.flow.test.ts': '',
      'README.md': '',
    },
  },
  {
    rule: nothingPointsOutside,
    broken: [
      ['path of one machine', { 'docs/a.md': 'see /work/main' }],
      ['a ticket', { 'src/home/a.ts': '// see issue 12' }],
      ['a ticket', { 'README.md': 'fixed in #12.' }],
      ['a paper', { 'src/home/a.ts': '// decisions 5' }],
      ['a folder', { 'docs/a.md': `const x = 'shared/samples';` }],
      ['number of a requirement', { 'src/home/a.ts': '// FR-012' }],
      ['host of a registry', { '.npmrc': 'registry.example.org' }],
    ],
    kept: {
      'docs/requirements.md': 'FR-012 is shown by spec-kitty init',
      'src/home/a.ts': "const color = '#fff'; // SHA-256, RFC 9562 section 5.4, L4",
      'docs/a.md': '[the ledger](data.md#1-the-ledger)',
    },
  },
];

function writes(sql: string): Files {
  return { 'src/journal/a.ts': `db.run(\`\n  ${sql} WHERE x = \${text}\`);` };
}

test.each(
  CASES.flatMap(({ rule, broken }) =>
    broken.map(([part, files]) => [rule.name, part, rule, files] as const),
  ),
)('%s finds: %s', (_name, part, rule, files) => {
  expect(found(rule, files)).toEqual([expect.stringContaining(part)]);
});

test.each(CASES.map(({ rule, kept }) => [rule.name, rule, kept] as const))(
  '%s is silent where it is kept',
  (_name, rule, kept) => {
    expect(found(rule, kept)).toEqual([]);
  },
);

test('a text is told apart into code, comments and strings', () => {
  const { code, comments, strings } = scan(
    'a = `x${b + `y${"}"}`}z`; // c `d\nr = e / 2 / f(/[/"\'`]/g, "h\\"i");',
  );
  expect(code).toBe('a = ` ${b + ` ${" "}`} `;        \nr = e / 2 / f(/        , "    ");');
  expect(strings.trim().split(/\s+/)).toEqual(['x', 'y', '}', 'z', 'h\\"i']);
  expect(comments.trim()).toBe('// c `d');
});
