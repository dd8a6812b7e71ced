import { it } from 'vitest';
import { parseNamespace, UPLOAD_STATUSES } from '../../src/bodies/index.ts';
import { describeVectors, expectSame } from './vectors.ts';

interface Recorded {
  readonly cases: readonly {
    readonly name: string;
    readonly input: Readonly<Record<string, unknown>>;
    readonly ok: boolean;
    readonly error?: string;
    readonly message?: string;
  }[];
  readonly upload_statuses: readonly string[];
}

describeVectors<Recorded>('namespace.json', ({ cases, upload_statuses }) => {
  it.each(cases)('namespace: $name', ({ input, ok, error, message }) => {
    const parsed = parseNamespace({
      projectUuid: input['project_uuid'],
      missionSlug: input['mission_slug'],
      targetBranch: input['target_branch'],
      missionType: input['mission_type'],
      manifestVersion: input['manifest_version'],
    });
    expectSame(parsed.ok, ok);
    // What is no text crashed there; the recording itself advises the same refusal as for a blank one.
    if (!parsed.ok && error === 'ValueError') expectSame(parsed.error.message, message);
  });

  it('has the same five outcomes', () => {
    expectSame([...UPLOAD_STATUSES], upload_statuses);
  });
});
