import { describe, expect, it } from 'vitest';
import { createMachine, type Ended } from '../support/command-line.ts';
import { tracesOf } from '../support/traces.ts';
import { TRACKER_SECRET, TRACKERS, type LocalTracker } from '../support/tracker-servers.ts';

interface Story {
  readonly tracker: LocalTracker;
  readonly home: string;
  readonly dir: string;
  readonly pull: (...more: readonly string[]) => Promise<Ended>;
  readonly run: (line: readonly string[]) => Promise<Ended>;
}

type Name = keyof typeof TRACKERS;

async function story(name: Name, count: number): Promise<Story> {
  const tracker = await TRACKERS[name](count);
  const machine = createMachine({ SPEC_KITTY_ENABLE_SAAS_SYNC: '1' });
  const root = await machine.project('repo');
  const { args, input } = tracker.bind;
  const bound = await machine.run(['tracker', 'bind', ...args], { cwd: root, input });
  expect(bound).toMatchObject({ exit: 0 });
  const run: Story['run'] = (line) => machine.run(line, { cwd: root });
  const pull: Story['pull'] = (...more) => run(['tracker', 'sync', 'pull', '--json', ...more]);
  return { tracker, home: machine.home, dir: machine.dir, pull, run };
}

function stats(
  created: number,
  updated: number,
  skipped: number,
): Readonly<Record<string, number>> {
  return { pulled_created: created, pulled_updated: updated, skipped };
}

/** What every tracker must do alike. */
describe.each(Object.keys(TRACKERS) as Name[])('issues of %s', (name) => {
  it('come page by page, and afterwards only what changed', async () => {
    const { tracker, pull, run } = await story(name, 250);
    expect(await pull('--limit', '10000')).toMatchObject({
      exit: 0,
      json: { provider: name, stats: stats(250, 0, 0), more: false, errors: [] },
    });
    expect(tracker.sent.issues).toBe(250);
    tracker.sent.issues = 0;
    expect((await pull('--limit', '10000')).json).toMatchObject({ stats: stats(0, 0, 1) });
    for (const number of [3, 77, 200]) tracker.edit(number, `Edited ${number}`);
    expect((await pull()).json).toMatchObject({ stats: stats(0, 3, 1), more: false });
    expect(tracker.sent.issues).toBeLessThanOrEqual(5);
    const shown = await run(['tracker', 'issue', tracker.keyOf(77), '--json']);
    expect(shown.stdout).toContain('Edited 77');
    expect((await run(['tracker', 'status', '--json'])).json).toMatchObject({
      issue_count: 250,
      pull_unfinished: false,
    });
  });

  it('stop at the limit, and go on there', async () => {
    const { tracker, pull } = await story(name, 130);
    expect((await pull('--limit', '50')).json).toMatchObject({
      stats: stats(50, 0, 0),
      more: true,
    });
    // What changes meanwhile moves to the front, and is found by the next pass.
    tracker.edit(1, 'Edited while it was pulled');
    const rest = await pull('--limit', '10000');
    expect(rest.json).toMatchObject({ more: false, errors: [] });
    const again = await pull('--limit', '10000');
    const created = [rest, again].map(
      ({ json }) => (json['stats'] as Record<string, number>)['pulled_created'] ?? 0,
    );
    expect(50 + created.reduce((sum, each) => sum + each, 0)).toBe(130);
    for (const limit of ['0', '10001', 'x'])
      expect(await pull('--limit', limit)).toMatchObject({ exit: 2 });
  });

  it('keep what we do not know', async () => {
    const { tracker, pull, run } = await story(name, 2);
    await pull();
    const { json } = await run(['tracker', 'issue', tracker.keyOf(1), '--json']);
    const issue = json['issue'] as Readonly<Record<string, unknown>>;
    const fields = (issue['fields'] ?? issue) as Readonly<Record<string, unknown>>;
    expect(fields['customfield_10042']).toEqual({ value: 'unknown to us', number: 0.1 });
    expect(await run(['tracker', 'issue', 'none'])).toMatchObject({ exit: 1 });
  });

  it('wait as long as they are asked to, and no longer than a minute', async () => {
    const { tracker, pull } = await story(name, 5);
    const busy = { status: 429, headers: { 'retry-after': '0' }, body: '{}' };
    tracker.instead.push(busy, { status: 503, headers: { 'retry-after': '0' }, body: '' }, null);
    expect(await pull()).toMatchObject({ exit: 0, json: { stats: stats(5, 0, 0) } });
    tracker.edit(1, 'late');
    tracker.instead.push({ ...busy, headers: { 'retry-after': '3600' } });
    const asked = tracker.requests.length;
    const limited = await pull();
    expect(limited).toMatchObject({ exit: 1, json: { more: true } });
    expect(String((limited.json['errors'] as string[])[0])).toMatch(/^limited: /);
    expect(tracker.requests.length).toBe(asked + 1);
    expect(await pull()).toMatchObject({ exit: 0, json: { stats: { pulled_updated: 1 } } });
  });

  it('are refused truthfully, and nothing of the answer is repeated', async () => {
    const { tracker, pull } = await story(name, 5);
    tracker.instead.push({ status: 401, body: JSON.stringify({ message: TRACKER_SECRET }) });
    const refused = await pull();
    expect(refused).toMatchObject({
      exit: 1,
      json: { errors: ['refused: HTTP 401: the credentials are not accepted'] },
    });
    tracker.instead.push({ status: 200, body: '<html>' });
    expect(await pull()).toMatchObject({ exit: 1 });
    tracker.instead.push({
      status: 302,
      headers: { location: 'https://elsewhere.test/' },
      body: '',
    });
    expect(await pull()).toMatchObject({ exit: 1 });
    expect(await pull()).toMatchObject({ exit: 0 });
  });

  it('leave their credentials in their store alone', async () => {
    const { tracker, pull, home, dir } = await story(name, 3);
    const { stdout, stderr } = await pull();
    expect(stdout + stderr).not.toContain(TRACKER_SECRET);
    expect(tracker.requests.length).toBeGreaterThan(0);
    expect(tracesOf(dir, TRACKER_SECRET)).toEqual([`${home}/tracker-credentials.json`]);
  });
});

