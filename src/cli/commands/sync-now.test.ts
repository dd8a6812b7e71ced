import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import {
  createMachine,
  EXAMPLE_FACTS,
  EXAMPLE_MISSIONS,
  type Machine,
} from '../../../test/support/command-line.ts';
import {
  answerAll,
  idsOf,
  recordingServer,
  type RecordingServer,
} from '../../../test/support/recording-server.ts';
import { booksAt } from '../../../test/support/store-view.ts';

const SLOW_MS = 200;

describe('the counts line and the report', () => {
  it('are as the contract has them', async () => {
    const { machine, at, server } = await permitted((request) => answerAll(request));
    const now = await machine.run(['sync', 'now', '--report', 'report.json'], at);
    expect(now).toMatchObject({ exit: 0, stderr: '' });
    expect(now.stdout).toContain(
      `Event sync (EXTERNAL_RECEIVER): delivered ${EXAMPLE_FACTS}  duplicate 0  pending 0  rejected 0  transient 0  terminal-failed 0  (selected ${EXAMPLE_FACTS})\n`,
    );
    expect(now.stdout).toMatch(/\nAll delivered\.\n\nDispatch report written to report\.json\n$/);
    const text = readFileSync(path.join(at.cwd, 'report.json'), 'utf8');
    expect(text).toMatch(/^\{.*\}\n$/);
    const counts = {
      ...{ selected: EXAMPLE_FACTS, delivered: EXAMPLE_FACTS, duplicate: 0, pending: 0 },
      ...{ rejected: 0, transient: 0, terminal_failed: 0 },
    };
    expect(JSON.parse(text)).toMatchObject({
      ...{
        generated_at: expect.stringMatching(/^\d{4}-.*Z$/) as string,
        dispatched: true,
        ...counts,
      },
      summary: { total_events: EXAMPLE_FACTS, synced: EXAMPLE_FACTS, failed: 0, ...counts },
      ...{ failures: [], mode: 'EXTERNAL_RECEIVER', all_delivered: true, exit_code: 0 },
      targets: [{ canonical_url: server.url, waiting: 0, parked: 0, blocked_reason: null }],
    });
  });

  it('say of a run without anything to send that nothing was dispatched', async () => {
    const { machine, at } = await permitted((request) => answerAll(request));
    await machine.run(['sync', 'now'], at);
    const { json } = await machine.run(['sync', 'now', '--json', '--report', 'report.json'], at);
    expect(json).toMatchObject({ dispatched: false, selected: 0, exit_code: 0 });
    expect(JSON.parse(readFileSync(path.join(at.cwd, 'report.json'), 'utf8'))).toEqual(json);
  });
});

describe('several targets', () => {
  it('are all served although one of them cannot be asked at all', async () => {
    const { machine, at, server } = await permitted(async (request) => {
      await wait(SLOW_MS);
      return answerAll(request);
    });
    const other = ['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', 'https://127.0.0.1:9'];
    await machine.run(other, at);
    const env = { NODE_TLS_REJECT_UNAUTHORIZED: '0' };
    const now = await machine.run(['sync', 'now', '--all', '--json'], { ...at, env });
    expect(now.exit).toBe(1);
    expect(now.json).toMatchObject({ delivered: EXAMPLE_FACTS, all_delivered: false });
    expect(JSON.stringify(now.json['targets'])).toContain('would accept any certificate');
    const books = await booksAt(machine, at.cwd, server.url);
    expect(books).toMatchObject({ delivered: EXAMPLE_FACTS, queued: 0 });
  });
});

