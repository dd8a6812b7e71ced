import { expect, it } from 'vitest';
import { createMachine, EXAMPLE_MISSIONS } from '../support/command-line.ts';
import { answerAll, recordingServer } from '../support/recording-server.ts';

// The batch contract's own list. Whatever else is published, no event grows or loses a field.
const FIELDS = [
  ...[
    'event_id',
    'event_type',
    'aggregate_id',
    'aggregate_type',
    'payload',
    'timestamp',
    'node_id',
  ],
  ...['lamport_clock', 'causation_id', 'team_slug', 'project_uuid', 'project_slug', 'git_branch'],
  ...['head_commit_sha', 'repo_slug'],
];

it('events leave with exactly the fifteen fields of the contract, with a tracker bound as without', async () => {
  const server = await recordingServer((request) => answerAll(request));
  const machine = createMachine({ SPEC_KITTY_ENABLE_SAAS_SYNC: '1' });
  const root = await machine.project('repo', EXAMPLE_MISSIONS);
  const run = async (...line: readonly string[]): Promise<void> => {
    expect(await machine.run(line, { cwd: root })).toMatchObject({ exit: 0 });
  };
  const key = ['--credential', 'project_key=ACME'];
  await run('tracker', 'bind', '--provider', 'jira', '--workspace', 'acme', ...key);
  await run('emit', 'BuildHeartbeat', '--payload', '{"build_id":"ci-7"}');
  await run('tracker', 'unbind');
  await run('emit', 'BuildHeartbeat', '--payload', '{"build_id":"ci-8"}');
  await run('sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', server.url);
  await run('sync', 'now');
  const sent = server.requests
    .filter(({ method }) => method === 'POST')
    .flatMap(({ body }) => (JSON.parse(body.toString()) as { events: Sent[] }).events);
  const emitted = sent.filter((event) => event.event_type === 'BuildHeartbeat');
  expect(emitted.map((event) => Object.keys(event).sort())).toEqual([
    [...FIELDS].sort(),
    [...FIELDS].sort(),
  ]);
  // What is imported may bring more along, and lacks none of them.
  expect(sent.length).toBeGreaterThan(20);
  for (const event of sent) expect(Object.keys(event)).toEqual(expect.arrayContaining(FIELDS));
});

interface Sent {
  readonly event_type: string;
}
