import { isDeepStrictEqual } from 'node:util';
import { messageOf, UserError, type System } from '../../base/index.ts';
import { identityFile, readIdentityText, type Project } from './project.ts';
import type { Document, Pair, Scalar, YAMLMap } from 'yaml';

/** What one section of the project's configuration may hold. */
export type Section = Readonly<Record<string, unknown>>;

const SHARED_FILE = 0o644;

/**
 * One section of `.kittify/config.yaml`, or null when there is none.
 * @throws UserError `config_corrupt` when the file is no YAML, or the section is no mapping.
 */
export async function readSection(
  { files }: System,
  { root }: Pick<Project, 'root'>,
  name: string,
): Promise<Section | null> {
  const file = identityFile(root);
  const text = readIdentityText(files, root) ?? '';
  // Loading the parser costs more than most commands do.
  if (!text.includes(name)) return null;
  return sectionOf(await parse(text, file), name, file);
}

/**
 * Changes one section of `.kittify/config.yaml`: each leaf of `change` is set, whatever else stands in the file stays,
 * comments included; null takes the section away.
 * @throws UserError `config_corrupt` as above, and when the file cannot be changed without touching more.
 */
export async function changeSection(
  { files }: System,
  { root }: Pick<Project, 'root'>,
  name: string,
  change: Section | null,
): Promise<void> {
  const file = identityFile(root);
  const text = readIdentityText(files, root) ?? '';
  const document = await parse(text, file);
  sectionOf(document, name, file);
  const range = rangeOf(document, name);
  if (change === null) document.delete(name);
  else for (const [path, value] of leaves([name], change)) document.setIn(path, value);
  const changed = await rendered(document, { text, name, range });
  const [before, after] = [await parse(text, file), await parse(changed, file)];
  if (!isDeepStrictEqual(without(before, name), without(after, name))) {
    throw corrupt(file, 'it cannot be changed without touching other settings; change it by hand');
  }
  files.write(file, changed, SHARED_FILE);
}

/** Where a section lies in the text, from its name to its end; null when it is not there or in no line of its own. */
function rangeOf(document: Document, name: string): readonly [number, number] | null {
  const pair = pairOf(document, name);
  const start = (pair?.key as Scalar | undefined)?.range?.[0];
  const end = (pair?.value as Scalar | null | undefined)?.range?.[2];
  return start === undefined || end === undefined ? null : [start, end];
}

function pairOf(document: Document, name: string): Pair | undefined {
  const items = (document.contents as YAMLMap | null)?.items ?? [];
  // A key that was set a moment ago is a plain text.
  return items.find(({ key }) => key === name || (key as Scalar).value === name);
}

/** The text with one section as the document has it now; whatever else stands in it is not even spelled anew. */
async function rendered(
  document: Document,
  place: {
    readonly text: string;
    readonly name: string;
    readonly range: readonly [number, number] | null;
  },
): Promise<string> {
  const { text, name, range } = place;
  const { Document: Fresh, parseDocument } = await import('yaml');
  const only = new Fresh({});
  const pair = pairOf(document, name);
  if (pair !== undefined) (only.contents as unknown as YAMLMap).items.push(pair);
  const section = pair === undefined ? '' : only.toString({ lineWidth: 0 });
  const [start, end] = range ?? [text.length, text.length];
  const lead = text.slice(0, start);
  const spliced = `${lead}${lead === '' || lead.endsWith('\n') ? '' : '\n'}${section}${text.slice(end)}`;
  const read = parseDocument(spliced);
  const isSame = read.errors.length === 0 && isDeepStrictEqual(plain(read), plain(document));
  return isSame ? spliced : document.toString({ lineWidth: 0 });
}

async function parse(text: string, file: string): Promise<Document> {
  const yaml = await import('yaml');
  const document = yaml.parseDocument(text);
  const [error] = document.errors;
  if (error !== undefined) throw corrupt(file, messageOf(error.message.split('\n')[0]));
  if (document.contents !== null && !yaml.isMap(document.contents)) {
    throw corrupt(file, 'it is not a mapping');
  }
  return document;
}

function sectionOf(document: Document, name: string, file: string): Section | null {
  const section = plain(document)[name] ?? null;
  if (section === null || isSection(section)) return section;
  throw corrupt(file, `\`${name}\` is not a mapping`);
}

function* leaves(path: readonly string[], value: unknown): Generator<[readonly string[], unknown]> {
  if (!isSection(value) || Object.keys(value).length === 0) yield [path, value];
  else for (const [key, inner] of Object.entries(value)) yield* leaves([...path, key], inner);
}

function without(document: Document, name: string): Section {
  const { [name]: _section, ...others } = plain(document);
  return others;
}

function plain(document: Document): Section {
  const value: unknown = document.toJS();
  return isSection(value) ? value : {};
}

function isSection(value: unknown): value is Section {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function corrupt(file: string, reason: string): UserError {
  return new UserError('config_corrupt', `${file}: ${reason}`, { remedy: null });
}