describe('what a receiver says of single events', () => {
  const ANSWERS = ['success', 'duplicate', 'queued', 'rejected', 'nonsense', 'conflict'] as const;

  it('is counted, listed with its reason, and never called delivered', async () => {
    const { machine, at, server } = await permitted((request) => {
      if (request.method === 'GET') return { status: 404 };
      const results = idsOf(request.body).map((id, index) => ({
        ...{ event_id: id, status: ANSWERS[index % ANSWERS.length] },
        ...{ error: `because ${index}`, error_category: 'schema_mismatch' },
      }));
      return { status: 200, body: JSON.stringify({ results }) };
    });
    const now = await machine.run(['sync', 'now'], at);
    expect(now.exit).toBe(1);
    expect(now.stdout).toContain(
      'delivered 4  duplicate 4  pending 4  rejected 3  transient 3  terminal-failed 3  (selected 21)',
    );
    expect(now.stdout).toContain('schema_mismatch: because 3');
    expect(now.stdout).toContain('3 parked (hash_conflict)');
    expect(now.stdout).toContain('spec-kitty sync parked list');
    expect(now.stdout).toContain('10 waiting (events); nothing is lost');
    expect(now.stdout).not.toContain('All delivered');
    expect(await booksAt(machine, at.cwd, server.url)).toMatchObject({ delivered: 8, parked: 3 });
    const lenient = await machine.run(['sync', 'now', '--no-strict'], at);
    expect(lenient.exit).toBe(0);
    expect(lenient.stdout).not.toContain('All delivered');
  });

  it('is put into categories with what can be done, for people and in the report', async () => {
    const CODES = ['schema_invalid', 'schema_invalid', 'payload_too_large', null] as const;
    const { machine, at } = await permitted((request) => {
      if (request.method === 'GET') return { status: 404 };
      const results = idsOf(request.body).map((id, index) => ({
        event_id: id,
        status: index < CODES.length ? 'rejected' : 'success',
        error: 'because',
        error_category: CODES[index] ?? undefined,
      }));
      return { status: 200, body: JSON.stringify({ results }) };
    });
    const now = await machine.run(['sync', 'now', '--report', 'report.json'], at);
    expect(now.stdout).toContain(
      '  schema_mismatch: 2  -- see what is wrong with which event: `spec-kitty sync diagnose`\n  oversized_event: 1  -- ',
    );
    expect(now.stdout).toContain('Dispatch report written to report.json');
    const text = readFileSync(path.join(at.cwd, 'report.json'), 'utf8');
    expect(text.split('\n')).toHaveLength(2);
    const report = JSON.parse(text) as Record<string, unknown>;
    expect(report).toMatchObject({
      dispatched: true,
      selected: EXAMPLE_FACTS,
      summary: {
        total_events: EXAMPLE_FACTS,
        synced: EXAMPLE_FACTS - CODES.length,
        duplicates: 0,
        failed: CODES.length,
        categories: { schema_mismatch: 2, oversized_event: 1, unknown: 1 },
      },
    });
    expect(report['failures']).toMatchObject([
      { code: 'schema_invalid', category: 'schema_mismatch', http_status: 200, error: 'because' },
      { code: 'schema_invalid', category: 'schema_mismatch' },
      { code: 'payload_too_large', category: 'oversized_event', outcome: 'terminal_failed' },
      { code: null, category: 'unknown', outcome: 'rejected' },
    ]);
  });

  it('is listed for twenty of them and counted for the others', async () => {
    const { machine, at } = await permitted((request) => answerAll(request, 'rejected'));
    const { stdout } = await machine.run(['sync', 'now'], at);
    expect(stdout.match(/^ {2}rejected /gm)).toHaveLength(20);
    expect(stdout).toContain('… and 1 more');
  });
});

describe('its options', () => {
  it('--no-import sends what is recorded and leaves new lines, which then wait', async () => {
    const { machine, at, server } = await permitted((request) => answerAll(request));
    const now = await machine.run(['sync', 'now', '--no-import'], at);
    expect(now.exit).toBe(1);
    expect(now.stdout).not.toContain('All delivered');
    expect(now.stdout).toContain(
      `${EXAMPLE_FACTS} new line(s) wait: run \`spec-kitty sync import\``,
    );
    expect(server.batches()).toEqual([]);
    await machine.run(['sync', 'import'], at);
    expect((await machine.run(['sync', 'now', '--no-import'], at)).exit).toBe(0);
    expect(server.batches()).toHaveLength(1);
  });

  it('--target and --all reach targets that are not the active one', async () => {
    const { machine, at, server: first } = await permitted((request) => answerAll(request));
    const second = await recordingServer((request) => answerAll(request));
    await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', second.url], at);
    const one = await machine.run(['sync', 'now', '--target', `${first.url}/`], at);
    expect(one).toMatchObject({ exit: 0, stderr: '' });
    expect([first.batches().length, second.batches().length]).toEqual([1, 0]);
    const all = await machine.run(['sync', 'now', '--all'], at);
    expect(all.exit).toBe(0);
    expect(all.stdout).toContain(`Target ${first.url}\n`);
    expect(all.stdout).toContain(`Target ${second.url}\n`);
    expect([first.batches().length, second.batches().length]).toEqual([1, 1]);
    const unknown = await machine.run(
      ['sync', 'now', '--target', 'https://c.invalid', '--json'],
      at,
    );
    expect(unknown.json).toMatchObject({ error: { code: 'target_unknown' }, exit_code: 1 });
  });

  it('--target sends nothing to a target whose permission is gone', async () => {
    const { machine, at, server } = await permitted((request) => answerAll(request));
    await machine.run(['sync', 'opt-out'], at);
    const now = await machine.run(['sync', 'now', '--target', server.url, '--json'], at);
    expect(now.json).toMatchObject({ error: { code: 'no_grant' }, exit_code: 1 });
    const { error } = now.json as { error: { remedy: string } };
    expect(error.remedy).toMatch(/^spec-kitty sync opt-in --target tgt_/);
    expect((await machine.run(error.remedy.split(' ').slice(1), at)).exit).toBe(0);
    expect((await machine.run(['sync', 'now', '--all'], at)).exit).toBe(0);
    expect(server.batches()).toHaveLength(1);
  });
});

