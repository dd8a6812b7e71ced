import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import {
  doorFunctionsAreDescribed,
  doorsAreDoors,
  roomsAreNotFull,
  roomsHaveDoors,
} from './tidy/doors.ts';
import {
  filesAreAlive,
  importsFollowTheRooms,
  importsHaveNoCycles,
  roomsAreListed,
  serverIsLoadedLazily,
} from './tidy/imports.ts';
import { productOf, readProject, type Rule } from './tidy/project.ts';
import { migrationsNameTheirOwner, tablesAreWrittenByTheirOwner } from './tidy/tables.ts';
import { nothingPointsOutside } from './tidy/traces.ts';
import { filesAreNamedByNouns, wordsAreOurs } from './tidy/words.ts';

// The conventions of CONTRIBUTING.md that no linter knows. Lengths of files and functions, numbers of
// parameters and complexity are the linter's (.oxlintrc.json).
const RULES: readonly Rule[] = [
  importsFollowTheRooms,
  serverIsLoadedLazily,
  roomsAreListed,
  importsHaveNoCycles,
  filesAreAlive,
  roomsHaveDoors,
  doorsAreDoors,
  doorFunctionsAreDescribed,
  roomsAreNotFull,
  migrationsNameTheirOwner,
  tablesAreWrittenByTheirOwner,
  wordsAreOurs,
  filesAreNamedByNouns,
  nothingPointsOutside,
];

const project = readProject(fileURLToPath(new URL('..', import.meta.url)));

test.each(RULES.map((rule) => [rule.name, rule] as const))('%s', (_name, rule) => {
  expect(rule(project)).toEqual([]);
});

test('the rules see the product', () => {
  expect(productOf(project).length).toBeGreaterThan(50);
});
