import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  asciiSafe,
  canonicalUrl,
  pythonLower,
  pythonStrip,
  urlHash,
  withoutTrailingSlashes,
} from './canonical.ts';

function canonical(text: string): string {
  const result = canonicalUrl(text);
  return result.ok ? result.value.url : `refused: ${result.error}`;
}

describe('canonicalUrl', () => {
  it.each([
    ['HTTPS://spec-kitty-dev.fly.dev:443/', 'https://spec-kitty-dev.fly.dev'],
    ['https://spec-kitty-dev.fly.dev:8443/api/', 'https://spec-kitty-dev.fly.dev:8443/api'],
    ['http://localhost:80/x//', 'http://localhost/x'],
    ['http://Host.Example/Path/#f', 'http://host.example/Path'],
    ['https://münchen.example/', 'https://xn--mnchen-3ya.example'],
    ['https://example.com:0443/', 'https://example.com'],
    ['https://example.com:/', 'https://example.com'],
    ['ftp://example.com:21/x', 'ftp://example.com:21/x'],
    ['ws://example.com:80', 'ws://example.com:80'],
    ['https://[2001:DB8::1]:443/a', 'https://[2001:db8::1]/a'],
    ['http://[0:0:0:0:0:0:0:1]:8080/a/', 'http://[::1]:8080/a'],
    ['https://example.com/a/./b/%2e%2E/C', 'https://example.com/a/./b/%2e%2E/C'],
    ['https://example.com/a//b//', 'https://example.com/a//b'],
    ['https://exa\tmple.com/a\n', 'https://example.com/a'],
    ['\u00a0https://example.com\u3000', 'https://example.com'],
    ['https://2130706433/', 'https://127.0.0.1'],
  ])('%s becomes %s', (text, expected) => {
    expect(canonical(text)).toBe(expected);
  });

  it.each([
    ['', 'the URL is empty'],
    [' \t\u00a0', 'the URL is empty'],
    ['example.com', 'needs a scheme and a host'],
    ['//example.com/x', 'needs a scheme and a host'],
    ['http:example.com', 'needs a scheme and a host'],
    [String.raw`https:\\example.com`, 'needs a scheme and a host'],
    ['1http://example.com', 'needs a scheme and a host'],
    ['https://', 'the URL has no host'],
    ['https://#f', 'the URL has no host'],
    ['http://::1/', 'the port of the URL is not a number'],
    ['https://host:abc/', 'the port of the URL is not a number'],
    ['https://host:4\u06643/', 'the port of the URL is not a number'],
    ['https://host:70000/', 'not between 1 and 65535'],
    ['https://host:0/', 'not between 1 and 65535'],
    ['https://host/a?b=c', 'must not have a query string'],
    ['https://host/?', 'must not have a query string'],
    ['https://host?x', 'must not have a query string'],
    ['https://user:pw@host/', 'must not contain user information'],
    ['https://@host/', 'must not contain user information'],
    [String.raw`https://good.example\@evil.example/`, 'must not contain user information'],
    [String.raw`https://good.example\evil`, 'the host name is not valid'],
    ['https://exam%70le.com', 'the host name is not valid'],
    ['https://[fe80::1%25eth0]/', 'the host name is not valid'],
    ['https://[::1/', 'the port of the URL is not a number'],
    ['https://[nonsense]/', 'the host name is not valid'],
    ['https://a\u200cb.example', 'the host name is not valid'],
    ['https://℀.example', 'the host name is not valid'],
    ['https://host/a b', 'white space or control characters'],
    ['https://host/a\u0000', 'white space or control characters'],
    ['https://host/\ud800', 'white space or control characters'],
  ])('%j is refused', (text, reason) => {
    expect(canonical(text)).toContain(reason);
    expect(canonical(text)).toMatch(/^refused: /);
  });

  it('says origin, host and scheme, and hashes the canonical text', () => {
    const result = canonicalUrl('HTTP://[::1]:8080/API/');
    expect(result).toEqual({
      ok: true,
      value: {
        url: 'http://[::1]:8080/API',
        hash: createHash('sha256').update('http://[::1]:8080/API').digest('hex'),
        origin: 'http://[::1]:8080',
        host: '[::1]',
        scheme: 'http',
      },
    });
    expect(urlHash('https://spec-kitty-dev.fly.dev')).toBe(
      'ca0c53d5fcd85625f3e09707294c0c2892415b9f658123f9ddb17b9f78508235',
    );
  });

  it('never throws, is idempotent, and names the host that a URL parser would connect to', () => {
    const urls = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.webUrl({ withFragments: true, withQueryParameters: true }),
      fc
        .tuple(
          fc.constantFrom('http', 'https', 'HTTPS'),
          fc.string({ unit: 'grapheme' }),
          fc.string({ unit: 'grapheme' }),
        )
        .map(([scheme, authority, path]) => `${scheme}://${authority}/${path}`),
    );
    fc.assert(
      fc.property(urls, (text) => {
        const first = canonicalUrl(text);
        if (!first.ok) return;
        const { url, origin, scheme } = first.value;
        expect(canonicalUrl(url)).toEqual(first);
        const isWeb = scheme === 'http' || scheme === 'https';
        expect(isWeb ? new URL(url).origin : origin).toBe(origin);
      }),
      { numRuns: 20_000 },
    );
  });
});

describe('text as Python folds it', () => {
  it('strips what str.strip strips and nothing else', () => {
    expect(pythonStrip('\u001c\u0085\u00a0 x y \u3000\u2029\u001f')).toBe('x y');
    expect(pythonStrip('\ufeffx\u200b')).toBe('\ufeffx\u200b');
    expect(pythonStrip(' \t ')).toBe('');
  });

  it('lower-cases as Unicode says', () => {
    expect(pythonLower('ÉΣ ΟΔΟΣ')).toBe('éς οδος');
    expect(pythonLower('İ')).toBe('i\u0307');
  });

  it('escapes each character outside ASCII by its code point', () => {
    expect(asciiSafe('jörg 🚀')).toBe('j_u00f6_rg _u1f680_');
    expect(asciiSafe('a|b\u007f')).toBe('a|b\u007f');
  });

  it('trims slashes at the end in linear time', () => {
    expect(withoutTrailingSlashes('a//b///')).toBe('a//b');
    expect(withoutTrailingSlashes('///')).toBe('');
    const hostile = `${'/'.repeat(1_000_000)}x`;
    expect(withoutTrailingSlashes(hostile)).toBe(hostile);
  });
});
