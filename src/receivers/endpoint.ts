import path from 'node:path';
import { canonicalUrl, printable, pythonStrip, sha256Hex, UserError } from '../base/index.ts';
import { PATHS } from '../wire/index.ts';
import type { TargetKind } from './receiver.ts';

/** An endpoint as an operator names it, understood. */
export interface Endpoint {
  readonly kind: TargetKind;
  readonly canonicalUrl: string;
  readonly urlHash: string;
  /** Where events are posted: as the operator wrote it, or the batch path below a base; a path for a stub. */
  readonly postUrl: string;
  /** Scheme, host and port; null for a stub. */
  readonly origin: string | null;
}

const STUB_PREFIX = 'stub:';
const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '::1', '[::1]']);

/**
 * Understands an endpoint. A URL that ends in the batch path, or has no path, names its base; any other path is
 * posted to as it stands, its last slash included. `stub:FILE` is a file below `cwd`.
 * @param options.allowHttp lets `http` leave the machine.
 * @throws UserError `invalid_url`, `insecure_url`.
 */
export function parseEndpoint(
  text: string,
  options: {
    readonly kind: 'teamspace' | 'external';
    readonly allowHttp: boolean;
    readonly cwd: string;
  },
): Endpoint {
  if (text.startsWith(STUB_PREFIX)) return stubEndpoint(text, options.cwd);
  // Line breaks are paste artefacts, and a fragment never travels.
  const given = pythonStrip(text.replaceAll(/[\t\r\n]/g, '')).replace(/#.*$/, '');
  const base = splitBatchPath(given);
  const parsed = canonicalUrl(base.url);
  if (!parsed.ok) throw invalidUrl(text, parsed.error);
  const { url, hash, origin, scheme, host } = parsed.value;
  if (scheme !== 'http' && scheme !== 'https')
    throw invalidUrl(text, 'only http and https are known');
  if (scheme === 'http' && !LOOPBACK.has(host) && !options.allowHttp) {
    throw new UserError(
      'insecure_url',
      `${url} would carry facts and credentials unprotected: use https, or --allow-http`,
      {
        remedy: null,
      },
    );
  }
  const isBase = base.found || options.kind === 'teamspace' || url === origin;
  const postUrl = isBase && !base.found ? `${url}${PATHS.events}` : given;
  return { kind: options.kind, canonicalUrl: url, urlHash: hash, postUrl, origin };
}

/** Whether a URL is a known base with the batch path behind it, with or without the last slash. */
export function endsInBatchPath(url: string): boolean {
  return splitBatchPath(url).found;
}

function stubEndpoint(text: string, cwd: string): Endpoint {
  const name = text.slice(STUB_PREFIX.length);
  if (name === '') throw invalidUrl(text, 'a stub needs a file name');
  const file = path.resolve(cwd, name);
  const url = `${STUB_PREFIX}${file}`;
  return { kind: 'stub', canonicalUrl: url, urlHash: sha256Hex(url), postUrl: file, origin: null };
}

function splitBatchPath(text: string): { readonly found: boolean; readonly url: string } {
  const bare = PATHS.events.replace(/\/$/, '');
  const trimmed = text.endsWith('/') ? text.slice(0, -1) : text;
  return trimmed.endsWith(bare)
    ? { found: true, url: trimmed.slice(0, -bare.length) }
    : { found: false, url: text };
}

function invalidUrl(text: string, reason: string): UserError {
  // A password or a token may stand where no endpoint may have one.
  const shown = text.replace(/\/\/.*@/s, '//…@').replace(/\?.*$/s, '?…');
  return new UserError('invalid_url', `${printable(shown)} is not an endpoint: ${reason}`, {
    remedy: null,
  });
}
