import { domainToASCII } from 'node:url';
import { sha256Hex } from './hash.ts';
import { failed, ok, type Result } from './result.ts';

/** A URL in the one spelling by which a target is known; two spellings of one place become equal. */
export interface CanonicalUrl {
  /** Scheme, host and port in lower case, default ports dropped, no trailing slash; the path as it came. */
  readonly url: string;
  /** SHA-256 of `url`, 64 hexadecimal digits. */
  readonly hash: string;
  /** `scheme://host[:port]`: what a credential is bound to. */
  readonly origin: string;
  /** Lower case, internationalised names in their ASCII form, IPv6 in brackets. */
  readonly host: string;
  /** Lower case, without the colon. */
  readonly scheme: string;
}

/**
 * The canonical form of a target's URL, or one sentence saying why there is none.
 *
 * The host is spelled as the network layer will look it up (WHATWG URL host parsing), so that identity,
 * credential origin and connection can never mean different machines. The path stays verbatim: case, percent
 * escapes and dot segments are the receiver's business. Query strings and user information are refused instead
 * of dropped, because dropping them would silently send to another place than the operator named.
 */
export function canonicalUrl(text: string): Result<CanonicalUrl, string> {
  // Tabs and line breaks inside a URL are paste artefacts, removed by every URL parser.
  const url = pythonStrip(text.replaceAll(/[\t\r\n]/g, ''));
  if (url === '') return failed('the URL is empty');
  if (UNPRINTABLE.test(url)) return failed('the URL contains white space or control characters');
  const parts = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?#]*)([^?#]*)(\?)?/.exec(url);
  if (parts === null) return failed('the URL needs a scheme and a host, like https://host.example');
  const [, schemeText = '', authority = '', path = '', query] = parts;
  if (query !== undefined) return failed('a target URL must not have a query string');
  if (authority.includes('@')) return failed('a target URL must not contain user information');
  const scheme = schemeText.toLowerCase();
  const place = parseAuthority(scheme, authority);
  if (!place.ok) return place;
  const { host, port } = place.value;
  const origin = `${scheme}://${host}${port}`;
  const canonical = origin + withoutTrailingSlashes(path);
  return ok({ url: canonical, hash: urlHash(canonical), origin, host, scheme });
}

/** The identity of a canonical URL: SHA-256 of its UTF-8 form in lower-case hexadecimal. */
export function urlHash(canonical: string): string {
  return sha256Hex(canonical);
}

/**
 * Removes white space at both ends as Python's `str.strip` does: also U+001C to U+001F and U+0085, never
 * U+FEFF (the reverse of `String.prototype.trim` for those).
 */
export function pythonStrip(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && PYTHON_SPACE.test(text.charAt(start))) start += 1;
  while (end > start && PYTHON_SPACE.test(text.charAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

/** Full Unicode lower-casing, as Python's `str.lower`; both follow SpecialCasing (final sigma, dotted I). */
export function pythonLower(text: string): string {
  return text.toLowerCase();
}

/** Every character outside ASCII as `_u<code point in at least four lower-case hex digits>_`. */
export function asciiSafe(text: string): string {
  let safe = '';
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    safe += code < 0x80 ? char : `_u${code.toString(16).padStart(4, '0')}_`;
  }
  return safe;
}

/** Removes every slash at the end. */
export function withoutTrailingSlashes(text: string): string {
  let end = text.length;
  while (end > 0 && text.charAt(end - 1) === '/') end -= 1;
  return text.slice(0, end);
}

const SPACES =
  '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const PYTHON_SPACE = new RegExp(`[${SPACES}]`);
const UNPRINTABLE = new RegExp(`[${SPACES}\\x00-\\x1f\\x7f-\\x9f\\p{Surrogate}]`, 'u');
const DEFAULT_PORTS: Readonly<Record<string, number>> = { http: 80, https: 443 };
const HIGHEST_PORT = 65_535;

interface Place {
  readonly host: string;
  /** Empty, or a colon and the number. */
  readonly port: string;
}

function parseAuthority(scheme: string, authority: string): Result<Place, string> {
  const parts = /^(\[[^\]]*\]|[^:]*)(?::([0-9]*))?$/.exec(authority);
  if (parts === null) return failed('the port of the URL is not a number');
  const [, hostText = '', portText = ''] = parts;
  const host = asciiHost(hostText);
  if (host === '')
    return failed(hostText === '' ? 'the URL has no host' : 'the host name is not valid');
  const port = portText === '' ? null : Number(portText);
  if (port !== null && (port < 1 || port > HIGHEST_PORT)) {
    return failed(`the port of the URL is not between 1 and ${HIGHEST_PORT}`);
  }
  return ok({ host, port: port === null || port === DEFAULT_PORTS[scheme] ? '' : `:${port}` });
}

/**
 * The host as it is looked up, or an empty text. Percent signs and backslashes are refused: parsers decode the
 * one and end the host at the other, so that the name read here is not the one that is called.
 */
function asciiHost(text: string): string {
  if (text.startsWith('[')) return bracketedHost(text);
  const ascii = /[%\\]/.test(text) ? '' : domainToASCII(text);
  return /^[a-z0-9._-]+$/.test(ascii) ? ascii : '';
}

function bracketedHost(text: string): string {
  // A zone (%eth0) names an interface of this machine, not a place that others know.
  const url = `http://${text}/`;
  return !text.includes('%') && URL.canParse(url) ? new URL(url).hostname : '';
}
