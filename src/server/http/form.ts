import { HEADERS } from '../../wire/index.ts';
import { HttpError } from './errors.ts';
import type { Here } from './here.ts';

const MAX_BYTES = 8_192;
const MEDIA_TYPE = /^application\/x-www-form-urlencoded\s*(?:;|$)/i;

/**
 * The members of a form, the first of each name.
 * @throws HttpError 415 for anything but a form, 413 for a long one.
 */
export async function readForm(c: Here): Promise<ReadonlyMap<string, string>> {
  if (!MEDIA_TYPE.test(c.req.header(HEADERS.contentType) ?? '')) {
    throw new HttpError(415, 'unsupported_media_type', 'a form is needed');
  }
  const bytes = await c.var.inlet.read(MAX_BYTES);
  if (bytes === null) throw new HttpError(413, 'request_too_large', 'the form is too long');
  const form = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(bytes.toString('utf8'))) {
    if (!form.has(name)) form.set(name, value);
  }
  return form;
}
