import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { cpSync } from 'node:fs';
import path from 'node:path';
import Sqlite from 'better-sqlite3';
import { expect, it, onTestFinished } from 'vitest';
import {
  createMachine,
  EXAMPLE_FACTS,
  EXAMPLE_MISSIONS,
  type Ended,
} from '../support/command-line.ts';
import { realReceiver, type RealReceiver } from '../support/real-receiver.ts';
import { tempDir } from '../support/temp-home.ts';

type Ask = (...words: readonly string[]) => Promise<Ended>;

async function pointedAt(url: string): Promise<{ readonly ask: Ask; readonly emit: Ask }> {
  const machine = createMachine();
  const cwd = await machine.project('repo', EXAMPLE_MISSIONS);
  const ask: Ask = (...words) => machine.run(['sync', ...words], { cwd });
  const emit: Ask = () =>
    machine.run(['emit', 'BuildHeartbeat', '--payload', '{"build_id":"b"}'], { cwd });
  await ask('mode', 'EXTERNAL_RECEIVER', '--endpoint', url);
  return { ask, emit };
}

/** One port in front of several receivers; `choose` says who answers the n-th request. */
async function balancer(
  receivers: readonly RealReceiver[],
  choose: (n: number) => number,
): Promise<string> {
  let n = 0;
  const server = http.createServer((request, response) => {
    const chosen = receivers[choose(n)];
    n += 1;
    const { hostname, port } = new URL(chosen?.url ?? '');
    const { method, url, headers } = request;
    const onward = http.request({ hostname, port, method, path: url, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    request.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

it('recognises replicas that take turns from the first batch on, and counts nothing as delivered', async () => {
  const receivers = [await realReceiver(), await realReceiver()];
  const { ask } = await pointedAt(await balancer(receivers, (n) => n % 2));
  for (let round = 0; round < 4; round += 1) {
    const now = await ask('now');
    expect(now.exit).toBe(1);
    expect(now.stdout).toContain('Event sync halted: ');
    expect(now.stdout).toContain('several instances take turns');
    expect(now.stdout).not.toContain('All delivered');
  }
  const log = await ask('log', '--state', 'delivered', '--json');
  expect(log.json['events']).toEqual([]);
});

it('goes on by itself when one of the replicas alone answers again', async () => {
  const receivers = [await realReceiver(), await realReceiver()];
  let isMended = false;
  const url = await balancer(receivers, (n) => (isMended ? 0 : n % 2));
  const { ask } = await pointedAt(url);
  expect((await ask('now')).exit).toBe(1);
  isMended = true;
  const mended = await ask('now');
  expect(mended.stdout).toContain('All delivered.');
  expect(await receivers[0]?.holdings()).toHaveLength(EXAMPLE_FACTS);
});

it('recognises an instance that comes back after another one was accepted', async () => {
  const receivers = [await realReceiver(), await realReceiver()];
  let chosen = 0;
  const url = await balancer(receivers, () => chosen);
  const { ask } = await pointedAt(url);
  expect((await ask('now')).exit).toBe(0);
  chosen = 1;
  expect((await ask('now')).stdout).toContain('receiver_reset');
  const judged = await ask('status', '--check');
  const accept = /is blocked: receiver_reset: run `spec-kitty sync ([^`]+)`/.exec(
    judged.stdout,
  )?.[1];
  expect(accept).toMatch(/^targets accept tgt_/);
  expect((await ask(...(accept ?? '').split(' '))).exit).toBe(0);
  expect((await ask('now')).exit).toBe(0);
  chosen = 0;
  const back = await ask('now');
  expect(back.stdout).toContain('several instances take turns');
  const remedy = /Run `spec-kitty sync (targets accept \S+)`/.exec(back.stdout)?.[1] ?? '';
  expect((await ask(...remedy.split(' '))).exit).toBe(0);
  expect((await ask('now')).exit).toBe(0);
  const { json } = await ask('targets', '--json');
  const [target] = json['targets'] as readonly { readonly seen: readonly unknown[] }[];
  expect(target?.seen).toHaveLength(3);
});

it('sends a restored receiver everything again: redelivery heals what its backup lacked', async () => {
  const first = await realReceiver();
  const { ask, emit } = await pointedAt(first.url);
  expect((await ask('now')).exit).toBe(0);
  const backup = path.join(tempDir(), 'receiver.db');
  await first.stop();
  cpSync(first.file, backup);
  const port = Number(new URL(first.url).port);
  const more = await realReceiver({ file: first.file, port });
  await emit();
  expect((await ask('now')).exit).toBe(0);
  await more.stop();
  const db = new Sqlite(backup);
  db.exec(`UPDATE instance SET server_instance_id = 'restored'`);
  db.close();
  const restored = await realReceiver({ file: backup, port });
  expect(await restored.holdings()).toHaveLength(EXAMPLE_FACTS);
  const blocked = await ask('now');
  expect(blocked.exit).toBe(1);
  expect(blocked.stdout).toContain('receiver_reset');
  const healed = /`spec-kitty sync (replay --target \S+ --redeliver)`/.exec(blocked.stdout)?.[1];
  const again = await ask(...(healed ?? '').split(' '));
  expect(again.stdout).toContain('All delivered.');
  expect(await restored.holdings()).toHaveLength(EXAMPLE_FACTS + 1);
});
