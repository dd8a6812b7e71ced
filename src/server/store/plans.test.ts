import { expect, it } from 'vitest';
import { PROJECT, startTrial } from '../../../test/support/receiver-trial.ts';
import {
  type Watched,
  watchStatements,
  wholeScans,
} from '../../../test/support/statement-watch.ts';
import { type Db, openDb, sha256Hex, systemClock } from '../../base/index.ts';
import { type BodyPush, parseProjectId } from '../../wire/index.ts';
import { type DossierFact, missionAlone } from '../dossier.ts';
import { operatorScope } from '../auth.ts';
import {
  indexArtifacts,
  pageOfArtifacts,
  pageOfNamespaces,
  presentHash,
  scopeOf,
} from './artifacts.ts';
import { bodyWithHash, storeBody } from './bodies.ts';
import { erasableEvents, erasableWithId, eraseBytes, eraseText } from './erasures.ts';
import { sqliteDriver } from './sqlite.ts';

const ARTIFACTS = 12_000;
const NAMES = {
  missionSlug: '042-demo',
  targetBranch: 'main',
  missionType: 'software-dev',
  manifestVersion: '1',
};

function fact(number: number, isFlat: boolean): DossierFact {
  return {
    projectId: PROJECT,
    namespace: isFlat ? missionAlone('042-demo') : NAMES,
    artifact: {
      path: `research/${number}.md`,
      artifactClass: 'evidence',
      artifactKey: null,
      requiredStatus: null,
      sha256: sha256Hex(isFlat ? 'flat' : 'text'),
      sizeBytes: 4,
    },
    occurredAt: number,
    lamport: number,
    eventId: `event ${number}`,
  };
}

function push(text: string, number: number): BodyPush {
  const projectUuid = parseProjectId(PROJECT);
  if (projectUuid === null) throw new Error('the project of these tests is a UUID');
  return {
    ...NAMES,
    projectUuid,
    artifactPath: `research/${number}.md`,
    contentHash: sha256Hex(text),
    content: Buffer.from(text),
  };
}

function sorts(db: Db, { sql, params = {} }: Watched): readonly string[] {
  if (!/^\s*(?:SELECT|INSERT|UPDATE)\b/.test(sql)) return [];
  const steps = db.all<{ readonly detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, params);
  return steps.map(({ detail }) => detail).filter((detail) => detail.includes('TEMP B-TREE'));
}

it('reads and writes a large index through its keys, without sorting', async () => {
  const trial = await startTrial();
  const db = openDb(trial.file, { clock: systemClock() });
  const driver = sqliteDriver(db);
  const facts = Array.from({ length: ARTIFACTS }, (_, n) => fact(n, n % 4 === 0));
  const watched = watchStatements(db);
  const scope = scopeOf(operatorScope('local'), { projectId: PROJECT, namespace: NAMES });
  await driver.tx((sql) => indexArtifacts(sql, operatorScope('local'), facts));
  const outcomes = [];
  for (const each of [push('text', 1), push('text', 1), push('flat', 4), push('x', 1)]) {
    outcomes.push(await driver.tx((sql) => storeBody(sql, operatorScope('local'), 1, each)));
  }
  expect(outcomes).toEqual(['stored', 'already_exists', 'stored', 'index_entry_not_found']);
  const range = { after: 'research/5', limit: 100 };
  expect(await pageOfArtifacts(driver, scope, range)).toHaveLength(100);
  expect(
    await pageOfNamespaces(driver, operatorScope('local'), PROJECT, { ...range, after: '' }),
  ).toHaveLength(2);
  expect(await presentHash(driver, scope, 'research/1.md')).toBe(sha256Hex('text'));
  expect(
    await bodyWithHash(driver, operatorScope('local'), PROJECT, sha256Hex('text')),
  ).not.toBeNull();
  const project = [operatorScope('local'), PROJECT] as const;
  await erasableEvents(driver, project, { after: 0, before: 1, limit: 500 });
  await erasableWithId(driver, operatorScope('local'), 'event 1');
  await eraseBytes(driver, project, [{ arrival: 1, eventId: 'x', bytes: Buffer.alloc(0) }], 1);
  await eraseText(driver, project, { path: 'research/1.md', sha256: sha256Hex('text') });
  const statements = watched();
  expect(statements.length).toBeGreaterThan(12);
  expect(statements.flatMap((each) => wholeScans(db, each))).toEqual([]);
  expect(statements.flatMap((each) => sorts(db, each))).toEqual([]);
  await driver.close();
});
