import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import type { HttpRequest } from '../../src/home/index.ts';

/** The bytes of a posted batch before compression. */
export function postedBytes(request: HttpRequest): Buffer {
  const body = request.body ?? new Uint8Array();
  return request.headers['content-encoding'] === 'br'
    ? brotliDecompressSync(body)
    : gunzipSync(body);
}

/** The event ids of a posted batch; none for a request without one. */
export function postedIds(request: HttpRequest): readonly string[] {
  if (request.body === null) return [];
  const { events } = JSON.parse(postedBytes(request).toString()) as {
    events: { event_id: string }[];
  };
  return events.map((event) => event.event_id);
}
