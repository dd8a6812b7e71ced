import { describe, expect, it } from 'vitest';
import { allIn, type Element, readPage, rowsOf } from '../../../../../test/support/page-view.ts';
import { showDifferences } from './differences.ts';
import { LIMITS, type Shown } from './shown.ts';
import { showText } from './show.ts';

const KNOWN = new Set(['spec.md', 'tasks/WP01.md', 'contracts/a b.json']);

function show(path: string, text: string): Shown {
  const addressOf = (wanted: string): string | null =>
    KNOWN.has(wanted) ? `/view?path=${encodeURIComponent(wanted)}` : null;
  return showText(text, { path, addressOf });
}

function read({ body }: Shown): Element {
  return readPage(body.html);
}

const markdown = (text: string, path = 'plan.md'): Element => read(show(path, text));

function links(element: Element): readonly (readonly [text: string, href: string])[] {
  return allIn(element, 'a').map(({ text, attributes }) => [text, attributes['href'] ?? '']);
}

/** The tree that a reader sees: names with their values, and lists of the same. */
function treeIn(list: Element | undefined): unknown {
  return (list?.children ?? []).map((item) => {
    const inner = allIn(item, 'ul')[0];
    if (inner === undefined) return item.text;
    return [allIn(item, 'summary')[0]?.text, treeIn(inner)];
  });
}

const tree = (path: string, text: string): unknown =>
  treeIn(allIn(read(show(path, text)), 'ul')[0]);

