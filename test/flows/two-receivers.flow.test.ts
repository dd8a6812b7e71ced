import { describe, expect, it } from 'vitest';
import { copyMissions, createMachine, sampleMissions } from '../support/command-line.ts';
import { realReceiver } from '../support/real-receiver.ts';

const samples = sampleMissions();

describe.skipIf(samples === null)('the sample missions go to A, then to B, then back to A', () => {
  it('leaves the same ids and hashes at both and posts nothing the third time', async () => {
    const machine = createMachine();
    const root = machine.repository('repo');
    copyMissions(samples ?? '', root);
    const [a, b] = [await realReceiver(), await realReceiver()];
    const at = { cwd: root };
    expect((await machine.run(['init'], at)).exit).toBe(0);
    const imported = await machine.run(['sync', 'import', '--json'], at);
    expect(imported.json).toMatchObject({ captured: 376, bad_lines: 0 });
    await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', a.url], at);
    const first = await machine.run(['sync', 'now', '--json'], at);
    expect(first.json).toMatchObject({ delivered: 376, all_delivered: true, exit_code: 0 });
    await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', b.url], at);
    expect((await machine.run(['sync', 'now'], at)).stdout).toContain('All delivered.');
    expect(await b.holdings()).toEqual(await a.holdings());
    await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', a.url], at);
    const back = await machine.run(['sync', 'now', '--json'], at);
    expect(back.json).toMatchObject({ selected: 0, dispatched: false, exit_code: 0 });
    expect((await machine.run(['sync', 'status', '--check'], at)).exit).toBe(0);
  });
});
