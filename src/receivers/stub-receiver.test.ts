import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { tempDir } from '../../test/support/temp-home.ts';
import { sha256Hex, systemFiles, type Files } from '../base/index.ts';
import type { BatchReply, OutboundItem, Receiver } from './receiver.ts';
import { createStubReceiver } from './stub-receiver.ts';

function itemOf(seq: number, text = `{"event_id":"E${seq}","n":${seq}}`): OutboundItem {
  const bytes = Buffer.from(text);
  return { seq, id: `E${seq}`, sha256: sha256Hex(bytes), bytes };
}

function deliver(receiver: Receiver, ...items: readonly OutboundItem[]): Promise<BatchReply> {
  return receiver.deliver('events', items, new AbortController().signal);
}

function outcomes(reply: BatchReply): readonly (string | undefined)[] {
  return reply.verdicts.map((verdict) => verdict?.outcome);
}

function lines(file: string): readonly string[] {
  return readFileSync(file, 'utf8').split('\n');
}

it('keeps accepted events one a line, readable by the owner alone, and knows them again', async () => {
  const file = path.join(tempDir(), 'events.ndjson');
  const first = createStubReceiver(file, systemFiles);
  expect(outcomes(await deliver(first, itemOf(1), itemOf(2)))).toEqual(['success', 'success']);
  expect(outcomes(await deliver(first, itemOf(2), itemOf(3)))).toEqual(['duplicate', 'success']);
  const later = createStubReceiver(file, systemFiles);
  expect(outcomes(await deliver(later, itemOf(1), itemOf(3)))).toEqual(['duplicate', 'duplicate']);
  expect(lines(file)).toEqual([1, 2, 3].map((n) => `{"event_id":"E${n}","n":${n}}`).concat(''));
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

it('holds the same id with other bytes for a conflict and keeps the first', async () => {
  const file = path.join(tempDir(), 'events.ndjson');
  const receiver = createStubReceiver(file, systemFiles);
  await deliver(receiver, itemOf(1));
  const reply = await deliver(receiver, itemOf(1, '{"event_id":"E1","n":9}'));
  expect(reply.verdicts[0]).toMatchObject({
    outcome: 'terminal_failed',
    category: 'hash_conflict',
  });
  expect(lines(file)).toEqual(['{"event_id":"E1","n":1}', '']);
});

it('makes one line of an event with line breaks between its tokens', async () => {
  const file = path.join(tempDir(), 'events.ndjson');
  const spread = itemOf(1, '{"event_id":\r\n"E1",\n"text":"a\\nb"}');
  await deliver(createStubReceiver(file, systemFiles), spread);
  expect(lines(file)).toEqual(['{"event_id":  "E1", "text":"a\\nb"}', '']);
  const again = await deliver(createStubReceiver(file, systemFiles), spread);
  expect(outcomes(again)).toEqual(['duplicate']);
});

it('does not let a line that was never finished spoil the next one', async () => {
  const file = path.join(tempDir(), 'events.ndjson');
  writeFileSync(file, '{"event_id":"E1","n":1}\n{"event_id":"E2","n');
  const receiver = createStubReceiver(file, systemFiles);
  expect(outcomes(await deliver(receiver, itemOf(1), itemOf(2)))).toEqual(['duplicate', 'success']);
  expect(lines(file).slice(1)).toEqual(['{"event_id":"E2","n', '{"event_id":"E2","n":2}', '']);
});

it('finishes a whole line that lacks only its end', async () => {
  const file = path.join(tempDir(), 'events.ndjson');
  writeFileSync(file, '{"event_id":"E1","n":1}');
  const receiver = createStubReceiver(file, systemFiles);
  expect(outcomes(await deliver(receiver, itemOf(1)))).toEqual(['duplicate']);
  expect(lines(file)).toEqual(['{"event_id":"E1","n":1}', '']);
});

it('notices what somebody else wrote meanwhile', async () => {
  const file = path.join(tempDir(), 'events.ndjson');
  const receiver = createStubReceiver(file, systemFiles);
  await deliver(receiver, itemOf(1));
  appendFileSync(file, '{"event_id":"E2","n":2}\nno json\n[]\n{"event_id":7}\n');
  expect(outcomes(await deliver(receiver, itemOf(2), itemOf(1)))).toEqual([
    'duplicate',
    'duplicate',
  ]);
});

it('reads the file once for many batches', async () => {
  const file = path.join(tempDir(), 'events.ndjson');
  let reads = 0;
  const files: Files = {
    ...systemFiles,
    readText: (name) => {
      reads += 1;
      return systemFiles.readText(name);
    },
  };
  const receiver = createStubReceiver(file, files);
  for (let n = 1; n <= 20; n += 1) await deliver(receiver, itemOf(n));
  expect(reads).toBe(1);
});

it('does nothing for nothing', async () => {
  const file = path.join(tempDir(), 'events.ndjson');
  const receiver = createStubReceiver(file, systemFiles);
  expect(await deliver(receiver)).toMatchObject({ verdicts: [], stop: null, requests: 0 });
  expect(existsSync(file)).toBe(false);
  expect([receiver.offers('events'), receiver.offers('snapshots')]).toEqual([true, true]);
  expect(await receiver.probe(new AbortController().signal)).toEqual({ kind: 'silent' });
});

it.each([
  ['a folder that is absent', (dir: string) => path.join(dir, 'absent', 'events.ndjson')],
  ['a directory', (dir: string) => dir],
  ['a device', () => '/dev/zero'],
  [
    'a path through a file',
    (dir: string) => {
      writeFileSync(path.join(dir, 'file'), '');
      return path.join(dir, 'file', 'events.ndjson');
    },
  ],
])('waits when its file is %s', async (_what, place) => {
  const receiver = createStubReceiver(place(tempDir()), systemFiles);
  const reply = await deliver(receiver, itemOf(1));
  expect(reply).toMatchObject({ verdicts: [null], stop: { kind: 'backoff', code: 'file_error' } });
});

it('says nothing of a write that failed, and starts afresh after it', async () => {
  const dir = tempDir();
  mkdirSync(path.join(dir, 'x'));
  const file = path.join(dir, 'x', 'events.ndjson');
  let isFull = true;
  const files: Files = {
    ...systemFiles,
    append: (name, data) => {
      if (!isFull) {
        systemFiles.append(name, data);
        return;
      }
      // A full disk takes a part of it.
      systemFiles.append(name, Buffer.from(data).subarray(0, 10));
      throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
    },
  };
  const receiver = createStubReceiver(file, files);
  const full = await deliver(receiver, itemOf(1), itemOf(2));
  expect(full).toMatchObject({ verdicts: [null, null], stop: { detail: 'no space left' } });
  isFull = false;
  expect(outcomes(await deliver(receiver, itemOf(1), itemOf(2)))).toEqual(['success', 'success']);
  expect(lines(file).slice(1)).toEqual(['{"event_id":"E1","n":1}', '{"event_id":"E2","n":2}', '']);
});

it('does not hide a mistake of our own', () => {
  const files: Files = {
    ...systemFiles,
    readText: () => {
      throw new TypeError('broken');
    },
  };
  const receiver = createStubReceiver(path.join(tempDir(), 'x'), files);
  expect(() => deliver(receiver, itemOf(1))).toThrow('broken');
});
