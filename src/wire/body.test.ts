import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256Hex } from '../base/index.ts';
import {
  type BodyPush,
  encodeBodyAnswer,
  encodeBodyPush,
  isArtifactPath,
  parseBodyAnswer,
  parseBodyPush,
} from './body.ts';
import { parseProjectId } from './ids.ts';
import { MAX_BODY_BYTES, MAX_PUSH_BYTES } from './limits.ts';

const PROJECT = parseProjectId('2fc1dfcb-6050-4bbd-912a-59e43ed313e0');

function push(content: string | Uint8Array, changes: Partial<BodyPush> = {}): BodyPush {
  if (PROJECT === null) throw new Error('the project of these tests is a UUID');
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  return {
    projectUuid: PROJECT,
    missionSlug: '042-über',
    targetBranch: 'main',
    missionType: 'software-dev',
    manifestVersion: '1',
    artifactPath: 'tasks/WP01-a.md',
    contentHash: sha256Hex(bytes),
    content: bytes,
    ...changes,
  };
}

function fields(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    ...(JSON.parse(encodeBodyPush(push('text')).toString()) as Record<string, unknown>),
    ...changes,
  };
}

function rules(value: unknown): readonly string[] {
  const bytes = value instanceof Uint8Array ? value : Buffer.from(JSON.stringify(value));
  const parsed = parseBodyPush(bytes);
  return parsed.ok ? [] : parsed.error.map(({ pointer, rule }) => `${pointer} ${rule}`);
}

/** The content that arrives, or what was refused. */
function arriving(sent: BodyPush): Buffer | readonly string[] {
  const parsed = parseBodyPush(encodeBodyPush(sent));
  return parsed.ok ? Buffer.from(parsed.value.content) : rules(encodeBodyPush(sent));
}

describe('a push', () => {
  it('has the nine fields of the contract, in its order', () => {
    expect(encodeBodyPush(push('a\nb')).toString()).toBe(
      '{"project_uuid":"2fc1dfcb-6050-4bbd-912a-59e43ed313e0","feature_slug":"042-über","target_branch":"main",' +
        '"mission_key":"software-dev","manifest_version":"1","artifact_path":"tasks/WP01-a.md",' +
        `"content_hash":"${sha256Hex('a\nb')}","hash_algorithm":"sha256","content_body":"a\\nb"}`,
    );
  });

  it('comes back as it was', () => {
    const sent = push('# Spec\r\n');
    expect(parseBodyPush(encodeBodyPush(sent))).toEqual({ ok: true, value: sent });
  });

  it.each([
    ['empty', ''],
    ['a byte order mark', '\ufeff# Spec\n'],
    ['carriage returns', 'a\r\nb\rc\n'],
    ['NUL and DEL', 'a\0b\u007f'],
    ['separators that JavaScript breaks lines at', '\u2028\u2029'],
    ['quotes and backslashes', '"\\"\\\\u0000"'],
    [
      'everything below a space',
      Array.from({ length: 32 }, (_, n) => String.fromCharCode(n)).join(''),
    ],
    ['characters of four bytes', '👩‍👩‍👧\u{10ffff}'],
    ['noncharacters', '\ufffe\uffff\u{1ffff}'],
    ['unnormalised letters', 'e\u0301é'],
  ])('keeps the bytes: %s', (_name, text) => {
    expect(arriving(push(text))).toEqual(Buffer.from(text));
  });

  it('keeps the bytes of any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        expect(arriving(push(text))).toEqual(Buffer.from(text));
      }),
    );
  });

  it.each([
    ['plain', 'a'.repeat(MAX_BODY_BYTES)],
    ['control characters, six-fold as JSON', '\u0001'.repeat(MAX_BODY_BYTES)],
    ['emoji up to the limit', '😀'.repeat(MAX_BODY_BYTES / 4)],
  ])('may be as long as the limit: %s', (_name, text) => {
    expect(Buffer.byteLength(text)).toBe(MAX_BODY_BYTES);
    expect(encodeBodyPush(push(text)).length).toBeLessThan(MAX_PUSH_BYTES);
    expect(arriving(push(text))).toEqual(Buffer.from(text));
  });

  it.each([
    ['one byte', `${'a'.repeat(MAX_BODY_BYTES)}a`],
    ['an emoji across the limit', `${'a'.repeat(MAX_BODY_BYTES - 2)}😀`],
  ])('is too large above it: %s', (_name, text) => {
    expect(arriving(push(text))).toEqual(['/content_body too-large']);
  });

  it('fits whatever escapes its sender prefers', () => {
    const escaped = '\\u0061'.repeat(MAX_BODY_BYTES);
    const json = JSON.stringify(
      fields({ content_body: '', content_hash: sha256Hex('a'.repeat(MAX_BODY_BYTES)) }),
    );
    expect(
      rules(Buffer.from(json.replace('"content_body":""', `"content_body":"${escaped}"`))),
    ).toEqual([]);
  });

  it('is refused whole above the size of any push', () => {
    expect(rules(Buffer.alloc(MAX_PUSH_BYTES + 1, 0x20))).toEqual([' too-large']);
  });
});

