import { expect, it } from 'vitest';
import { parseCommandLine } from '../../src/cli/parse.ts';
import { findCommand } from '../../src/cli/table.ts';
import { RULES } from '../../src/server/pages/ingest/rules.ts';
import { ARTIFACTS, createMachine, EXAMPLE_MISSIONS } from '../support/command-line.ts';
import { allIn, type Element, readPage, rowsOf } from '../support/page-view.ts';
import { type RealReceiver, realReceiver } from '../support/real-receiver.ts';

async function look({ url }: RealReceiver, at: string): Promise<Element> {
  const response = await fetch(`${url}${at}`, { headers: { accept: 'text/html' } });
  expect([at, response.status]).toEqual([at, 200]);
  return readPage(await response.text());
}

const commands = Object.entries(RULES).flatMap(([code, { command }]) =>
  command === null ? [] : [[code, command] as const],
);

it.each(commands)('can type what is advised for %s: %s', (_code, line) => {
  const [program, ...words] = line.split(' ');
  expect(program).toBe('spec-kitty');
  const spec = findCommand(words);
  expect(spec).toBeDefined();
  if (spec !== undefined) parseCommandLine(spec, words.slice(spec.path.length));
});

it('counts what a delivery brought, and what one after it found here already', async () => {
  const receiver = await realReceiver();
  const machine = createMachine(ARTIFACTS);
  const cwd = await machine.project('repo', EXAMPLE_MISSIONS);
  const mode = ['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', receiver.url];
  expect((await machine.run(mode, { cwd })).exit).toBe(0);
  expect((await machine.run(['sync', 'now'], { cwd })).exit).toBe(0);
  const held = (await receiver.holdings()).length;
  const measures = async (): Promise<ReadonlyMap<string, string>> =>
    new Map(
      rowsOf(await look(receiver, '/ingest'), /What came in/).map((cells) => [
        cells[0] ?? '',
        cells[4] ?? '',
      ]),
    );
  const first = await measures();
  expect(first.get('Events stored')).toBe(String(held));
  expect(first.get('Events that were here already')).toBe('0');
  expect(Number(first.get('Texts taken'))).toBeGreaterThan(0);
  const replay = ['sync', 'replay', '--target', receiver.url, '--redeliver'];
  expect((await machine.run(replay, { cwd })).exit).toBe(0);
  const second = await measures();
  expect(second.get('Events stored')).toBe(String(held));
  expect(second.get('Events that were here already')).toBe(String(held));
  const links = allIn(await look(receiver, '/ingest'), 'a').map(
    ({ attributes }) => attributes['href'] ?? '',
  );
  const project = links.find((href) => /^\/projects\/[^/]+\/ingest$/.test(href)) ?? '';
  const nodes = rowsOf(await look(receiver, project), /Who sent/).map(([node]) => node);
  expect(nodes).toContain('000000000000 imported');
});
