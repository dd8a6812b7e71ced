import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import { createGunzip, gzipSync } from 'node:zlib';
import { errnoOf, messageOf, sha256Hex } from '../../base/index.ts';
import { asObject, asText, member, parseJson, type JsonObject } from '../../wire/index.ts';
import { isIntact, type StoredPayload } from './payloads.ts';

// An archive is NDJSON under gzip, so that everybody can look into it with `gunzip -c`: a header, then one event a
// line. It is written and read a piece at a time; each piece is a gzip member of its own.

/** What an archive says of itself. */
export interface ArchiveHeader {
  readonly projectId: string;
  readonly storeEpoch: number;
  readonly events: number;
  /** Of all payloads. */
  readonly bytes: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** SHA-256 over the hashes of the events, in order, each with a line feed behind it. */
  readonly digest: string;
}

/** A file that is no archive, is torn, or was changed: what is wrong with it, for people. */
export class ArchiveDamaged extends Error {
  override readonly name = 'ArchiveDamaged';
}

const FORMAT = 'spec-kitty-archive';
const VERSION = 1;
/** An envelope as JSON text, where control characters grow six-fold, and what is said beside it. */
const MAX_LINE_BYTES = 6 * 1_048_576 + 4_096;

/** The digest of an archive of these events. */
export function digestOf(hashes: Iterable<string>): string {
  return sha256Hex([...hashes].map((hash) => `${hash}\n`).join(''));
}

/** The pieces of an archive: the header, then each page of payloads as it is asked for. */
export function* encodeArchive(
  header: ArchiveHeader,
  pages: Iterable<readonly StoredPayload[]>,
): Generator<Uint8Array> {
  yield gzipSync(`${JSON.stringify(headerToJson(header))}\n`);
  for (const page of pages) yield gzipSync(page.map(lineOf).join(''));
}

/** The first line of an archive. @throws ArchiveDamaged. */
export async function readHeader(file: string): Promise<ArchiveHeader> {
  for await (const line of readLines(file)) return headerOf(line);
  throw new ArchiveDamaged('it is empty');
}

/**
 * Reads an archive to its end, checking each payload against its hash and all of them against the header.
 * @param onPayload gets each payload in order; what it throws ends the reading.
 * @throws ArchiveDamaged, the first time something is wrong.
 */
export async function readArchive(
  file: string,
  onPayload: (payload: StoredPayload) => void = () => {},
): Promise<ArchiveHeader> {
  let header: ArchiveHeader | null = null;
  const hashes: string[] = [];
  let bytes = 0;
  let last = 0;
  for await (const line of readLines(file)) {
    if (header === null) {
      header = headerOf(line);
      continue;
    }
    const payload = payloadOf(line);
    if (payload === null) throw new ArchiveDamaged(`line ${hashes.length + 2} is no event`);
    if (!isIntact(payload)) throw new ArchiveDamaged(`${payload.eventId} has other bytes`);
    if (payload.seq <= last) throw new ArchiveDamaged(`${payload.eventId} is out of order`);
    last = payload.seq;
    bytes += payload.bytes.length;
    hashes.push(payload.sha256);
    onPayload(payload);
  }
  if (header === null) throw new ArchiveDamaged('it is empty');
  const isWhole =
    hashes.length === header.events && bytes === header.bytes && digestOf(hashes) === header.digest;
  if (isWhole) return header;
  throw new ArchiveDamaged(`it holds ${hashes.length} event(s) and speaks of ${header.events}`);
}

async function* readLines(file: string): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  // What goes wrong with either end is thrown by the loop.
  const text = pipeline(createReadStream(file), createGunzip(), () => {});
  try {
    for await (const chunk of text) {
      rest = Buffer.concat([rest, chunk as Buffer]);
      for (let end = rest.indexOf(10); end !== -1; end = rest.indexOf(10)) {
        yield rest.subarray(0, end);
        rest = rest.subarray(end + 1);
      }
      if (rest.length > MAX_LINE_BYTES) throw new ArchiveDamaged('a line of it never ends');
    }
  } catch (error) {
    if (error instanceof ArchiveDamaged || !/^(?:Z_|ERR_)/.test(errnoOf(error))) throw error;
    throw new ArchiveDamaged(messageOf(error), { cause: error });
  }
  if (rest.length > 0) throw new ArchiveDamaged('its last line is torn');
}

function headerToJson(header: ArchiveHeader): Readonly<Record<string, unknown>> {
  return {
    format: FORMAT,
    version: VERSION,
    project_uuid: header.projectId,
    store_epoch: header.storeEpoch,
    events: header.events,
    bytes: header.bytes,
    first_seq: header.firstSeq,
    last_seq: header.lastSeq,
    digest: header.digest,
  };
}

function headerOf(line: Buffer): ArchiveHeader {
  const header = objectOf(line);
  const number = (name: string): number => {
    const value = header === null ? null : member(header, name);
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
    throw new ArchiveDamaged(`its header has no ${name}`);
  };
  const text = (name: string): string => {
    const value = header === null ? null : asText(member(header, name));
    if (value !== null) return value;
    throw new ArchiveDamaged(`its header has no ${name}`);
  };
  if (text('format') !== FORMAT || number('version') !== VERSION) {
    throw new ArchiveDamaged('it is no archive of a kind that this version reads');
  }
  return {
    projectId: text('project_uuid'),
    storeEpoch: number('store_epoch'),
    events: number('events'),
    bytes: number('bytes'),
    firstSeq: number('first_seq'),
    lastSeq: number('last_seq'),
    digest: text('digest'),
  };
}

function lineOf({ seq, eventId, sha256, eligible, bytes }: StoredPayload): string {
  const about = { seq, event_id: eventId, sha256, eligible };
  return `${JSON.stringify({ ...about, payload: bytes.toString('utf8') })}\n`;
}

function payloadOf(line: Buffer): StoredPayload | null {
  const entry = objectOf(line);
  if (entry === null) return null;
  const seq = member(entry, 'seq');
  const eventId = asText(member(entry, 'event_id'));
  const sha256 = asText(member(entry, 'sha256'));
  const payload = asText(member(entry, 'payload'));
  if (typeof seq !== 'number' || eventId === null || sha256 === null || payload === null)
    return null;
  const eligible = member(entry, 'eligible');
  const noted = typeof eligible === 'boolean' ? { eligible } : {};
  return { seq, eventId, sha256, bytes: Buffer.from(payload), ...noted };
}

function objectOf(line: Buffer): JsonObject | null {
  const parsed = parseJson(line, { maxBytes: MAX_LINE_BYTES });
  return parsed.ok ? asObject(parsed.value) : null;
}
