import { describe, expect, it } from 'vitest';
import { encodeSnapshot, parseSnapshot, snapshotKey, type Snapshot } from './snapshot.ts';

const SNAPSHOT: Snapshot = {
  provider: 'jira',
  workspace: 'acme.atlassian.net',
  resource: { type: 'jira_project', id: 'ACME' },
  doctrineMode: 'split_ownership',
  fieldOwners: { status: 'tracker' },
  projectUuid: '550e8400-e29b-41d4-a716-446655440000',
  projectSlug: 'sample',
  issues: ['{"ref":{"id":"1"},"title":"é"}', '{"ref":{"id":"2"},"title":"two"}'],
  mappings: [{ wp_id: 'WP01' }],
  cursor: 'c1',
  updatedSince: '2026-03-01T12:00:00Z',
};
const FIELDS = [
  ...['provider', 'workspace', 'external_resource_type', 'external_resource_id', 'doctrine_mode'],
  ...['doctrine_field_owners', 'project_uuid', 'project_slug', 'issues', 'mappings', 'checkpoint'],
];

function parsed(change: Readonly<Record<string, unknown>>): ReturnType<typeof parseSnapshot> {
  const document = JSON.parse(encodeSnapshot(SNAPSHOT).toString()) as Record<string, unknown>;
  return parseSnapshot(Buffer.from(JSON.stringify({ ...document, ...change })));
}

it('has eleven fields in their order, the two that route behind the workspace', () => {
  const document = JSON.parse(encodeSnapshot(SNAPSHOT).toString()) as Record<string, unknown>;
  expect(Object.keys(document)).toEqual(FIELDS);
  expect(document).toMatchObject({
    external_resource_id: 'ACME',
    issues: [{ title: 'é' }, { title: 'two' }],
    checkpoint: { cursor: 'c1', updated_since: '2026-03-01T12:00:00Z' },
  });
  const bare = { ...SNAPSHOT, resource: null, issues: [], mappings: [], cursor: null };
  const empty = JSON.parse(encodeSnapshot(bare).toString()) as Record<string, unknown>;
  expect(Object.keys(empty)).toEqual(FIELDS);
  expect(empty).toMatchObject({ external_resource_type: null, external_resource_id: null });
});

it('comes out of the reader as it went in', () => {
  expect(parseSnapshot(encodeSnapshot(SNAPSHOT))).toMatchObject({
    ok: true,
    value: { resource: { type: 'jira_project', id: 'ACME' }, issues: 2, mappings: 1, cursor: 'c1' },
  });
});

describe('the key', () => {
  const jira = { provider: 'jira', workspace: 'acme.atlassian.net', cursor: null };
  const none = { issues: 0, mappings: 0 };

  it('has the values of the contract', () => {
    const acme = { ...jira, ...none, resource: { type: 'jira_project', id: 'ACME' } };
    expect(snapshotKey(acme)).toBe(
      '0716737c633393cf0050b22065ab9e04077de5ab55df0bda97385798e8d4efab',
    );
    const beads = { provider: 'beads', workspace: 'my-workspace', resource: null, cursor: null };
    expect(snapshotKey({ ...beads, ...none })).toBe(
      '85b17797e411431bb897437482620e97a45887ee24ce20056f0361f9add1aac7',
    );
  });

  it('changes with the resource, so that a rebind is no repeat', () => {
    const keys = ['ACME', 'OTHER'].map((id) =>
      snapshotKey({ ...jira, ...none, resource: { type: 'jira_project', id } }),
    );
    expect(new Set([...keys, snapshotKey({ ...jira, ...none, resource: null })]).size).toBe(3);
  });
});

describe('the reader', () => {
  it('takes what clients without the two fields send, and members it does not know', () => {
    const without = { external_resource_type: undefined, external_resource_id: undefined };
    expect(parsed({ ...without, later: { x: 1 } })).toMatchObject({
      ok: true,
      value: { resource: null },
    });
    const bare = { provider: 'fp', workspace: 'w', issues: [], mappings: [] };
    expect(parseSnapshot(Buffer.from(JSON.stringify(bare)))).toMatchObject({
      ok: true,
      value: { projectUuid: null, doctrineMode: null, cursor: null },
    });
  });

  it.each([
    [{ provider: undefined }, '/provider'],
    [{ workspace: '' }, '/workspace'],
    [{ external_resource_id: null }, '/external_resource_id'],
    [{ external_resource_type: null }, '/external_resource_type'],
    [{ project_uuid: 'x' }, '/project_uuid'],
    [{ issues: {} }, '/issues'],
    [{ mappings: null }, '/mappings'],
  ])('refuses %o at %s', (change, pointer) => {
    expect(parsed(change)).toMatchObject({ ok: false, error: [{ pointer }] });
  });

  it.each(['', '[]', '"x"', '{'])('refuses the document %j', (text) => {
    expect(parseSnapshot(Buffer.from(text)).ok).toBe(false);
  });
});