describe('a mode without delivery', () => {
  it('imports, keeps, says so and exits 0', async () => {
    const machine = createMachine();
    const root = await machine.project('repo', EXAMPLE_MISSIONS);
    const at = { cwd: root };
    await machine.run(['sync', 'mode', 'local-retention'], at);
    const now = await machine.run(['sync', 'now', '--report', 'r.json'], at);
    expect(now).toMatchObject({ exit: 0, stderr: '' });
    expect(now.stdout).toContain(
      'Event sync mode LOCAL_RETENTION: retention only; no delivery attempted.\n',
    );
    expect(now.stdout).toContain(`${EXAMPLE_FACTS} event(s) are retained.`);
    expect(now.stdout).not.toContain('All delivered');
    expect(existsSync(path.join(root, 'r.json'))).toBe(true);
    const { json } = await machine.run(['sync', 'now', '--json'], at);
    expect(json).toMatchObject({
      ...{ dispatched: false, retained: EXAMPLE_FACTS, blocked_reason: 'mode_without_delivery' },
      ...{ summary: { total_events: 0, synced: 0, failed: 0 }, failures: [], exit_code: 0 },
    });
  });
});

it('shows a bar to a person who waits longer than a second, and to nobody else', async () => {
  const slow = await slowly({ isTerminal: true });
  expect(slow.stderr).toMatch(/\r\[#*\.*\] [\d,]+ \/ [\d,]+ /);
  expect(slow.stderr.endsWith('\r\u001b[K')).toBe(true);
  expect((await slowly({ isTerminal: false })).stderr).toBe('');
  expect((await slowly({ isTerminal: true, env: { CI: 'true' } })).stderr).toBe('');
  expect((await slowly({ isTerminal: true, env: { NO_COLOR: '1' } })).stderr).toBe('');
});

/** A drain that takes long by a clock that runs fast. */
async function slowly(options: {
  readonly isTerminal: boolean;
  readonly env?: Readonly<Record<string, string>>;
}): ReturnType<Machine['run']> {
  const { machine, at } = await permitted((request) => answerAll(request));
  let elapsed = 0;
  const clock = {
    now: () => 1_790_000_000_000,
    monotonic: () => (elapsed += 400),
    sleep: () => new Promise<void>(() => {}),
    pause: () => {},
  };
  const real = await machine.run(['sync', 'import'], at);
  expect(real.exit).toBe(0);
  const signal = AbortSignal.timeout(20_000);
  const sleep = (_ms: number, stopped?: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      stopped?.addEventListener('abort', () => {
        resolve();
      });
    });
  return machine.run(['sync', 'now'], {
    ...at,
    ...options,
    signal,
    system: { clock: { ...clock, sleep } },
  });
}

async function permitted(reply: Parameters<typeof recordingServer>[0]): Promise<{
  readonly machine: Machine;
  readonly at: { readonly cwd: string };
  readonly server: RecordingServer;
}> {
  const machine = createMachine();
  const server = await recordingServer(reply);
  const root = await machine.project('repo', EXAMPLE_MISSIONS);
  const named = ['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', server.url];
  expect(await machine.run(named, { cwd: root })).toMatchObject({ exit: 0, stderr: '' });
  return { machine, at: { cwd: root }, server };
}
