import { describe, expect, it } from 'vitest';
import { parseEventId, parseProjectId } from './ids.ts';

const UUID = '550e8400-e29b-41d4-a716-446655440000';

describe('parseEventId', () => {
  it.each([
    '01JMBY7K8N3QRVX2DPFG5HWT4E',
    '01jmby7k8n3qrvx2dpfg5hwt4e',
    '00000000000000000000000000',
    UUID,
    UUID.toUpperCase(),
    UUID.replaceAll('-', ''),
  ])('keeps %s as it came', (text) => {
    expect(parseEventId(text)).toBe(text);
  });

  it.each([
    '',
    '01JMBY7K8N3QRVX2DPFG5HWT4',
    '01JMBY7K8N3QRVX2DPFG5HWT4EE',
    '01JMBY7K8N3QRVX2DPFG5HWT4I',
    '01JMBY7K8N3QRVX2DPFG5HWT4U',
    '01JMBY7K8N3QRVX2DPFG5HWT4\u212a',
    '01JMBY7K8N3QRVX2DPFG5HWT4\u017f',
    ' 1JMBY7K8N3QRVX2DPFG5HWT4E',
    '01JMBY7K8N3QRVX2DPFG5HWT4E\n',
    `${UUID}\n`,
    `{${UUID}}`,
    UUID.replace('5', 'g'),
    UUID.replace('-', ''),
    UUID.replaceAll('-', '').slice(1),
  ])('refuses %j', (text) => {
    expect(parseEventId(text)).toBeNull();
  });
});

describe('parseProjectId', () => {
  it('answers lower case', () => {
    expect(parseProjectId(UUID)).toBe(UUID);
    expect(parseProjectId(UUID.toUpperCase())).toBe(UUID);
  });

  it.each(['', UUID.replaceAll('-', ''), '01JMBY7K8N3QRVX2DPFG5HWT4E', `${UUID} `, '../x'])(
    'refuses %j',
    (text) => {
      expect(parseProjectId(text)).toBeNull();
    },
  );
});
