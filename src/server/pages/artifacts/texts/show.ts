import { showCsv } from './csv.ts';
import { showJson, showJsonLines } from './json.ts';
import { showLines } from './lines.ts';
import { type Place, showMarkdown } from './markdown.ts';
import type { Shown } from './shown.ts';
import { showYaml } from './yaml.ts';

const SHOWS: Readonly<Partial<Record<string, (text: string, place: Place) => Shown>>> = {
  csv: showCsv,
  json: showJson,
  jsonl: showJsonLines,
  markdown: showMarkdown,
  md: showMarkdown,
  ndjson: showJsonLines,
  tsv: showCsv,
  yaml: showYaml,
  yml: showYaml,
};

/** A text as what its path's ending says it is; as numbered lines where it says nothing. Takes a second at most. */
export function showText(text: string, place: Place): Shown {
  // A byte order mark is for programs.
  const plain = text.replace(/^\u{FEFF}/u, '');
  const show = SHOWS[/\.([a-z]+)$/i.exec(place.path)?.[1]?.toLowerCase() ?? ''];
  return plain.trim() === '' || show === undefined ? showLines(plain) : show(plain, place);
}
