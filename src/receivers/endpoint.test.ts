import path from 'node:path';
import { expect, it } from 'vitest';
import { sha256Hex, UserError } from '../base/index.ts';
import { endsInBatchPath, parseEndpoint, type Endpoint } from './endpoint.ts';

const BATCH = '/api/v1/events/batch/';

function parse(
  text: string,
  options: { readonly kind?: 'teamspace' | 'external'; readonly allowHttp?: boolean } = {},
): Endpoint {
  const { kind = 'external', allowHttp = false } = options;
  return parseEndpoint(text, { kind, allowHttp, cwd: '/somewhere' });
}

function refusal(text: string): { readonly code: string; readonly message: string } {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
  throw new Error(`${text} was accepted`);
}

it.each([
  ['https://r.example', 'https://r.example', `https://r.example${BATCH}`],
  ['https://r.example/', 'https://r.example', `https://r.example${BATCH}`],
  [' https://R.example:443/ ', 'https://r.example', `https://r.example${BATCH}`],
  [`https://r.example${BATCH}`, 'https://r.example', `https://r.example${BATCH}`],
  [`https://R.example/x${BATCH}`, 'https://r.example/x', `https://R.example/x${BATCH}`],
  [
    `https://r.example${BATCH.slice(0, -1)}`,
    'https://r.example',
    `https://r.example${BATCH.slice(0, -1)}`,
  ],
  ['https://r.example/hook', 'https://r.example/hook', 'https://r.example/hook'],
  ['https://r.example/hook/', 'https://r.example/hook', 'https://r.example/hook/'],
  [
    'https://R.example/a/../Hook%2f/',
    'https://r.example/a/../Hook%2f',
    'https://R.example/a/../Hook%2f/',
  ],
  ['https://r.example/ho\nok/\n', 'https://r.example/hook', 'https://r.example/hook/'],
  ['https://r.example/hook#part', 'https://r.example/hook', 'https://r.example/hook'],
  [`https://r.example${BATCH}#part`, 'https://r.example', `https://r.example${BATCH}`],
  ['http://127.0.0.1:8765', 'http://127.0.0.1:8765', `http://127.0.0.1:8765${BATCH}`],
  ['http://[::1]:8765', 'http://[::1]:8765', `http://[::1]:8765${BATCH}`],
  ['http://LOCALHOST/x', 'http://localhost/x', 'http://LOCALHOST/x'],
])('an external endpoint %j is %s, posted to at %s', (text, canonicalUrl, postUrl) => {
  expect(parse(text)).toEqual({
    kind: 'external',
    canonicalUrl,
    urlHash: sha256Hex(canonicalUrl),
    postUrl,
    origin: /^\w+:\/\/[^/]+/.exec(canonicalUrl)?.[0],
  });
});

it('a Teamspace is always a base', () => {
  const postUrl = `https://t.example/prefix${BATCH}`;
  expect(parse('https://t.example/prefix/', { kind: 'teamspace' })).toMatchObject({ postUrl });
  expect(parse(postUrl, { kind: 'teamspace' })).toMatchObject({
    postUrl,
    canonicalUrl: 'https://t.example/prefix',
  });
});

it('knows the batch path with and without its last slash, and nothing like it', () => {
  expect(endsInBatchPath(`https://r.example${BATCH}`)).toBe(true);
  expect(endsInBatchPath(`https://r.example${BATCH.slice(0, -1)}`)).toBe(true);
  for (const other of ['', '/', `${BATCH}/`, `${BATCH}x`, BATCH.toUpperCase()]) {
    expect(endsInBatchPath(`https://r.example${other}`)).toBe(false);
  }
});

it('lets http leave the machine only when that is allowed', () => {
  for (const text of [
    'http://r.example',
    'http://127.0.0.1.example',
    'http://10.0.0.1',
    'http://0.0.0.0',
  ]) {
    expect(refusal(text).code).toBe('insecure_url');
    expect(parse(text, { allowHttp: true }).canonicalUrl).toBe(text);
  }
});

it.each([
  '',
  'r.example',
  'ftp://r.example',
  'file:///etc/passwd',
  'https://',
  'https://r.example/?a=b',
  'https://r.example:99999',
  'stub:',
])('refuses %j', (text) => {
  expect(refusal(text).code).toBe('invalid_url');
});

it('does not repeat a secret that stands in a refused address', () => {
  for (const text of [
    'https://user:s3cret@r.example/x',
    'https://r.example/x?token=s3cret',
    'https://a@b:s3cret@r.example',
    'https://user:s3cret@r.example?x=s3cret@y',
  ]) {
    expect(refusal(text).message).not.toContain('s3cret');
  }
  expect(refusal('https://r.example/\u001b[2J?x').message).not.toContain('\u001b');
});

it('a stub is a file below the working directory', () => {
  const file = path.resolve('/somewhere', 'out/events.ndjson');
  expect(parse('stub:out/events.ndjson')).toEqual({
    kind: 'stub',
    canonicalUrl: `stub:${file}`,
    urlHash: sha256Hex(`stub:${file}`),
    postUrl: file,
    origin: null,
  });
  const absolute = path.resolve('/elsewhere/x');
  expect(parse(`stub:${absolute}`).postUrl).toBe(absolute);
});