describe('Markdown', () => {
  it('becomes the elements that its signs mean', () => {
    const page = markdown(
      ['# One', '', 'A **b** *c* ~~d~~ `e`\\', 'f', '', '> g', '', '1. h', '2. i', '', '---'].join(
        '\n',
      ),
    );
    const has = (name: string): readonly string[] => allIn(page, name).map(({ text }) => text);
    expect([has('h2'), has('strong'), has('em'), has('s'), has('code')]).toEqual([
      ['One'],
      ['b'],
      ['c'],
      ['d'],
      ['e'],
    ]);
    expect([has('blockquote'), has('li'), has('hr'), has('br')]).toEqual([
      ['g'],
      ['h', 'i'],
      [''],
      [''],
    ]);
    const started = allIn(markdown('7. seven'), 'ol')[0]?.attributes;
    expect(started).toEqual({ start: '7' });
  });

  it('makes headings whose levels follow the page’s own, with ids that differ', () => {
    const page = markdown('### Deep\n\n# Top\n\n#### Deep\n\n# Deep-1\n\n###### Last');
    const levels = ['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((name) => allIn(page, name).length);
    expect(levels).toEqual([0, 3, 2, 0, 0, 0]);
    const ids = ['h2', 'h3'].flatMap((name) =>
      allIn(page, name).map(({ attributes }) => attributes['id']),
    );
    expect(new Set(ids)).toEqual(new Set(['t-deep', 't-deep-1', 't-deep-1-1', 't-last', 't-top']));
  });

  it('gives tables a name, and a region that scrolls', () => {
    const page = markdown('## Risks\n\n| a | b |\n|---|--:|\n| c | `d` |\n');
    expect(rowsOf(page, /^Table of Risks$/)).toEqual([['c', 'd']]);
    expect(allIn(page, 'div', 'scroll')[0]?.attributes['tabindex']).toBe('0');
    expect(allIn(page, 'th').map(({ attributes }) => attributes['scope'])).toEqual(['col', 'col']);
  });

  it('says of tasks whether they are done', () => {
    const page = markdown('- [ ] one\n- [x] two [x]\n- [X] three\n- [-] four\n\n[x] five');
    const signs = allIn(page, 'span').map(({ attributes }) => attributes['aria-label']);
    expect(signs).toEqual(['open', 'done', 'done']);
    expect(allIn(page, 'li').map(({ text }) => text)).toEqual([
      'one',
      'two [x]',
      'three',
      '[-] four',
    ]);
  });

  it('colours code of languages it knows, and shows mermaid as it was written', () => {
    const page = markdown(
      '```python\ndef f(): return "x" # y\n```\n\n```mermaid\ngraph TD\n```\n\n    plain',
    );
    expect(allIn(page, 'span', 'c-word').map(({ text }) => text)).toEqual(['def', 'return']);
    expect(allIn(page, 'span', 'c-quiet').map(({ text }) => text)).toEqual(['# y']);
    expect(
      allIn(page, 'pre').map(({ text, attributes }) => [attributes['aria-label'], text]),
    ).toEqual([
      ['Code: python', expect.stringContaining('def f (): return "x" # y')],
      ['Code: mermaid', 'graph TD'],
      ['Code', 'plain'],
    ]);
    expect(page.text).toContain('A mermaid diagram, as it was written: graph TD');
  });

  it('leads out by http, https and mail, to headings, and to texts of the mission that are there', () => {
    const text = `# The Goal
[a](https://kitty.example/?a=1&b=2) <mailto:ann@kitty.example> [b](#the-goal) [c](../spec.md#x) [d](./WP01.md?plain=1)
[e](../contracts/a%20b.json) [](http://kitty.example) [f][r]

[r]: http://kitty.example/r "a title"`;
    expect(links(markdown(text, 'tasks/WP02.md'))).toEqual([
      ['a', 'https://kitty.example/?a=1&b=2'],
      ['mailto:ann@kitty.example', 'mailto:ann@kitty.example'],
      ['b', '#t-the-goal'],
      ['c', '/view?path=spec.md#t-x'],
      ['d', '/view?path=tasks%2FWP01.md'],
      ['e', '/view?path=contracts%2Fa%20b.json'],
      ['http://kitty.example', 'http://kitty.example'],
      ['f', 'http://kitty.example/r'],
    ]);
    const outside = allIn(markdown('[a](https://kitty.example)'), 'a')[0]?.attributes['rel'];
    expect(outside).toBe('noopener noreferrer nofollow');
  });

  it('says of what leads nowhere from here where it would', () => {
    const text =
      '[a](none.md) [b](../../up.md) [c](#none) [/d](/d) [e](javascript:alert) [f](//kitty.example)';
    const page = markdown(text);
    expect(links(page)).toEqual([]);
    expect(page.text).toBe(
      'a (none.md) b (../../up.md) c (#none) /d [e](javascript:alert) [f](//kitty.example)',
    );
  });

  it('shows pictures as their words, which lead to them, and fetches none', () => {
    const page = markdown(
      '![A cat](https://kitty.example/cat.png) [![badge](https://b.example)](https://c.example) ![](x.png)',
    );
    expect(links(page)).toEqual([
      ['A cat', 'https://kitty.example/cat.png'],
      ['badge', 'https://c.example'],
    ]);
    expect(page.text).toBe('A cat badge picture (x.png)');
    expect(allIn(page, 'img')).toEqual([]);
  });

  it('shows HTML as text', () => {
    const page = markdown('<b onclick="x">bold</b>\n\n<script>alert(1)</script>\n\n<!-- note -->');
    expect(page.text).toBe('<b onclick="x">bold</b> <script>alert(1)</script> <!-- note -->');
  });

  it('shows front matter as a table, and what is none as text', () => {
    const text =
      '---\ntitle: "Plan: A"\nsubtasks: [one, two]\nlane: done\nempty:\nowned: []\n---\n# One\n';
    expect(rowsOf(markdown(text), /Front matter/)).toEqual([
      ['title', '"Plan: A"'],
      ['subtasks', '1 one 2 two'],
      ['lane', 'done'],
      ['empty', 'null'],
      ['owned', 'empty'],
    ]);
    for (const broken of ['---\na: [\n---\n# One', '---\njust words\n---\n# One', '---\n# One\n']) {
      const page = markdown(broken);
      expect([allIn(page, 'table'), allIn(page, 'h2').at(-1)?.text]).toEqual([
        [],
        expect.stringContaining('One'),
      ]);
    }
  });

  it('shows the beginning of what is too long for a page, and says so', () => {
    const lines = 'A line of words.\n\n'.repeat(40_000);
    expect(show('a.md', lines).notes).toEqual(['Shown: the first 128 KiB.']);
    const much = show(
      'a.md',
      `[a]: https://kitty.example/${'x'.repeat(1_900)}\n\n${'[a]'.repeat(40_000)}`,
    );
    expect(much.notes).toEqual(['Shown: the beginning; the whole would be too long for a page.']);
    expect(much.body.html.length).toBeLessThan(LIMITS.htmlChars * 1.1);
    expect(read(much).name).toBe('');
  });
});

describe('JSON', () => {
  it('is a tree that keeps digits, order, and names that stand twice', () => {
    const text =
      '{"b": 12345678901234567890, "2": 1e400, "1": "x\\n\\u00e9", "b": [true, null, {}], "": {"a": []}}';
    expect(tree('a.json', text)).toEqual([
      'b 12345678901234567890',
      '2 1e400',
      '1 "x é"',
      ['b 3 items', ['1 true', '2 null', '3 0 members']],
      ['1 member', ['a 0 items']],
    ]);
    expect(read(show('a.json', '"alone"')).text).toBe('"alone"');
  });

  it('is shown as text where it is broken, with the reason', () => {
    const { notes, body } = show('a.json', '{"a": 1,\n}');
    expect(notes[0]).toMatch(/^This is not JSON: .*\. It is shown as text\.$/);
    expect(allIn(readPage(body.html), 'li').map(({ text }) => text)).toEqual(['{"a": 1,', '}']);
  });

  it('shows a tree a line, and lines that are none as they are', () => {
    const shown = show('a.jsonl', '{"a":1}\n\nnot\n[2]\n');
    expect(treeIn(allIn(read(shown), 'ul')[0])).toEqual([
      ['Line 1 1 member', ['a 1']],
      'Line 3 not',
      ['Line 4 1 item', ['1 2']],
    ]);
    expect(shown.notes).toEqual(['Not JSON: line 3.']);
  });

  it('says what it leaves out', () => {
    const wide = show('a.json', JSON.stringify(Array.from({ length: 9_000 }, (_, n) => n)));
    expect(wide.notes).toEqual(['Shown: the first 5,000 values.']);
    expect(allIn(read(wide), 'li')).toHaveLength(4_999);
    const deep = show('a.json', `${'['.repeat(100)}1${']'.repeat(100)}`);
    expect(read(deep).text).toContain('too deep to be shown: [[[');
    const lines = show('a.jsonl', '1\n'.repeat(3_000));
    expect(lines.notes).toEqual(['Shown: the first 1,000 lines.']);
  });
});

describe('YAML', () => {
  it('is a tree with its texts as they were written', () => {
    const text =
      'a: &x 007\nb: *x\nc: "no: yes"\nd: |\n  two\n  lines\ne:\n- ~\n- {f: 1.50, ? [g] : h}\n<<: *x\n';
    expect(tree('a.yml', text)).toEqual([
      'a 007',
      'b *x',
      'c "no: yes"',
      'd two lines',
      ['e 2 items', ['1 ~', ['2 2 members', ['f 1.50', '(a collection as a name) h']]]],
      '<< *x',
    ]);
  });

  it('has a tree for each document', () => {
    const page = read(show('a.yaml', 'a: 1\n---\n- b\n'));
    expect(page.text).toBe('Document 1 a 1 Document 2 1 b');
    expect(read(show('a.yaml', 'just a text')).text).toBe('just a text');
  });

  it.each([
    ['a: [1,\nb: 2', /^This is not YAML \(line \d+\): .*\. It is shown as text\.$/],
    ['a: 1\n\t- b', /^This is not YAML \(line 2\)/],
    [`a: ${'x'.repeat(70_000)}`, /^YAML is shown as a tree up to 64 KiB\. It is shown as text\.$/],
    ['['.repeat(200) + ']'.repeat(200), /^This YAML lies deeper than 100 levels\./],
  ])('is text where there is no tree of it (%#)', (text, why) => {
    const { notes, body } = show('a.yaml', text);
    expect(notes[0]).toMatch(why);
    expect(allIn(readPage(body.html), 'ol')).toHaveLength(1);
  });
});

describe('CSV', () => {
  it('is a table whose first row names the columns', () => {
    const page = read(show('a.csv', 'id,title\r\n1,"a, ""b""\nc"\r\n2,=1+1\r\n'));
    expect(allIn(page, 'th').map(({ text }) => text)).toEqual(['id', 'title']);
    expect(rowsOf(page, /2 rows/)).toEqual([
      ['1', 'a, "b" c'],
      ['2', '=1+1'],
    ]);
    expect(rowsOf(read(show('a.tsv', 'a\tb\n1\t2\n')), /1 row/)).toEqual([['1', '2']]);
  });

  it('says where rows have other lengths, and what it leaves out', () => {
    const uneven = show('a.csv', 'a,b\n1\n1,2,3\n1,2\n');
    expect(uneven.notes).toEqual(['Not as long as the first row: 2 rows.']);
    expect(allIn(read(uneven), 'th').map(({ text }) => text)).toEqual(['a', 'b', 'Column 3']);
    expect(show('a.csv', 'a,b\n'.repeat(3_000)).notes).toEqual(['Shown: the first 1,000 rows.']);
    expect(show('a.csv', 'a,'.repeat(80)).notes).toEqual(['Shown: the first 50 of 81 columns.']);
  });

  it('is text where its quotes do not close', () => {
    const { notes } = show('a.csv', 'a,b\n"x,1\n');
    expect(notes[0]).toMatch(/^This is not CSV \(row \d+\): .*\. It is shown as text\.$/);
  });
});

describe('any other text', () => {
  it('is numbered lines', () => {
    const page = read(show('a.py', 'one\r\n\r\n  two <b>\n'));
    expect(allIn(page, 'ol', 'lines')).toHaveLength(1);
    expect(allIn(page, 'li').map(({ text }) => text)).toEqual(['one', '', 'two <b>']);
    expect(read(show('.gitkeep', '')).text).toBe('This text is empty.');
    expect(read(show('a.json', '\u{FEFF}[1]')).text).toBe('1 1');
  });

  it('says what it leaves out', () => {
    expect(show('a', 'x\n'.repeat(6_000)).notes).toEqual(['Shown: the first 5,000 lines.']);
    expect(show('a', 'x'.repeat(500_000)).notes).toEqual(['Shown: the first 256 KiB.']);
  });
});

describe('differences', () => {
  const changed = (from: string, to: string): Element => read(showDifferences(from, to));

  it('are signed lines with what stands around', () => {
    const from = 'a\nb\nc\nd\ne\nf\ng\nh\n';
    const page = changed(from, from.replace('b\n', 'B\nB2\n').replace('h\n', 'h'));
    expect(rowsOf(page, /3 lines added \(\+\), 2 lines removed \(−\)/)).toEqual([
      ['', '', '…', 'from line 1 before, 1 after'],
      ['1', '1', '', 'a'],
      ['2', '', '−', 'b'],
      ['', '2', '+', 'B'],
      ['', '3', '+', 'B2'],
      ['3', '4', '', 'c'],
      ['4', '5', '', 'd'],
      ['5', '6', '', 'e'],
      ['6', '7', '', 'f'],
      ['7', '8', '', 'g'],
      ['8', '', '−', 'h'],
      ['', '9', '+', 'h'],
      ['', '', '', 'No newline at end of file'],
    ]);
    expect(allIn(page, 'ins').map(({ text }) => text)).toEqual(['B', 'B2', 'h']);
    expect(allIn(page, 'del').map(({ text }) => text)).toEqual(['b', 'h']);
  });

  it('are none between equal texts, and cut where they are many', () => {
    expect(changed('a', 'a').text).toBe('The two texts are the same.');
    const many = showDifferences('', 'x\n'.repeat(4_000));
    expect(many.notes).toEqual(['Shown: the first 2,000 lines of 4,001.']);
  });

  it('are not looked for longer than half a second', () => {
    const lines = (seed: number): string =>
      Array.from({ length: 60_000 }, (_, n) => (n * 7919 + seed) % 30_011).join('\n');
    const began = performance.now();
    const page = changed(lines(1), lines(17));
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(page.text).toMatch(/too little in common|lines added/);
  });
});