describe('the two vocabularies', () => {
  const shared = { feature_slug: undefined, mission_key: undefined };

  it('reads mission_slug and mission_type', () => {
    const later = fields({ ...shared, mission_slug: 'm', mission_type: 't' });
    expect(parseBodyPush(Buffer.from(JSON.stringify(later)))).toMatchObject({
      ok: true,
      value: { missionSlug: 'm', missionType: 't' },
    });
  });

  it('ignores mission_slug beside feature_slug, where it held the type', () => {
    const first = fields({ mission_slug: 'software-dev', mission_type: 'other' });
    expect(parseBodyPush(Buffer.from(JSON.stringify(first)))).toMatchObject({
      ok: true,
      value: { missionSlug: '042-über', missionType: 'software-dev' },
    });
  });

  it('does not mix them', () => {
    expect(rules(fields({ mission_key: undefined, mission_type: 't' }))).toEqual([
      '/mission_key required',
    ]);
    expect(rules(fields({ ...shared, mission_slug: 'm' }))).toEqual(['/mission_type required']);
  });
});

describe('a refused push', () => {
  it.each([
    [[], [' wrong-type']],
    [Buffer.from('{'), [' invalid-json']],
    [Buffer.from('\ufeff{}'), [' byte-order-mark']],
    [fields({ content_body: '\ud800' }), ['/content_body lone-surrogate']],
    [fields({ project_uuid: 'x' }), ['/project_uuid not-a-uuid']],
    [fields({ project_uuid: null }), ['/project_uuid required']],
    [fields({ feature_slug: '' }), ['/feature_slug empty']],
    [fields({ target_branch: '  ' }), ['/target_branch empty']],
    [fields({ manifest_version: 1 }), ['/manifest_version wrong-type']],
    [fields({ hash_algorithm: 'md5' }), ['/hash_algorithm not-allowed']],
    [fields({ content_hash: 'abc' }), ['/content_hash wrong-form']],
    [fields({ content_hash: 'a'.repeat(64) }), ['/content_hash hash-mismatch']],
    [fields({ content_body: null }), ['/content_body required']],
    [fields({ artifact_path: '../x.md' }), ['/artifact_path not-a-path']],
    [fields({ artifact_path: 'a\0.md' }), ['/artifact_path control-character']],
  ])('says why: case %#', (value, issues) => {
    expect(rules(value)).toEqual(issues);
  });

  it('answers all that is wrong at once', () => {
    expect(rules({})).toEqual([
      '/mission_slug required',
      '/target_branch required',
      '/mission_type required',
      '/manifest_version required',
      '/artifact_path required',
      '/content_hash required',
      '/content_body required',
      '/project_uuid required',
    ]);
  });

  it('never throws', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((text) => Buffer.from(text)),
        ),
        (bytes) => {
          expect(parseBodyPush(bytes).ok).toBe(false);
        },
      ),
    );
  });
});

describe('isArtifactPath', () => {
  it.each(['spec.md', 'tasks/WP01.md', 'a/b/c d/ü.md', '.hidden', 'a..b', '...', 'con', 'ab:c'])(
    'takes %s',
    (path) => {
      expect(isArtifactPath(path)).toBe(true);
    },
  );

  it.each([
    '',
    '/',
    '/etc/passwd',
    'a/',
    'a//b',
    '.',
    './a',
    'a/./b',
    '..',
    '../a',
    'a/../b',
    'a/..',
    'a\\b',
    '..\\a',
    '\\\\host\\share',
    'C:',
    'c:/a',
    'a\0b',
    'a\nb',
    'a\u007fb',
    'a'.repeat(2049),
  ])('refuses case %#: %.20j', (path) => {
    expect(isArtifactPath(path)).toBe(false);
  });
});

describe('an answer', () => {
  function read(value: unknown): unknown {
    return parseBodyAnswer(Buffer.from(JSON.stringify(value)));
  }
  const nothing = {
    status: null,
    artifactPath: null,
    contentHash: null,
    code: null,
    detail: null,
    serverInstanceId: null,
  };

  it('echoes what was pushed', () => {
    const { artifactPath, contentHash } = push('text');
    expect(read(encodeBodyAnswer('stored', push('text')))).toEqual({
      ...nothing,
      status: 'stored',
      artifactPath,
      contentHash,
    });
  });

  it.each([
    [{ error: 'index_entry_not_found' }, { code: 'index_entry_not_found' }],
    [
      { error: 'validation_error', detail: 'no' },
      { code: 'validation_error', detail: 'no' },
    ],
    [
      { error: 'The text.', error_code: 'bad' },
      { code: 'bad', detail: 'The text.' },
    ],
    [{ detail: 'wins', path: ['a'] }, { detail: 'wins' }],
    [{ path: ['a', 'b'], hash: 'c', other: 1 }, { detail: 'path: a; b | hash: c' }],
    [{ error: 'rate_limited', retry_after: 30 }, { code: 'rate_limited' }],
    [{ error: 7, status: {}, artifact_path: '' }, {}],
    [{ server_instance_id: 'i' }, { serverInstanceId: 'i' }],
  ])('reads the refusals of every make: case %#', (value, said) => {
    expect(read(value)).toEqual({ ...nothing, ...said });
  });

  it.each([[[]], ['x'], [null], [1]])('is null when it is no object: %j', (value) => {
    expect(read(value)).toBeNull();
    expect(parseBodyAnswer(Buffer.from('<html>'))).toBeNull();
  });
});
