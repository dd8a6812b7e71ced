import { errnoOf, messageOf, sha256Hex, type Files } from '../base/index.ts';
import { asObject, asText, member, parseJson, type Verdict } from '../wire/index.ts';
import type { BatchReply, OutboundItem, Receiver, Stop } from './receiver.ts';

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;

/**
 * A receiver without network or login: accepted envelopes are appended to a file, one a line, flushed before
 * they count as delivered, and known by their ids when they come again.
 */
export function createStubReceiver(file: string, files: Files): Receiver {
  return {
    kind: 'stub',
    offers: (stream) => stream === 'events',
    probe: () => Promise.resolve({ kind: 'silent' }),
    deliver: (_stream, items) => Promise.resolve(deliver(file, files, items)),
  };
}

function deliver(file: string, files: Files, items: readonly OutboundItem[]): BatchReply {
  try {
    const known = readKnown(file, files);
    const lines: Uint8Array[] = known.torn ? [Buffer.from('\n')] : [];
    const verdicts = items.map((item) => accept(item, known.hashes, lines));
    if (lines.length > 0) files.append(file, Buffer.concat(lines));
    return reply(verdicts, null);
  } catch (error) {
    // A full or read-only disk is this receiver's "try again later"; the items are untouched.
    if (errnoOf(error) === '') throw error;
    const stop: Stop = {
      kind: 'backoff',
      httpStatus: null,
      code: 'file_error',
      detail: messageOf(error),
      retryAfterMs: null,
    };
    return reply(
      items.map(() => null),
      stop,
    );
  }
}

function accept(item: OutboundItem, hashes: Map<string, string>, lines: Uint8Array[]): Verdict {
  const line = asLine(item.bytes);
  const hash = sha256Hex(line);
  const existing = hashes.get(item.id);
  if (existing === undefined) {
    hashes.set(item.id, hash);
    lines.push(line, Buffer.of(NEWLINE));
    return verdict('success', null);
  }
  return existing === hash
    ? verdict('duplicate', null)
    : verdict('terminal_failed', 'hash_conflict');
}

/** The hashes of the lines by event id; `torn` when the last line was never finished. */
function readKnown(
  file: string,
  files: Files,
): { readonly hashes: Map<string, string>; readonly torn: boolean } {
  const text = files.readText(file) ?? '';
  const hashes = new Map<string, string>();
  for (const line of text.split('\n')) {
    const bytes = Buffer.from(line);
    const parsed = parseJson(bytes);
    const object = parsed.ok ? asObject(parsed.value) : null;
    const id = object === null ? null : asText(member(object, 'event_id'));
    if (id !== null && !hashes.has(id)) hashes.set(id, sha256Hex(bytes));
  }
  return { hashes, torn: text !== '' && !text.endsWith('\n') };
}

/** In JSON a line break is white space between tokens, never part of a string: a space says the same. */
function asLine(bytes: Uint8Array): Uint8Array {
  if (!bytes.includes(NEWLINE) && !bytes.includes(CARRIAGE_RETURN)) return bytes;
  return bytes.map((byte) => (byte === NEWLINE || byte === CARRIAGE_RETURN ? SPACE : byte));
}

function verdict(outcome: Verdict['outcome'], category: string | null): Verdict {
  return { outcome, httpStatus: null, category, detail: null, retryAfterMs: null, receipt: null };
}

function reply(verdicts: readonly (Verdict | null)[], stop: Stop | null): BatchReply {
  return {
    verdicts,
    stop,
    learned: { maxEvents: null, maxBytes: null },
    instanceId: null,
    httpStatus: null,
    requests: 1,
  };
}
