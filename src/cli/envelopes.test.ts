import process from 'node:process';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { createMachine, type Ended, type Machine } from '../../test/support/command-line.ts';
import { envelopeBytes, eventId, type EnvelopeOptions } from '../../test/support/envelopes.ts';
import { openStoreOf, projectIdOf } from '../../test/support/store-view.ts';
import type { ProjectId } from '../wire/index.ts';

const LINES = 100_000;
const MAX_HELD_BYTES = 48 * 1_048_576;

it('records one envelope that is written over several lines, as the bytes it came as', async () => {
  const { machine, root, line } = await project();
  const pretty = `\n${JSON.stringify(JSON.parse(line(1)), null, 2)}\n\n`;
  const { json, exit } = await emit(machine, root, pretty);
  expect(exit).toBe(0);
  expect(json).toMatchObject({ captured: 1, known: 0, refused: 0, conflicts: 0 });
  const [stored] = payloads(machine, root);
  expect(stored).toBe(pretty.trim());
});

it('records each line, whatever ends it, and says which it knows', async () => {
  const { machine, root, line } = await project();
  const text = `\r\n${line(1)}\r\n  ${line(2)}  \n\n${line(3)}`;
  expect((await emit(machine, root, text)).json).toMatchObject({
    captured: 3,
    known: 0,
    refused: 0,
  });
  expect(payloads(machine, root)).toEqual([line(1), line(2), line(3)]);
  const again = await machine.run(['emit', '--envelope', '-'], { cwd: root, input: text });
  expect(again).toMatchObject({ exit: 0, stderr: '' });
  expect(again.stdout).toBe('Recorded 0 event(s), 3 known already\n');
});

it('refuses each bad line with its number and place, and records the others', async () => {
  const { machine, root, line } = await project();
  const other = line(5, { projectId: '11111111-2222-4333-8444-555555555555' as ProjectId });
  const wrongTime = line(6).replace('2026-03-14T09:26:53.000Z', 'yesterday');
  const bad = [
    '{"a":',
    '[]',
    other,
    wrongTime,
    line(7).replace('"lamport_clock":7', '"lamport_clock":-1'),
  ];
  const text = [line(1), ...bad, line(2)].join('\n');
  const { json, exit } = await emit(machine, root, text);
  expect(exit).toBe(1);
  expect(json).toMatchObject({
    captured: 2,
    refused: 5,
    issues: [
      { line: 2, pointer: '/a' },
      { line: 3, pointer: '' },
      { line: 4, pointer: '/project_uuid', rule: 'another-project' },
      { line: 5, pointer: '/timestamp' },
      { line: 6, pointer: '/lamport_clock' },
    ],
  });
  expect(payloads(machine, root)).toEqual([line(1), line(2)]);
  const people = await machine.run(['emit', '--envelope', '-'], { cwd: root, input: text });
  expect(people.stdout).toContain('refused line 5 /timestamp: ');
  expect(people.stdout).toContain('refused line 3 (as a whole): ');
});

it('goes on behind a bad first line', async () => {
  const { machine, root, line } = await project();
  const { json } = await emit(machine, root, `not json\n${line(1)}\n${line(2)}\n`);
  expect(json).toMatchObject({ captured: 2, refused: 1, issues: [{ line: 1 }] });
});

it('refuses a line that is larger than an event may be, and goes on', async () => {
  const { machine, root, line } = await project();
  const giant = `{"x":"${'y'.repeat(600_000)}"}`;
  const { json } = await emit(machine, root, `${giant}\n${line(1)}\n${giant}\n${line(2)}`);
  expect(json).toMatchObject({
    captured: 2,
    refused: 2,
    issues: [
      { line: 1, rule: 'too-large' },
      { line: 3, rule: 'too-large' },
    ],
  });
});

