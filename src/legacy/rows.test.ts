import { describe, expect, it } from 'vitest';
import { sha256Hex } from '../base/index.ts';
import { PROJECT_ID, envelopeBytes } from '../../test/support/envelopes.ts';
import type { BodyRow } from './reading.ts';
import { judgeBody, judgeEvent, type Judged } from './rows.ts';

function judge(text: string | Uint8Array): Judged {
  return judgeEvent({ rowId: 7, data: Buffer.from(text), enqueuedAt: 5_000 });
}

const TEXT = Buffer.from(envelopeBytes(1)).toString();

describe('an event row', () => {
  it('is the envelope it holds, byte for byte, with the hash of the row', () => {
    const spaced = ` ${TEXT}\n`;
    const row = judge(spaced);
    expect(row).toMatchObject({ kind: 'event', projectId: PROJECT_ID, sha256: sha256Hex(spaced) });
    expect(row.kind === 'event' && Buffer.from(row.event.bytes).toString()).toBe(TEXT);
    expect(row).toMatchObject({ rowId: 7, enqueuedAt: 5_000 });
  });

  it('without a project belongs to none', () => {
    const row = judge(TEXT.replace(/"project_uuid":"[^"]+"/, '"project_uuid":null'));
    expect(row).toMatchObject({ kind: 'event', projectId: null });
  });

  it('with repeated keys is read as Python reads it: the last one counts, other bytes stay', () => {
    const row = judge(
      TEXT.replace('"payload":{', '"payload":{"n":1,"big":12345678901234567890,"n":2.0,').replace(
        '{"event_id"',
        '{"event_type":"Other","event_id"',
      ),
    );
    const text = row.kind === 'event' ? Buffer.from(row.event.bytes).toString() : '';
    expect(row.kind === 'event' && row.event.envelope.eventType).toBe('WPStatusChanged');
    expect(text).toContain('"n":1,"big":12345678901234567890');
    expect(text.match(/"event_type"/g)).toHaveLength(1);
  });

  it.each([
    ['no JSON', 'not json', null],
    ['nothing', '', null],
    ['a number that JSON does not know', TEXT.replace('"n":1', '"n":NaN'), null],
    ['an array', '[]', null],
    ['bytes that are no text', Buffer.from([0x7b, 0xff, 0x7d]), null],
    ['a time without a zone', TEXT.replace('53.000Z', '53'), PROJECT_ID],
    ['an id that is none', TEXT.replace(/"event_id":"[^"]+"/, '"event_id":"E1"'), PROJECT_ID],
    ['too many bytes', TEXT.replace('"n":1', `"n":"${'x'.repeat(530_000)}"`), PROJECT_ID],
  ])('with %s is quoted with a reason', (_what, text, projectId) => {
    const row = judge(text);
    expect(row).toMatchObject({ kind: 'unreadable', projectId });
    expect(row.kind === 'unreadable' && row.reason).not.toBe('');
    expect(row.kind === 'unreadable' && Buffer.compare(row.content, Buffer.from(text))).toBe(0);
  });
});

describe('a body row', () => {
  const content = Buffer.from('# Spec\n');
  const body: BodyRow = {
    rowId: 1,
    projectUuid: PROJECT_ID.toUpperCase(),
    missionSlug: '001-demo',
    targetBranch: 'main',
    missionType: 'software-dev',
    manifestVersion: '1',
    artifactPath: 'spec.md',
    contentHash: sha256Hex(content),
    algorithm: 'sha256',
    content,
    retryCount: 2,
    dueAt: 0,
    createdAt: 9,
  };

  it('belongs to the project it names, and its retries say nothing of what it is', () => {
    const row = judgeBody(body);
    expect(row).toMatchObject({ kind: 'body', projectId: PROJECT_ID });
    expect(judgeBody({ ...body, retryCount: 9 }).sha256).toBe(row.sha256);
    expect(judgeBody({ ...body, artifactPath: 'plan.md' }).sha256).not.toBe(row.sha256);
  });

  it.each([
    [{ projectUuid: 'P1' }],
    [{ missionSlug: ' ' }],
    [{ artifactPath: '' }],
    [{ algorithm: 'md5' }],
    [{ content: Buffer.alloc(0) }],
    [{ content: Buffer.alloc(530_000) }],
    [{ contentHash: 'ab'.repeat(32) }],
  ])('that is none of ours is quoted: %o', (change) => {
    const row = judgeBody({ ...body, ...change });
    expect(row.kind).toBe('unreadable');
    expect(row.kind === 'unreadable' && row.content.toString()).toContain('"targetBranch":"main"');
  });
});
