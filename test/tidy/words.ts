import { lineAt } from './scan.ts';
import type { Complaint, Project, Source } from './project.ts';

interface Ban {
  readonly pattern: RegExp;
  /** What to write instead; every message carries it. */
  readonly instead: string;
  /** Files that may all the same. */
  readonly except?: RegExp;
  /** Where the word is looked for; the code when nothing is said. */
  readonly where?: 'code' | 'comments';
  /** Product, tests, or both when nothing is said. */
  readonly only?: 'product' | 'tests';
}

const DOORS = /^src\/(?:cli|server)\/main\.ts$/;

const BANS: readonly Ban[] = [
  {
    pattern: /\bDate\.now\b|\bnew Date\(\)/g,
    instead: 'take `now` from the Clock that was passed in',
    except: /^src\/base\/clock\.ts$/,
  },
  {
    pattern: /\bMath\.random\b/g,
    instead: 'take ids from the Ids that were passed in; tests seed and print their random numbers',
  },
  {
    pattern: /\bprocess\.(?:env|argv|cwd\()/g,
    instead: 'take it from the System that was passed in',
    except: /^src\/(?:base\/system|cli\/main|server\/main)\.ts$/,
    only: 'product',
  },
  {
    pattern: /\bconsole\./g,
    instead: 'print through the io of the command, log through Log',
    except: DOORS,
  },
  { pattern: /:\s*any\b|\bas any\b|<any>|\bany\[\]/g, instead: 'say `unknown` and narrow it' },
  {
    pattern: /\bcatch\s*\{/g,
    instead: 'bind the error, narrow it, and convert or rethrow it with its cause',
  },
  {
    pattern: /\b(?:TODO|FIXME|XXX)\b/g,
    instead: 'do it now, or write an issue',
    where: 'comments',
  },
  { pattern: /@ts-(?:ignore|nocheck|expect-error)/g, instead: 'state the type', where: 'comments' },
  {
    pattern: /\bexport default\b/g,
    instead: 'export it by name',
    except: /(?:^|\/)\w+\.config\.ts$|\.d\.ts$/,
  },
  { pattern: /\bexport \*/g, instead: 'name what is exported' },
  { pattern: /^\s*(?:export )?(?:const )?enum\b/gm, instead: 'use a union of literals' },
  { pattern: /\bclass \w+ extends (?!Error\b)\w+/g, instead: 'pass a function', only: 'product' },
  {
    pattern: /^(?:export )?let\b/gm,
    instead: 'keep no state in a module: pass it in',
    only: 'product',
  },
  {
    pattern: /\bvi\.(?:mock|fn|spyOn|stubGlobal|useFakeTimers)\b/g,
    instead: 'use the real thing, or pass another System in',
    only: 'tests',
  },
];

/** Words that are not used here, each with what stands in its place. */
export function wordsAreOurs(project: Project): readonly Complaint[] {
  return project.sources.flatMap((source) =>
    BANS.filter((ban) => applies(ban, source)).flatMap((ban) =>
      [...source[ban.where ?? 'code'].matchAll(ban.pattern)].map(
        (found) =>
          `${source.path}:${lineAt(source.text, found.index)}: \`${found[0].trim()}\`: ${ban.instead}`,
      ),
    ),
  );
}

function applies(ban: Ban, source: Source): boolean {
  if (ban.except?.test(source.path) === true) return false;
  if (ban.only === 'tests') return source.isTest;
  return ban.only === undefined || (source.path.startsWith('src/') && !source.isTest);
}

const NAME = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9]+(?:-[a-z0-9]+)*)*$/;
const SAYS_NOTHING = /^(?:utils?|types|helpers?|interfaces|common|misc|shared)\.tsx?$/;

/** Files are named in kebab-case by the noun that lives in them. */
export function filesAreNamedByNouns(project: Project): readonly Complaint[] {
  return [...project.texts.keys()]
    .filter((file) => /^(?:src|test|scripts|bench)\//.test(file))
    .flatMap((file) => {
      const name = file.slice(file.lastIndexOf('/') + 1);
      if (!NAME.test(name)) return [`${file}: file names are kebab-case`];
      return SAYS_NOTHING.test(name) ? [`${file}: name the file by the noun that lives in it`] : [];
    });
}
