import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { lineAt, scan, type Scanned } from './scan.ts';

export interface Import {
  /** As written. */
  readonly specifier: string;
  /** Project path of a relative import, null for packages and built-in modules. */
  readonly target: string | null;
  /** True for `import(…)` as an expression. */
  readonly isLazy: boolean;
  readonly line: number;
}

/** One TypeScript file. */
export interface Source extends Scanned {
  /** From the project root, with slashes. */
  readonly path: string;
  readonly text: string;
  readonly imports: readonly Import[];
  /** The folder below `src`, or null for files that belong to no room. */
  readonly room: string | null;
  readonly isTest: boolean;
}

export interface Project {
  readonly sources: readonly Source[];
  /** Every text file that is looked at, sources included: project path to text. */
  readonly texts: ReadonlyMap<string, string>;
}

/** What a rule found: where, and what to do instead. */
export type Complaint = string;
export type Rule = (project: Project) => readonly Complaint[];

const SKIPPED = new Set([
  'node_modules',
  'dist',
  'coverage',
  '.git',
  '.demo',
  'vectors',
  'goldens',
]);
const READ = /\.(?:ts|tsx|mjs|cjs|sql|md|json|jsonl|txt|sh|ya?ml)$|^\.?[^.]+$/;
const UNREAD = new Set(['package-lock.json', 'LICENSE']);

/** Reads the working tree at `root`. */
export function readProject(root: string): Project {
  const files = filesBelow(root, '');
  return projectOf(
    new Map(files.map((file) => [file, readFileSync(path.join(root, file), 'utf8')])),
  );
}

/** A project made of texts alone; tests plant their violations here. */
export function projectOf(texts: ReadonlyMap<string, string>): Project {
  const sources = [...texts]
    .filter(([file]) => /\.tsx?$/.test(file) && !file.endsWith('.d.ts'))
    .map(([file, text]) => toSource(file, text));
  return { sources, texts };
}

/** The part of a project that is the product. */
export function productOf(project: Project): readonly Source[] {
  return project.sources.filter((source) => source.path.startsWith('src/') && !source.isTest);
}

function filesBelow(root: string, folder: string): readonly string[] {
  return readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const place = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (SKIPPED.has(entry.name)) return [];
    if (entry.isDirectory()) return filesBelow(root, place);
    return READ.test(entry.name) && !UNREAD.has(entry.name) ? [place] : [];
  });
}

function toSource(file: string, text: string): Source {
  const scanned = scan(text);
  const [top, room, inside] = file.split('/');
  return {
    ...scanned,
    path: file,
    text,
    imports: importsOf(file, text, scanned.code),
    room: top === 'src' && inside !== undefined ? (room ?? null) : null,
    isTest: file.startsWith('test/') || file.endsWith('.test.ts'),
  };
}

/** `… from '…'`, `import '…'` and `import('…')`; the code has its strings blanked but keeps their quotes. */
const IMPORT = /\bfrom\s*(?=['"])|\bimport\s*(?=['"])|\bimport\s*\(\s*(?=['"])/g;

function importsOf(file: string, text: string, code: string): readonly Import[] {
  return [...code.matchAll(IMPORT)].map((found) => {
    const start = found.index + found[0].length;
    const end = code.indexOf(code.charAt(start), start + 1);
    const specifier = text.slice(start + 1, end);
    return {
      specifier,
      target: specifier.startsWith('.')
        ? path.posix.join(path.posix.dirname(file), specifier)
        : null,
      isLazy: found[0].includes('(') && !isTypeImport(code.slice(end + 1)),
      line: lineAt(text, start),
    };
  });
}

/** `import('…').Name` is a type; `import('…').then` and everything else is a call. */
function isTypeImport(rest: string): boolean {
  return /^\s*\)\s*\.\s*(?!then\b|catch\b|finally\b)/.test(rest);
}
