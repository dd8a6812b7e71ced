import { createServer } from 'node:http';
import net from 'node:net';
import { expect, it } from 'vitest';
import {
  envelope,
  type Trial,
  listenTrial,
  send,
  startTrial,
} from '../../../test/support/receiver-trial.ts';
import { MAX_CONNECTIONS, MAX_CONNECTIONS_PER_ADDRESS, MAX_REQUESTS_AT_ONCE } from '../limits.ts';
import { systemClock } from '../../base/index.ts';
import type { Receiver } from '../serve.ts';
import { boundConnections, type Guest, whoLeaves } from './connections.ts';

function guest(address: string, served = 0): Guest {
  return { address, served };
}

it.each<readonly [string, readonly Guest[], number]>([
  ['the newcomer, where all are alone', [guest('a', 1), guest('b')], 1],
  ['the first of the largest crowd', [guest('a'), guest('b'), guest('b'), guest('c')], 1],
  ['not who is being served', [guest('b', 1), guest('b'), guest('b')], 1],
  ['who is being served, where all are', [guest('a'), guest('b', 1), guest('b', 1)], 1],
  ['the newcomer’s own, where that is the crowd', [guest('a'), guest('b'), guest('b')], 1],
])('a full house is left by %s', (_name, guests, place) => {
  expect(whoLeaves(guests)).toBe(guests[place]);
});

it('has nobody to show the door where nobody is', () => {
  expect(whoLeaves([])).toBeNull();
});

function dial({ url }: Pick<Receiver, 'url'>, from: string): net.Socket {
  const { hostname, port } = new URL(url);
  const socket = net.connect({ host: hostname, port: Number(port), localAddress: from });
  socket.on('error', () => {});
  return socket;
}

async function openConnections({ url }: Receiver): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^spec_kitty_open_connections (\d+)$/m.exec(text)?.[1]);
}

it('lets a newcomer in although other addresses have taken every connection', async () => {
  const receiver = await listenTrial(await startTrial());
  const addresses = Array.from({ length: 6 }, (_, number) => `127.0.0.${number + 2}`);
  const crowd = addresses.flatMap((address) =>
    Array.from({ length: MAX_CONNECTIONS_PER_ADDRESS }, () => dial(receiver, address)),
  );
  for (const socket of crowd) socket.write('GET /healthz HTTP/1.1\r\n');
  for (let request = 0; request < 5; request += 1) {
    const headers = { connection: 'close' };
    expect((await fetch(`${receiver.url}/healthz`, { headers })).status).toBe(200);
  }
  expect(await openConnections(receiver)).toBeLessThanOrEqual(MAX_CONNECTIONS);
  for (const socket of crowd) socket.destroy();
});

async function withAPage(): Promise<Trial> {
  const trial = await startTrial();
  await send(
    trial,
    Array.from({ length: 1_000 }, (_, number) => envelope(number)),
  );
  return trial;
}

const PAGE = 'GET /api/v1/events/?limit=1000 HTTP/1.1\r\nhost: localhost\r\n\r\n';

it('cuts off who asks for much before it hears anything', async () => {
  const receiver = await listenTrial(await withAPage());
  const [hasty, quick] = [dial(receiver, '127.0.0.2'), dial(receiver, '127.0.0.3')];
  const cut = new Promise((resolve) => hasty.once('close', resolve));
  hasty.resume();
  hasty.write(PAGE.repeat(MAX_REQUESTS_AT_ONCE + 1));
  await cut;
  let heard = '';
  quick.on('data', (chunk) => {
    heard += chunk.toString('latin1');
  });
  quick.write(PAGE.repeat(MAX_REQUESTS_AT_ONCE));
  await expect
    .poll(() => heard.match(/HTTP\/1\.1 200 /g)?.length, { timeout: 10_000 })
    .toBe(MAX_REQUESTS_AT_ONCE);
  quick.destroy();
});

it('cuts off who does not take an answer, and nobody who does', async () => {
  const server = createServer((_request, answer) => {
    answer.end(Buffer.alloc(64 * 1_048_576));
  });
  const bounds = { most: 8, perAddress: 8, atOnce: 1, answerMs: 500 };
  const open = boundConnections(server, bounds, systemClock());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const [deaf, hearing] = [dial({ url }, '127.0.0.2'), dial({ url }, '127.0.0.3')];
  deaf.pause();
  deaf.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n');
  hearing.resume();
  hearing.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n');
  await expect.poll(open, { timeout: 10_000 }).toBe(2);
  await expect.poll(open, { timeout: 10_000 }).toBe(1);
  expect(hearing.destroyed).toBe(false);
  deaf.destroy();
  hearing.destroy();
  await new Promise((resolve) => server.close(resolve));
});
