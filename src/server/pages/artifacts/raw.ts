import { HttpError } from '../../http/errors.ts';
import type { Here } from '../../http/here.ts';
import type { Identity } from '../../identity/identity.ts';
import { lookOf } from '../frame.ts';
import { artifactPlace, nothing, textOf } from './place.ts';

/** A text as it came, to keep: no browser shows it, runs it, or guesses that it is something else. */
export async function artifactRaw(identity: Identity, c: Here): Promise<Response> {
  const look = await lookOf(identity, c);
  const place = await artifactPlace(look, c);
  const sha256 = c.req.query('version') ?? place.artifact.sha256;
  if (sha256 === null) throw nothing();
  const bytes = await textOf(look, place, sha256);
  if (bytes === null) throw new HttpError(404, 'not_found', 'this text has not arrived yet');
  return new Response(new Uint8Array(bytes), {
    headers: {
      'content-type': 'text/plain; charset=utf-8',
      'content-disposition': attachmentNamed(place.name.path),
      'content-security-policy': "sandbox; default-src 'none'",
      'cache-control': 'no-store',
      'cross-origin-resource-policy': 'same-origin',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
    },
  });
}

const MOST_NAME_CHARS = 150;
/** What turns the direction of reading, or cannot be seen, makes one name look like another. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/**
 * The header that has a browser keep a file under the last part of a path (RFC 6266): a plain name for old browsers, and
 * the name itself as RFC 5987 escapes it. Neither can end the header, or its quotes.
 */
export function attachmentNamed(path: string): string {
  const whole = (path.split('/').at(-1) ?? '').replaceAll(UNSEEN, '_');
  // The end of a name says what it is. Half a character is one that cannot be seen.
  const name = whole.slice(-MOST_NAME_CHARS).replace(/^[\uDC00-\uDFFF]/, '_');
  const plain = name.replaceAll(/[^\w .+-]/g, '_');
  const escaped = encodeURIComponent(name).replaceAll(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${plain}"; filename*=UTF-8''${escaped}`;
}
