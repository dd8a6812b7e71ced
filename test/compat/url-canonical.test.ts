import { expect, it } from 'vitest';
import { canonicalUrl, sha256Hex } from '../../src/base/index.ts';
import { describeVectors, expectSame, type Difference } from './vectors.ts';

interface UrlCase {
  readonly url: string;
  readonly canonical_url?: string;
  readonly url_hash?: string;
  readonly error?: string;
}

interface UrlVectors {
  readonly cases: readonly UrlCase[];
  readonly target_identity: readonly UrlCase[];
}

const REFUSED = 'refused';
const QUERY = { because: 'Query strings and user information are refused', ours: REFUSED };
const HOST = 'The host is the one that is called';

/** What each stands under is a heading of a decision note. */
const DIFFERENCES: Readonly<Record<string, Difference>> = {
  'https://example.com/a?b=c': QUERY,
  'https://example.com/a?x=1/': QUERY,
  'HTTPS://Example.COM:443/API/?Q#F': QUERY,
  'https://user:p%40ss@example.com:8443/x': QUERY,
  'https://@example.com': QUERY,
  'https://team.example.test/?x=1': QUERY,
  'https://user:pw@team.example.test': QUERY,
  'http://[::1]:8080/a/': { because: 'IPv6 keeps its brackets', ours: 'http://[::1]:8080/a' },
  'https://[fe80::1%25eth0]/': { because: HOST, ours: REFUSED },
  'https://straße.example': { because: HOST, ours: 'https://xn--strae-oqa.example' },
  'https://a\u200cb.example': { because: HOST, ours: REFUSED },
  'https://exam%70le.com': { because: HOST, ours: REFUSED },
};

/** The same difference between the hashes. */
function hashed(difference: Difference | undefined): Difference | undefined {
  if (difference === undefined || difference.ours === REFUSED) return difference;
  return { ...difference, ours: sha256Hex(String(difference.ours)) };
}

describeVectors<UrlVectors>('url_canonical.json', ({ cases, target_identity: identities }) => {
  it.each(cases.map((each) => [each.url.slice(0, 60), each] as const))('%j', (_name, recorded) => {
    const ours = canonicalUrl(recorded.url);
    const theirs = recorded.error === undefined ? recorded.canonical_url : REFUSED;
    expectSame(ours.ok ? ours.value.url : REFUSED, theirs, DIFFERENCES[recorded.url]);
    const hash = recorded.url_hash ?? REFUSED;
    expectSame(ours.ok ? ours.value.hash : REFUSED, hash, hashed(DIFFERENCES[recorded.url]));
  });

  it('identifies the recorded targets by the same hash', () => {
    for (const recorded of identities) {
      const ours = canonicalUrl(recorded.url);
      const hash = ours.ok ? ours.value.hash : REFUSED;
      expectSame(hash, recorded.url_hash, hashed(DIFFERENCES[recorded.url]));
    }
  });

  it('lists no difference that was never recorded', () => {
    const recorded = new Set([...cases, ...identities].map((each) => each.url));
    expect(Object.keys(DIFFERENCES).filter((url) => !recorded.has(url))).toEqual([]);
  });
});
