import { expect, it } from 'vitest';
import { ledgerTrial } from '../support/ledger-trial.ts';
import { describeVectors, expectSame, type Difference } from './vectors.ts';

interface KeyCase {
  readonly name: string;
  readonly event: {
    readonly event_type?: string;
    readonly payload?: unknown;
  };
  readonly coalesce_key: string | null;
}

interface CoalesceVectors {
  readonly coalesce_keys: readonly KeyCase[];
}

const FIVE_PARTS = 'A coalescing key names five parts, or there is none';
const NONE: Difference = { because: FIVE_PARTS, ours: null };

/** What each stands under is a heading of a decision note. */
const DIFFERENCES: Readonly<Record<string, Difference>> = {
  artifact_legacy_empty_relative_path: NONE,
  artifact_payload_null: NONE,
  artifact_id_is_string: NONE,
  // The project of an event is its envelope's; nothing else is asked for it.
  artifact_partial_envelope_falls_to_payload: {
    because: FIVE_PARTS,
    ours: 'MissionDossierArtifactIndexed|550e8400-e29b-41d4-a716-446655440000|100-x|a',
  },
};

/** The key that the journal writes beside such an event, in the spelling of the recordings, its branch left out. */
function keyOf({ event }: KeyCase): string | null {
  const { event_type: type = '', payload } = event;
  const trial = ledgerTrial();
  // What is no object is no envelope; nothing of it can be recorded, so no key is there either.
  if (type === '' || typeof payload !== 'object' || payload === null) return null;
  trial.capture(1, { type, payload: JSON.stringify(payload) });
  const row = trial.db.get<{ key: string | null; project: string }>(
    'SELECT coalesce_key AS key, project_id AS project FROM events',
  );
  if (row?.key == null) return null;
  const [kind, project, mission, branch, path] = JSON.parse(row.key) as readonly string[];
  expect({ project, branch }).toEqual({ project: row.project, branch: 'main' });
  const parts = [kind, '550e8400-e29b-41d4-a716-446655440000', mission, path];
  return parts.filter((part) => part !== '').join('|');
}

describeVectors<CoalesceVectors>('coalesce.json', ({ coalesce_keys: cases }) => {
  it.each(cases.map((each) => [each.name, each] as const))('%s', (name, recorded) => {
    expectSame(keyOf(recorded), recorded.coalesce_key, DIFFERENCES[name]);
  });

  it('lists no difference that was never recorded', () => {
    const recorded = new Set(cases.map(({ name }) => name));
    expect(Object.keys(DIFFERENCES).filter((name) => !recorded.has(name))).toEqual([]);
  });
});