it('keeps the first of two facts under one id and reports the other', async () => {
  const { machine, root, line } = await project();
  const other = line(1, { payload: '{"wp_id":"WP09"}' });
  const { json, exit } = await emit(machine, root, `${line(1)}\n${other}\n${line(1)}\n`);
  expect(exit).toBe(1);
  expect(json).toMatchObject({ captured: 1, known: 1, conflicts: 1, conflicting: [eventId(1)] });
  expect(payloads(machine, root)).toEqual([line(1)]);
  const status = await machine.run(['sync', 'status'], { cwd: root });
  expect(status.stdout).toContain('1 conflicting event(s) kept aside');
  const people = await machine.run(['emit', '--envelope', '-'], { cwd: root, input: other });
  expect(people.stdout).toContain(
    `conflict ${eventId(1)}: the journal holds another fact, which stays`,
  );
});

it('lists a hundred refusals and counts the rest', async () => {
  const { machine, root } = await project();
  const text = Array.from({ length: 250 }, (_, n) => `bad ${n}`).join('\n');
  const ended = await machine.run(['emit', '--envelope', '-'], { cwd: root, input: text });
  expect(ended.exit).toBe(1);
  expect(ended.stdout.match(/refused line/g)).toHaveLength(100);
  expect(ended.stdout).toContain('… and 150 more refused');
});

it('records a hundred thousand lines in one call without holding them', async () => {
  const { machine, root, line } = await project();
  const padding = 'p'.repeat(1_000);
  const payload = `{"wp_id":"WP01","note":"${padding}"}`;
  const before = heldBytes();
  let held = 0;
  let bytes = 0;
  const stream = (async function* () {
    for (let from = 0; from < LINES; from += 50) {
      const chunk = Array.from({ length: 50 }, (_, n) => `${line(from + n, { payload })}\n`).join(
        '',
      );
      bytes += chunk.length;
      if (from % 20_000 === 0) held = Math.max(held, heldBytes() - before);
      yield await Promise.resolve(Buffer.from(chunk));
    }
  })();
  const { json, exit } = await emit(machine, root, stream);
  expect(exit).toBe(0);
  expect(json).toMatchObject({ captured: LINES, refused: 0, known: 0 });
  expect(bytes).toBeGreaterThan(LINES * 1_000);
  expect(held).toBeLessThan(MAX_HELD_BYTES);
  const counted = openStoreOf(machine, root).get(
    'SELECT count(*) AS n, max(seq) AS last FROM events',
  );
  expect(counted).toEqual({ n: LINES, last: LINES });
}, 60_000);

interface Given {
  readonly machine: Machine;
  readonly root: string;
  /** The n-th envelope of this project, on one line. */
  readonly line: (n: number, options?: EnvelopeOptions) => string;
}

async function project(): Promise<Given> {
  const machine = createMachine();
  const root = await machine.project('repo');
  const projectId = projectIdOf(root) as ProjectId;
  const line: Given['line'] = (n, options) =>
    Buffer.from(envelopeBytes(n, { projectId, ...options })).toString('utf8');
  return { machine, root, line };
}

/** What is really in use, garbage collected. */
function heldBytes(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function emit(
  machine: Machine,
  root: string,
  input: string | AsyncIterable<Uint8Array>,
): Promise<Ended> {
  return machine.run(['emit', '--envelope', '-', '--json'], { cwd: root, input });
}

function payloads(machine: Machine, root: string): readonly string[] {
  const rows = openStoreOf(machine, root).all<{ payload: Buffer }>(
    'SELECT payload FROM event_payloads ORDER BY seq',
  );
  return rows.map((row) => row.payload.toString('utf8'));
}

it('says what earlier groups kept when a later one can be kept nowhere', async () => {
  const { machine, root, line } = await project();
  const input = Array.from({ length: 1_500 }, (_, n) => line(n)).join('\n');
  let captures = 0;
  const faults = {
    at: (point: string) => {
      if (point === 'capture.begin') captures += 1;
      if (captures < 2) return;
      throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
    },
  };
  const ended = await machine.run(['emit', '--envelope', '-', '--json'], {
    cwd: root,
    input,
    faults,
  });
  expect(ended.exit).toBe(1);
  const { error } = ended.json as { error: { message: string; details: unknown } };
  expect(error.message).toMatch(/^1000 event\(s\) were recorded before this and are kept/);
  expect(error.details).toMatchObject({ captured: 1_000 });
  expect(payloads(machine, root)).toHaveLength(1_000);
});
