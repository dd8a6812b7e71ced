import { lineAt } from './scan.ts';
import type { Complaint, Project } from './project.ts';

interface Trace {
  readonly pattern: RegExp;
  readonly what: string;
}

const TRACES: readonly Trace[] = [
  {
    pattern: /\/work\/(?:main|shared)\b/g,
    what: 'a path of one machine: build it from the project root or a temporary directory',
  },
  {
    pattern: /\b(?:issue|ticket|bug|PR) ?#?\d+\b|(?<![\w&(/])#\d+\b/gi,
    what: 'a ticket: say the reason itself',
  },
  {
    pattern: /\b(?:decisions?|seed|house\.md|reliability\.md) \d/gi,
    what: 'a paper that does not travel with the project: say the rule itself',
  },
  {
    pattern: /\bshared\/(?:design|contracts|needs|seeds|samples|vectors)/g,
    what: 'a folder that does not travel with the project',
  },
  {
    pattern: /\bN?FR-\d+\b|\bT0\d\d\b/g,
    what: 'the number of a requirement: say the rule itself',
  },
  { pattern: /\bregistry\.|\bnpmjs\.(?:org|com)/g, what: 'the host of a registry' },
];

/** These rules and their tests spell out what they forbid. */
const OURSELVES = /^test\/tidy\//;

interface Exemption {
  readonly trace: string;
  readonly file: RegExp;
}

const EXEMPTIONS: readonly Exemption[] = [
  // The map from numbered requirements to commands, and missions, which number their own tasks.
  { trace: 'the number', file: /^docs\/requirements\.md$|^examples\// },
  // Recordings and samples may lie beside the checkout; where they do not, the tests that want them say so.
  { trace: 'a folder', file: /^test\/|\.test\.ts$/ },
];

/** Nothing in the project points at the place or the papers it was written with. */
export function nothingPointsOutside(project: Project): readonly Complaint[] {
  const texts = [...project.texts].filter(([file]) => !OURSELVES.test(file));
  return texts.flatMap(([file, text]) =>
    TRACES.filter(({ what }) => !isExempt(file, what)).flatMap(({ pattern, what }) =>
      [...text.matchAll(pattern)].map(
        (found) => `${file}:${lineAt(text, found.index)}: \`${found[0]}\` is ${what}`,
      ),
    ),
  );
}

function isExempt(file: string, what: string): boolean {
  return EXEMPTIONS.some((each) => what.startsWith(each.trace) && each.file.test(file));
}
