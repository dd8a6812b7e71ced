import { isDeepStrictEqual } from 'node:util';
import { messageOf, UserError } from '../../base/index.ts';
import { identityFrom, NO_IDENTITY, type Identity } from './identity.ts';
import type * as YamlModule from 'yaml';
import type { Document, Scalar, YAMLMap } from 'yaml';

/**
 * Reads the identity from any YAML.
 * @param file named in errors.
 * @throws UserError `identity_corrupt` when it is not YAML, or `project` is not a mapping of scalars.
 */
export async function readYamlIdentity(text: string, file: string): Promise<Identity> {
  const yaml = await import('yaml');
  const document = parse(yaml, text, file);
  const project = projectOf(yaml, document, file);
  if (project === null) return NO_IDENTITY;
  return identityFrom((key) => scalarText(yaml, project.get(key, true), key, file));
}

/**
 * The text with parts added to its `project` section; all that stands there stays, comments included.
 * @throws UserError `identity_corrupt` as above.
 */
export async function addToIdentity(
  text: string,
  file: string,
  parts: Readonly<Record<string, string>>,
): Promise<string> {
  const yaml = await import('yaml');
  const document = parse(yaml, text, file);
  if (projectOf(yaml, document, file) === null && !hasProjectKey(yaml, document)) {
    const appended = text + separator(text) + block(parts);
    if (extendsOnly(yaml, document, appended, file)) return appended;
  }
  for (const [key, value] of Object.entries(parts)) setPart(yaml, document, key, value);
  return document.toString({ lineWidth: 0 });
}

type Yaml = typeof YamlModule;

/** Words that some YAML versions read as another thing than a text. */
const WORDS: ReadonlySet<string> = new Set('true false null yes no on off y n'.split(' '));

function parse(yaml: Yaml, text: string, file: string): Document.Parsed {
  const document = yaml.parseDocument(text);
  const [error] = document.errors;
  if (error !== undefined) {
    const at = error.linePos === undefined ? '' : `line ${error.linePos[0].line}: `;
    throw corrupt(file, at + messageOf(error.message.split('\n')[0]));
  }
  if (document.contents !== null && !yaml.isMap(document.contents)) {
    throw corrupt(file, 'it is not a mapping');
  }
  return document;
}

function projectOf(yaml: Yaml, document: Document.Parsed, file: string): YAMLMap | null {
  const project: unknown = document.get('project', true);
  if (project === undefined || isNull(yaml, project)) return null;
  if (!yaml.isMap(project)) throw corrupt(file, '`project` is not a mapping');
  return project;
}

function hasProjectKey(yaml: Yaml, document: Document.Parsed): boolean {
  return yaml.isMap(document.contents) && document.contents.has('project');
}

function isNull(yaml: Yaml, node: unknown): boolean {
  return node === null || (yaml.isScalar(node) && node.value === null);
}

/** A scalar as it is written, so that a number-like name keeps its zeros. */
function scalarText(yaml: Yaml, node: unknown, key: string, file: string): string | null {
  if (node === undefined || isNull(yaml, node)) return null;
  if (!yaml.isScalar(node)) throw corrupt(file, `\`project.${key}\` is not a text`);
  return typeof node.value === 'string' ? node.value : (node.source ?? String(node.value));
}

function setPart(yaml: Yaml, document: Document.Parsed, key: string, value: string): void {
  const project: unknown = document.get('project', true);
  if (!yaml.isMap(project)) {
    const section = document.createNode({});
    section.commentBefore = yaml.isScalar(project) ? commentsOf(project) : null;
    document.set('project', section);
  }
  document.setIn(['project', key], value);
}

function commentsOf(node: Scalar): string {
  return [node.commentBefore ?? '', node.comment ?? ''].filter((text) => text !== '').join('\n');
}

function separator(text: string): string {
  if (text === '') return '';
  return text.endsWith('\n') ? '\n' : '\n\n';
}

function block(parts: Readonly<Record<string, string>>): string {
  const lines = Object.entries(parts).map(([key, value]) => `  ${key}: ${scalar(value)}\n`);
  return `project:\n${lines.join('')}`;
}

/** A plain scalar where YAML can read it in no other way, otherwise a double-quoted one (JSON is YAML). */
function scalar(text: string): string {
  if (/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)) return text;
  return /^[a-z][a-z0-9-]*$/.test(text) && !WORDS.has(text) ? text : JSON.stringify(text);
}

/** Whether `text` says all that `document` said, and something about the project besides. */
function extendsOnly(yaml: Yaml, document: Document.Parsed, text: string, file: string): boolean {
  const extended = yaml.parseDocument(text);
  if (extended.errors.length > 0 || !yaml.isMap(extended.contents)) return false;
  extended.contents.delete('project');
  const before = document.contents === null ? {} : plain(document, file);
  return isDeepStrictEqual(plain(extended, file), before);
}

function plain(document: Document.Parsed, file: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    // Aliases that would unfold without end.
    throw corrupt(file, messageOf(error));
  }
}

function corrupt(file: string, reason: string): UserError {
  return new UserError('identity_corrupt', `${file}: ${reason}`, { remedy: null });
}
