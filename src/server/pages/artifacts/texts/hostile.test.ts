import { expect, it } from 'vitest';
import {
  HOSTILE_MARKDOWN,
  HOSTILE_TEXTS,
  INJECTIONS,
} from '../../../../../test/support/hostile-texts.ts';
import { type Element, readPage } from '../../../../../test/support/page-view.ts';
import { attachmentNamed } from '../raw.ts';
import { showDifferences } from './differences.ts';
import { showLines } from './lines.ts';
import { LIMITS, type Shown } from './shown.ts';
import { showText } from './show.ts';

const ALL = [...HOSTILE_TEXTS, ...HOSTILE_MARKDOWN, ...INJECTIONS];

const TAGS = new Set(
  'a article blockquote br caption code del details div em h2 h3 h4 h5 h6 hr ins li ol p pre s span strong summary table tbody td th thead tr ul'.split(
    ' ',
  ),
);
const ATTRIBUTES = new Set(
  'aria-label class href id open rel role scope start tabindex'.split(' '),
);
/** Outside, to a heading, or to another text of the mission. */
const LINK = /^(?:https?:\/\/|mailto:|#t-|\/view\?)/;

/** What stands in a page that no text may bring into it. */
function harmIn(element: Element): readonly string[] {
  return element.children.flatMap((child) => {
    const { href = '#t-', id = 't-', ...others } = child.attributes;
    // An address elsewhere learns nothing of where the reader came from.
    const isSealed = !/^[hm]/.test(href) || others['rel'] === 'noopener noreferrer nofollow';
    const isHarmless =
      TAGS.has(child.name) &&
      LINK.test(href) &&
      id.startsWith('t-') &&
      isSealed &&
      Object.keys(others).every((name) => ATTRIBUTES.has(name));
    return [
      ...(isHarmless ? [] : [JSON.stringify([child.name, child.attributes])]),
      ...harmIn(child),
    ];
  });
}

function requireHarmless({ body }: Shown): void {
  expect(harmIn(readPage(body.html))).toEqual([]);
}

function show(path: string, text: string): Shown {
  return showText(text, {
    path,
    addressOf: (wanted) => `/view?path=${encodeURIComponent(wanted.replaceAll(/\p{Cs}/gu, '?'))}`,
  });
}

/** Texts that hold a hostile one wherever their format has a place for it. */
const BODIES: readonly (readonly [kind: string, bodyWith: (text: string) => string])[] = [
  ['md', (text) => text],
  [
    'md',
    (text) => `# ${text}\n\n- [ ] ${text}\n\n| ${text} | b |\n|---|---|\n| ${text} | \`${text}\` |`,
  ],
  [
    'md',
    (text) => `[${text}](${text}) ![${text}](<${text}> "${text}") <${text}> [x][y]\n\n[y]: ${text}`,
  ],
  ['md', (text) => `\`\`\`${text}\n${text}\n\`\`\`\n\n~~~python\n${text}\n~~~`],
  ['md', (text) => `---\n${JSON.stringify(text)}: ${JSON.stringify([text])}\n---\n${text}`],
  ['json', (text) => JSON.stringify({ [text]: [text, { [text]: text }] })],
  ['json', (text) => text],
  ['jsonl', (text) => `${JSON.stringify(text)}\n${text}\n`],
  ['yaml', (text) => `${JSON.stringify(text)}: {a: ${JSON.stringify(text)}}\n`],
  ['yaml', (text) => text],
  ['yaml', (text) => `a: |\n  ${text}\nb: ${text}`],
  ['csv', (text) => `"${text.replaceAll('"', '""')}",b\n${text},"${text.replaceAll('"', '""')}"`],
  ['txt', (text) => text],
];

it(`shows ${ALL.length} hostile texts as texts, wherever a format has a place for them`, () => {
  expect(ALL.length).toBeGreaterThan(500);
  let count = 0;
  for (const text of ALL) {
    for (const [kind, bodyWith] of BODIES) {
      requireHarmless(show(`tasks/a.${kind}`, bodyWith(text)));
      count += 1;
    }
    requireHarmless(showLines(text));
    requireHarmless(showDifferences(`a\n${text}\n`, `${text}\nb`));
  }
  expect(count).toBe(ALL.length * BODIES.length);
}, 60_000);

it('lets none of them lose a word', () => {
  const words = (text: string): string => text.replaceAll(/\s+/g, ' ').trim();
  for (const text of HOSTILE_TEXTS) {
    const page = readPage(show('a.json', JSON.stringify({ [text]: text })).body.html);
    expect(page.text).toBe(words(`${text} "${text}"`));
  }
});

it('names a download after any path, in one header that nothing ends', () => {
  for (const text of ALL) {
    const header = attachmentNamed(`tasks/${text}.md`);
    expect(header).toMatch(
      /^attachment; filename="[\w .+-]+"; filename\*=UTF-8''[\w.!#$&+^`|~%-]+$/,
    );
    const name = decodeURIComponent(/UTF-8''(.*)$/.exec(header)?.[1] ?? '');
    expect([name.length <= 150, /[\p{Cc}\p{Cf}/]/u.test(name), name.endsWith('.md')]).toEqual([
      true,
      false,
      true,
    ]);
  }
  expect(attachmentNamed('contracts/Größe (1).yaml')).toBe(
    `attachment; filename="Gr__e _1_.yaml"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%20%281%29.yaml`,
  );
  expect(attachmentNamed('a/x\u202Egpj.exe')).toContain("UTF-8''x_gpj.exe");
});

const KIB = 1024;
const full = (unit: string, size = 512 * KIB): string =>
  unit.repeat(Math.ceil(size / unit.length)).slice(0, size);

/** What makes readers of each kind slow or deep, found by trying some hundred. */
const WORST: Readonly<Record<string, readonly string[]>> = {
  md: [
    ...[
      '[',
      '*',
      '|',
      '_',
      '`',
      '>',
      '<',
      '\n',
      '\\',
      '![',
      '[](',
      '[a](',
      '[a][',
      '[a]: b\n',
      '**a ',
      '_*a',
      '***a ',
    ],
    ...['- ', '> - ', '1. ', 'a|b\n-|-\n', '|a', 'a  \n', '- [x] ', '# a\n', '&#', '<a ', '~~~a\n'],
  ],
  json: ['[', '[[],', '{"a":', '"', '0', '\u0000'],
  jsonl: ['[', '[]\n', '0\n', 'a\n', '\n'],
  csv: ['"', '"a",', '"a""', '"\n', ',', 'a,b\n', '\n'],
  txt: ['a', '\n', '\r', ' ', '\u{1F600}'],
  yaml: [
    ...[
      '[',
      '{',
      '{a: ',
      '[? ',
      '[ "]", ',
      '[a]',
      '[a][',
      '- ',
      '- - ',
      '? ',
      'a: ',
      '- a: ',
      '&a ',
      '! ',
      '!a\n',
      '*a ',
    ],
    ...['"', '"\n', ':\n', '- |\n', 'a: b\n', '<<: *a\n', '%a\n', '---\n'],
    ...[`${'['.repeat(60)}${']'.repeat(60)}\n`, `${'- '.repeat(60)}a\n`],
  ],
};

it.each(Object.entries(WORST))(
  'reads the worst %s in bounded time, into a page of bounded size',
  (kind, units) => {
    const slow: string[] = [];
    for (const unit of units) {
      // Longer YAML is text.
      const text = full(unit, kind === 'yaml' ? LIMITS.yamlChars : 512 * KIB);
      const began = performance.now();
      const { body } = show(`a.${kind}`, text);
      const ms = performance.now() - began;
      if (ms > 10_000 || body.html.length > 8 * KIB * KIB) {
        slow.push(`${JSON.stringify(unit)}: ${ms.toFixed(0)} ms, ${body.html.length} characters`);
      }
    }
    expect(slow).toEqual([]);
  },
  120_000,
);

it('takes no alias for what it stands for', () => {
  const bomb = Array.from(
    { length: 30 },
    (_, n) => `a${n}: &a${n} [${n === 0 ? 'x' : full(`*a${n - 1},`, 60)}]`,
  );
  const { body } = show('a.yaml', bomb.join('\n'));
  expect(body.html.length).toBeLessThan(200 * KIB);
  expect(readPage(body.html).text).toContain('*a28');
});

it('goes as deep as a text has it without calling itself', () => {
  const depth = 100_000;
  const json = show('a.json', `${'['.repeat(depth)}${']'.repeat(depth)}`);
  expect(readPage(json.body.html).text).toContain('too deep to be shown');
  const members = show('a.json', `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`);
  expect(readPage(members.body.html).text).toContain('too deep to be shown');
  const stairs = Array.from({ length: 340 }, (_, n) => `${' '.repeat(n)}a:\n`).join('');
  expect(show('a.yaml', stairs).notes[0]).toMatch(/deeper than 100 levels/);
  const closed = show('a.yaml', `${'[ "]", '.repeat(4_000)}${']'.repeat(4_000)}`);
  expect(closed.notes[0]).toMatch(/deeper than 100 levels/);
});

it.each(['python', 'typescript', 'javascript', 'bash', 'yaml', 'sql', 'json', 'diff'])(
  'colours hostile %s in bounded time',
  (language) => {
    const units = [
      'a',
      '_',
      '0x',
      '[',
      '*',
      '"',
      "'",
      '{',
      '${',
      '`${',
      '"$(',
      'f"{',
      '/*',
      'x=<',
      'def a(',
      'a ',
    ];
    let most = 0;
    for (const unit of units) {
      const line = `${full(unit, LIMITS.codeLineChars)}\n`;
      const block = `~~~~~~${language}\n${full(line, LIMITS.codeChars - 1)}\n~~~~~~\n`;
      const began = performance.now();
      show('a.md', block.repeat(6));
      most = Math.max(most, performance.now() - began);
    }
    expect(most).toBeLessThan(4_000);
  },
  120_000,
);
