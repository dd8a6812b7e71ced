import { amount, tableOf, text as cellOf } from '../../frame.ts';
import { html, type Html } from '../../html.ts';
import { allowance, treeOf } from './tree.ts';
import { readYaml } from './yaml.ts';

const FRONT_MATTER = /^---[ \t]*\r?\n([\s\S]*?\r?\n)?---[ \t]*(?:\r?\n|$)/;

/** What stands above a Markdown text as YAML, as a table to unfold, and the text below it. What is no table is left in the text. */
export function frontMatterOf(text: string): { readonly table: Html; readonly rest: string } {
  const [whole = '', source = ''] = FRONT_MATTER.exec(text) ?? [];
  const read = source === '' ? null : readYaml(source, allowance());
  const tree = read?.ok === true ? read.value[0] : undefined;
  if (tree?.kind !== 'map') return { table: html``, rest: text };
  const rows = tree.entries.map(({ key, value }) => [cellOf(key), treeOf(value)]);
  const columns = [{ name: 'Name' }, { name: 'Value', kind: 'name' }] as const;
  const table = html`<details class="front"><summary>${amount(rows.length, 'value')} of front matter</summary>
${tableOf('Front matter', columns, rows)}</details>`;
  return { table, rest: text.slice(whole.length) };
}
