import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EVENT_TYPES, isKnownType, judgePayload } from './catalogue.ts';
import type { JsonObject, JsonValue } from './json/reader.ts';

interface Golden {
  readonly valid: readonly JsonObject[];
  readonly required: readonly string[];
  readonly refused: readonly {
    readonly with: JsonObject;
    readonly pointer: string;
    readonly rule: string;
  }[];
}

const GOLDENS = JSON.parse(
  readFileSync(new URL('../../test/wire/payloads.json', import.meta.url), 'utf8'),
) as Readonly<Record<string, Golden>>;

/** The goldens say `@16384` for a text and `['@21', item]` for a list of that length. */
function spell(value: JsonValue): JsonValue {
  if (typeof value === 'string') {
    return value.startsWith('@') ? 'x'.repeat(Number(value.slice(1))) : value;
  }
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const [count, item] = value as readonly JsonValue[];
    if (typeof count === 'string' && count.startsWith('@')) {
      return Array.from({ length: Number(count.slice(1)) }, () => item ?? null);
    }
    return value.map(spell);
  }
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, spell(each)]));
}

function without(payload: JsonObject, key: string): JsonObject {
  return Object.fromEntries(Object.entries(payload).filter(([name]) => name !== key));
}

describe('the catalogue', () => {
  it('holds the 35 types of both generations, and the goldens show each of them', () => {
    expect(EVENT_TYPES).toHaveLength(35);
    expect(Object.keys(GOLDENS)).toEqual([...EVENT_TYPES]);
  });

  it('knows its own types only', () => {
    expect(EVENT_TYPES.every(isKnownType)).toBe(true);
    for (const type of ['', 'wpcreated', 'PlanStarted', 'constructor', '__proto__', 'toString']) {
      expect(isKnownType(type)).toBe(false);
      expect(judgePayload(type, {})).toEqual([
        { pointer: '', rule: 'unknown-type', message: `${type} is not in the catalogue` },
      ]);
    }
  });
});

describe.each(Object.entries(GOLDENS))('%s', (type, golden) => {
  const [model = {}] = golden.valid;

  it('accepts what its contract shows', () => {
    for (const payload of golden.valid) expect(judgePayload(type, payload)).toEqual([]);
  });

  it.each(golden.required)('asks for %s', (key) => {
    expect(judgePayload(type, without(model, key))).toContainEqual({
      pointer: `/${key}`,
      rule: 'required',
      message: `${key} is missing`,
    });
  });

  it.each(golden.refused)('refuses $pointer as $rule', ({ with: change, pointer, rule }) => {
    const changed = spell({ ...model, ...change }) as JsonObject;
    const found = judgePayload(type, changed).map((issue) => [issue.pointer, issue.rule]);
    expect(found).toEqual([[pointer, rule]]);
  });
});

describe('two generations', () => {
  const first = { wp_id: 'WP01', from_lane: 'planned', to_lane: 'claimed' };
  const later = { ...first, mission_slug: '014', actor: 'anna', execution_mode: 'worktree' };

  it('lets the first one be open', () => {
    expect(judgePayload('WPStatusChanged', { ...first, extra: 1 })).toEqual([]);
  });

  it('keeps the later one closed for a payload that is complete in it', () => {
    expect(judgePayload('WPStatusChanged', { ...later, extra: 1, 'a/b~c': 2 })).toEqual([
      {
        pointer: '/extra',
        rule: 'unknown-member',
        message: 'extra is not a member of this payload',
      },
      {
        pointer: '/a~1b~0c',
        rule: 'unknown-member',
        message: 'a/b~c is not a member of this payload',
      },
    ]);
  });

  it('answers the issues of the nearer one', () => {
    const nearerFirst = { wp_id: 'WP01', title: 'Title', dependencies: ['one'] };
    expect(judgePayload('WPCreated', nearerFirst).map(({ pointer }) => pointer)).toEqual([
      '/feature_slug',
      '/dependencies/0',
    ]);
    const nearerLater = { wp_id: 'WP01', wp_title: 'Title', mission_slug: '014' };
    expect(judgePayload('WPCreated', nearerLater).map(({ pointer }) => pointer)).toEqual([
      '/actor',
    ]);
  });

  it('answers the later one when both are as near', () => {
    const { execution_mode: _mode, ...incomplete } = { ...later, to_lane: 'in_review' };
    expect(judgePayload('WPStatusChanged', incomplete).map(({ pointer }) => pointer)).toEqual([
      '/execution_mode',
    ]);
  });

  it('asks a flat dossier payload for its mission in either word', () => {
    const flat = { local_parity_hash: 'a', baseline_parity_hash: 'b' };
    expect(judgePayload('MissionDossierParityDriftDetected', flat)).toEqual([
      {
        pointer: '/mission_slug',
        rule: 'required',
        message: 'mission_slug or feature_slug is missing',
      },
    ]);
  });
});

describe('a hostile payload', () => {
  it('pollutes nothing', () => {
    const hostile = JSON.parse(
      '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"summary":{"__proto__":{"polluted":1}},"toString":1}',
    ) as JsonObject;
    for (const type of EVENT_TYPES) {
      const [model = {}] = GOLDENS[type]?.valid ?? [];
      const mixed = Object.defineProperties(
        { ...model },
        Object.getOwnPropertyDescriptors(hostile),
      );
      judgePayload(type, mixed);
      expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    }
  });

  it('is judged without throwing, every pointer leading somewhere', () => {
    const anything = fc.dictionary(fc.string(), fc.jsonValue()) as fc.Arbitrary<JsonObject>;
    fc.assert(
      fc.property(fc.constantFrom(...EVENT_TYPES), anything, (type, payload) => {
        for (const issue of judgePayload(type, payload)) {
          expect(issue.pointer === '' || issue.pointer.startsWith('/')).toBe(true);
          expect(issue.message).not.toMatch(/undefined|Invalid input/);
        }
      }),
      { numRuns: 500 },
    );
  });
});
