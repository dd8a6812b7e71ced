import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { ARTIFACTS, createMachine, EXAMPLE_MISSIONS } from '../support/command-line.ts';
import { realReceiver } from '../support/real-receiver.ts';
import { booksAt } from '../support/store-view.ts';

interface BodyReport {
  readonly selected: number;
  readonly uploaded: number;
  readonly already_exists: number;
  readonly failed: number;
}

it('sync now delivers the texts of the missions behind their events, once to each receiver', async () => {
  const machine = createMachine(ARTIFACTS);
  const root = await machine.project('repo', EXAMPLE_MISSIONS);
  const at = { cwd: root };
  const mission = path.join(root, 'kitty-specs', '001-tide-clock');
  writeFileSync(path.join(mission, 'spec.md'), '\ufeff# Tide clock\r\n🚀\n');
  writeFileSync(path.join(mission, 'plan.md'), '# Plan\n');
  for (const receiver of [await realReceiver(), await realReceiver()]) {
    await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', receiver.url], at);
    const first = await machine.run(['sync', 'now', '--json'], at);
    const [target] = first.json['targets'] as readonly { readonly bodies: BodyReport }[];
    expect(first).toMatchObject({ exit: 0, json: { all_delivered: true } });
    expect(target?.bodies.uploaded).toBeGreaterThan(0);
    expect(target?.bodies).toMatchObject({ failed: 0, already_exists: 0 });
    const rows = await receiver.store.driver.all<{ n: number }>(
      'SELECT count(*) AS n FROM artifact_versions WHERE stored_at IS NOT NULL',
    );
    expect(rows).toEqual([{ n: target?.bodies.uploaded }]);
    const again = await machine.run(['sync', 'now', '--json'], at);
    const [second] = again.json['targets'] as readonly { readonly bodies: BodyReport }[];
    expect(second?.bodies).toMatchObject({ selected: 0, uploaded: 0 });
    expect(await booksAt(machine, root, receiver.url, 'bodies')).toMatchObject({
      delivered: target?.bodies.uploaded,
      queued: 0,
      unopened: 0,
    });
  }
  const status = await machine.run(['sync', 'status', '--json'], at);
  expect(status.json['body_queue']).toMatchObject({ total_tasks: 0, ready_to_send: 0, parked: 0 });
  expect((await machine.run(['sync', 'status'], at)).stdout).toMatch(/bodies: \d+ delivered/);
});
