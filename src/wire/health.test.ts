import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeHealth, type Health, parseHealth } from './health.ts';

const SILENT: Health = {
  serverInstanceId: null,
  deploymentId: null,
  environmentName: null,
  gitSha: null,
  limits: {},
  capabilities: { brotli: false, bodies: false, snapshots: false },
  identity: null,
};

const FULL: Health = {
  serverInstanceId: 'i-1',
  deploymentId: 'd-1',
  environmentName: 'production',
  gitSha: '0cf3f9',
  limits: {
    maxEventsPerBatch: 25,
    maxDecompressedBytesPerBatch: 1_000_000,
    maxConcurrentBatches: 3,
  },
  capabilities: { brotli: true, bodies: true, snapshots: false },
  identity: { team: 'team', user: null },
};

function parse(text: string): ReturnType<typeof parseHealth> {
  return parseHealth(Buffer.from(text));
}

describe('health', () => {
  it('has the shape of the contract', () => {
    expect(encodeHealth(FULL)).toEqual({
      status: 'ok',
      server_instance_id: 'i-1',
      deployment_id: 'd-1',
      environment_name: 'production',
      git_sha: '0cf3f9',
      sync_ingress: {
        contract_version: 'sync-ingress-limits.v1',
        limits: {
          max_events_per_batch: 25,
          max_decompressed_bytes_per_batch: 1_000_000,
          max_concurrent_batches: 3,
        },
      },
      capabilities: { brotli: true, bodies: true, snapshots: false },
      identity: { team: 'team' },
    });
  });

  it.each([
    ['full', FULL],
    ['silent', SILENT],
    ['of a user without a team', { ...FULL, identity: { team: null, user: 'anna@example.org' } }],
  ])('is read back: %s', (_name, health) => {
    expect(parse(JSON.stringify(encodeHealth(health)))).toEqual({ ok: true, value: health });
  });

  it('reads the answer of a receiver that advertises limits alone', () => {
    const answer =
      '{"sync_ingress":{"contract_version":"sync-ingress-limits.v1","limits":{"max_events_per_batch":25,' +
      '"max_decompressed_bytes_per_batch":1000000,"retry_after_min_seconds":5,"retry_after_max_seconds":60}}}';
    expect(parse(answer)).toEqual({
      ok: true,
      value: {
        ...SILENT,
        limits: { maxEventsPerBatch: 25, maxDecompressedBytesPerBatch: 1_000_000 },
      },
    });
  });

  it.each([
    '{}',
    '{"sync_ingress":[],"capabilities":"all","identity":7,"server_instance_id":{}}',
    '{"sync_ingress":{"limits":{"max_events_per_batch":0,"max_concurrent_batches":1.5}}}',
    '{"sync_ingress":{"limits":{"max_events_per_batch":-1,"max_concurrent_batches":"3"}}}',
    '{"sync_ingress":{"limits":{"max_decompressed_bytes_per_batch":1e400}}}',
    '{"capabilities":{"brotli":"yes","bodies":1,"snapshots":null}}',
    '{"server_instance_id":"","deployment_id":null,"identity":{}}',
    `{"server_instance_id":"${'x'.repeat(2049)}"}`,
    '{"__proto__":{"server_instance_id":"i-1","capabilities":{"brotli":true}}}',
  ])('counts what makes no sense as not said: %s', (text) => {
    expect(parse(text)).toEqual({ ok: true, value: SILENT });
  });

  it.each([
    ['', 'invalid-json'],
    ['<html></html>', 'invalid-json'],
    ['[]', 'wrong-type'],
    ['null', 'wrong-type'],
    ['{"a":1,"a":1}', 'duplicate-key'],
  ])('is an issue when it is no object: %s', (text, rule) => {
    expect(parse(text)).toMatchObject({ ok: false, error: { rule } });
  });

  it('never throws', () => {
    const key = fc.constantFrom('sync_ingress', 'limits', 'capabilities', 'identity', 'git_sha');
    const answer = fc.dictionary(key, fc.oneof(fc.jsonValue(), fc.dictionary(key, fc.jsonValue())));
    fc.assert(
      fc.property(answer, (value) => {
        expect(typeof parse(JSON.stringify(value)).ok).toBe('boolean');
      }),
    );
  });
});
