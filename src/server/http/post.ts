import { ENCODINGS, type Encoding, JSON_MEDIA_TYPE } from '../../wire/index.ts';
import type { Visitor } from '../auth.ts';
import type { Inlet } from './body.ts';
import { HttpError } from './errors.ts';

/** One POST, as far as it has been read. */
export interface PostRequest {
  readonly visitor: Visitor;
  readonly contentType: string | null;
  readonly contentEncoding: string | null;
  readonly contentLength: string | null;
  readonly inlet: Inlet;
}

const MEDIA_TYPE = /^\s*([^;\s]+)\s*(?:;\s*charset=("?)utf-8\2\s*)?$/i;

/** @throws HttpError 415 for anything but JSON in UTF-8. */
export function requireJson({ contentType }: PostRequest): void {
  if (MEDIA_TYPE.exec(contentType ?? '')?.[1]?.toLowerCase() === JSON_MEDIA_TYPE) return;
  throw new HttpError(415, 'unsupported_media_type', `content-type must be ${JSON_MEDIA_TYPE}`);
}

/**
 * How the body is compressed: one layer or none, because a list of encodings would let a small request unfold twice.
 * @throws HttpError 415.
 */
export function requireEncoding({ contentEncoding }: PostRequest): Encoding {
  const named = (contentEncoding ?? 'identity').trim().toLowerCase();
  const encoding = ENCODINGS.find((each) => each === named);
  if (encoding !== undefined) return encoding;
  throw new HttpError(
    415,
    'unsupported_content_encoding',
    `content-encoding must be one of ${ENCODINGS.join(', ')}`,
    { headers: { 'accept-encoding': ENCODINGS.join(', ') } },
  );
}

/** The whole body as it came, or null when it is, or says it is, larger than `maxBytes`. */
export async function readWithin(
  { inlet, contentLength }: PostRequest,
  maxBytes: number,
): Promise<Buffer | null> {
  return Number(contentLength ?? '0') > maxBytes ? null : inlet.read(maxBytes);
}
