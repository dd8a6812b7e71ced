import { expect, it } from 'vitest';
import {
  encodeSnapshot,
  parseSnapshot,
  snapshotKey,
  type JsonObject,
} from '../../src/wire/index.ts';
import {
  normaliseProvider,
  PROVIDERS,
  resolveResourceRouting,
  RESOURCE_ROUTING_MAP,
} from '../../src/trackers/index.ts';
import { describeVectors } from './vectors.ts';

interface Recorded {
  readonly routing_map: Readonly<Record<string, readonly [string, string]>>;
  readonly supported_providers: readonly string[];
  readonly provider_normalization: readonly {
    readonly input: string;
    readonly normalized: string;
    readonly supported: boolean;
  }[];
  readonly cases: readonly {
    readonly name: string;
    readonly provider: string;
    readonly credentials: Readonly<Record<string, unknown>>;
    readonly resource_type: string | null;
    readonly resource_id: string | null;
  }[];
  readonly publish_requests: readonly {
    readonly name: string;
    readonly input: { readonly credentials: Readonly<Record<string, unknown>> };
    readonly request: {
      readonly json: Payload;
      readonly headers: Readonly<Record<string, string>>;
    };
    readonly idempotency_key: string;
  }[];
}

interface Payload {
  readonly provider: string;
  readonly workspace: string;
  readonly doctrine_mode: string;
  readonly doctrine_field_owners: Readonly<Record<string, string>>;
  readonly project_uuid: string | null;
  readonly project_slug: string | null;
  readonly issues: readonly JsonObject[];
  readonly mappings: readonly JsonObject[];
  readonly checkpoint: { readonly cursor: string | null; readonly updated_since: string | null };
}

describeVectors<Recorded>('tracker_routing.json', (recorded) => {
  it('knows the same trackers under the same names', () => {
    expect(PROVIDERS).toEqual(recorded.supported_providers);
    const routes = Object.entries(RESOURCE_ROUTING_MAP).map(([name, { type, key }]) => [
      name,
      [type, key],
    ]);
    expect(Object.fromEntries(routes)).toEqual(recorded.routing_map);
    for (const { input, normalized, supported } of recorded.provider_normalization) {
      expect(normaliseProvider(input)).toBe(normalized);
      expect(PROVIDERS.some((each) => each === normalized)).toBe(supported);
    }
  });

  for (const { name, provider, credentials, ...wanted } of recorded.cases) {
    it(`routes ${name}`, () => {
      const resource = resolveResourceRouting(provider, credentials);
      expect({
        resource_type: resource?.type ?? null,
        resource_id: resource?.id ?? null,
      }).toEqual(wanted);
    });
  }

  for (const { name, input, request, idempotency_key: key } of recorded.publish_requests) {
    it(`sends the same for ${name}`, () => {
      const { json, headers } = request;
      const bytes = encodeSnapshot({
        provider: json.provider,
        workspace: json.workspace,
        resource: resolveResourceRouting(json.provider, input.credentials),
        doctrineMode: json.doctrine_mode,
        fieldOwners: json.doctrine_field_owners,
        projectUuid: json.project_uuid,
        projectSlug: json.project_slug,
        issues: json.issues.map((issue) => JSON.stringify(issue)),
        mappings: json.mappings,
        cursor: json.checkpoint.cursor,
        updatedSince: json.checkpoint.updated_since,
      });
      expect(bytes.toString()).toBe(JSON.stringify(json));
      const read = parseSnapshot(bytes);
      expect(read.ok && snapshotKey(read.value)).toBe(key);
      expect(headers['Idempotency-Key']).toBe(key);
    });
  }
});