it('GitHub and Linear say in their own ways that too much was asked', async () => {
  const github = await story('github', 3);
  github.tracker.instead.push({
    status: 403,
    headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '4102444800' },
    body: '{}',
  });
  // The wait is counted from now on, and a millisecond may pass meanwhile.
  expect((await github.pull()).json['errors']).toEqual([
    expect.stringMatching(/^limited: the tracker asks to wait until 2100-01-01T00:00:00\.0\d\dZ$/),
  ]);
  const linear = await story('linear', 3);
  linear.tracker.instead.push({
    status: 400,
    headers: { 'x-ratelimit-requests-reset': '4102444800000' },
    body: JSON.stringify({ errors: [{ extensions: { code: 'RATELIMITED' } }] }),
  });
  expect(String(((await linear.pull()).json['errors'] as string[])[0])).toMatch(/^limited: .*2100/);
});

it('a place that the tracker no longer knows begins the pass anew', async () => {
  const { tracker, pull } = await story('jira', 60);
  await pull('--limit', '20');
  tracker.instead.push({ status: 400, body: '{"errorMessages":["the token has expired"]}' });
  expect((await pull('--limit', '10000')).json).toMatchObject({
    stats: stats(40, 0, 20),
    more: false,
  });
});

it('trackers whose issues are not pulled say so; so do credentials that are missing', async () => {
  const machine = createMachine({ SPEC_KITTY_ENABLE_SAAS_SYNC: '1' });
  const root = await machine.project('repo');
  const bind = (provider: string): Promise<Ended> =>
    machine.run(['tracker', 'bind', '--provider', provider, '--workspace', 'w'], { cwd: root });
  await bind('gitlab');
  const pull = ['tracker', 'sync', 'pull'];
  expect((await machine.run(pull, { cwd: root })).stderr).toMatch(
    /issues of gitlab are not pulled/,
  );
  await bind('Jira');
  expect((await machine.run(pull, { cwd: root })).stderr).toMatch(
    /jira needs base_url, email, api_token, project_key/,
  );
  const url = ['--credential', 'base_url=http://jira.example', '--credential', 'email=a'];
  const more = ['--credential', 'project_key=A', '--credential-stdin'];
  const line = ['tracker', 'bind', '--provider', 'jira', '--workspace', 'w', ...url, ...more];
  await machine.run(line, { cwd: root, input: 'api_token=x' });
  expect(await machine.run([...pull, '--json'], { cwd: root })).toMatchObject({
    exit: 1,
    json: { error: { code: 'insecure_url' } },
  });
});
