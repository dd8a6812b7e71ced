import { errnoOf, messageOf, sha256Hex, type Files } from '../base/index.ts';
import {
  asObject,
  asText,
  encodeBodyPush,
  MAX_PUSH_BYTES,
  member,
  parseBodyPush,
  parseJson,
  parseSnapshot,
  type BodyPush,
  type Verdict,
} from '../wire/index.ts';
import {
  NOTHING_LEARNED,
  type BatchReply,
  type OutboundItem,
  type Receiver,
  type Stop,
} from './receiver.ts';

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;

/** What the file holds, as far as it was read or written here. */
interface Holdings {
  /** Hash of a line by the id of its event, or by all that tells one body from another. */
  readonly hashes: Map<string, string>;
  /** Bytes of the file; another length means that somebody else wrote to it. */
  size: number;
  /** Whether the last line was never finished. */
  isTorn: boolean;
}

/**
 * A receiver without network or login: accepted envelopes, bodies and snapshots, as they would be pushed, are appended
 * to a file, one a line, flushed before they count as delivered, and known when they come again.
 */
export function createStubReceiver(file: string, files: Files): Receiver {
  const kept: { holdings: Holdings | null } = { holdings: null };
  const deliver = (items: readonly OutboundItem[]): BatchReply => {
    if (items.length === 0) return replyOf([], null);
    try {
      if (!isPlain(file, files)) return unavailable(items, `${file} is not a file`);
      const holdings = readHoldings(file, files, kept.holdings);
      // Only a write that came through whole leaves holdings to go by.
      kept.holdings = null;
      const verdicts = acceptAll(file, files, holdings, items);
      kept.holdings = holdings;
      return replyOf(verdicts, null);
    } catch (error) {
      // A full or read-only disk is this receiver's "try again later"; the items are untouched.
      if (errnoOf(error) === '') throw error;
      return unavailable(items, messageOf(error));
    }
  };
  return {
    kind: 'stub',
    offers: () => true,
    probe: () => Promise.resolve({ kind: 'silent' }),
    deliver: (_stream, items) => Promise.resolve(deliver(items)),
  };
}

/** Reading a pipe or a device might never end. */
function isPlain(file: string, files: Files): boolean {
  const kind = files.stat(file)?.kind ?? 'file';
  return kind === 'file';
}

function acceptAll(
  file: string,
  files: Files,
  holdings: Holdings,
  items: readonly OutboundItem[],
): readonly Verdict[] {
  const lines: Uint8Array[] = holdings.isTorn ? [Buffer.of(NEWLINE)] : [];
  const verdicts = items.map((item) => accept(item, holdings.hashes, lines));
  if (lines.length > 0) {
    const bytes = Buffer.concat(lines);
    files.append(file, bytes);
    holdings.size += bytes.length;
    holdings.isTorn = false;
  }
  return verdicts;
}

function accept(item: OutboundItem, hashes: Map<string, string>, lines: Uint8Array[]): Verdict {
  const { id, line } = lineOf(item);
  const hash = sha256Hex(line);
  const existing = hashes.get(id);
  if (existing === undefined) {
    hashes.set(id, hash);
    lines.push(line, Buffer.of(NEWLINE));
    return verdict('success', null, null);
  }
  if (existing === hash) return verdict('duplicate', null, null);
  return verdict('terminal_failed', 'hash_conflict', 'another event with this id arrived before');
}

/** What is known already when nobody else wrote, otherwise the file read anew. */
function readHoldings(file: string, files: Files, known: Holdings | null): Holdings {
  const size = files.stat(file)?.size ?? 0;
  if (known?.size === size) return known;
  const text = files.readText(file) ?? '';
  const hashes = new Map<string, string>();
  for (const line of text.split('\n')) {
    const bytes = Buffer.from(line);
    const id = idOf(bytes);
    if (id !== null && !hashes.has(id)) hashes.set(id, sha256Hex(bytes));
  }
  return { hashes, size, isTorn: text !== '' && !text.endsWith('\n') };
}

function lineOf(item: OutboundItem): { readonly id: string; readonly line: Uint8Array } {
  if (item.idempotencyKey !== undefined) return { id: item.sha256, line: item.bytes };
  if (item.place === undefined) return { id: item.id, line: asLine(item.bytes) };
  const push = { ...item.place, contentHash: item.sha256, content: item.bytes };
  return { id: bodyKey(push), line: encodeBodyPush(push) };
}

/** What a line that lies in the file already is known by; null for one that is nothing of ours. */
function idOf(line: Uint8Array): string | null {
  const parsed = parseJson(line, { maxBytes: MAX_PUSH_BYTES });
  const object = parsed.ok ? (asObject(parsed.value) ?? {}) : {};
  const id = asText(member(object, 'event_id'));
  if (id !== null) return id;
  if (member(object, 'content_hash') === undefined) {
    return parseSnapshot(line).ok ? sha256Hex(line) : null;
  }
  const push = parseBodyPush(line);
  return push.ok ? bodyKey(push.value) : null;
}

function bodyKey(push: BodyPush): string {
  const { projectUuid, missionSlug, targetBranch, missionType, manifestVersion } = push;
  const namespace = [projectUuid, missionSlug, targetBranch, missionType, manifestVersion];
  return JSON.stringify([...namespace, push.artifactPath, push.contentHash]);
}

/** In JSON a line break is white space between tokens, never part of a string: a space says the same. */
function asLine(bytes: Uint8Array): Uint8Array {
  if (!bytes.includes(NEWLINE) && !bytes.includes(CARRIAGE_RETURN)) return bytes;
  return bytes.map((byte) => (byte === NEWLINE || byte === CARRIAGE_RETURN ? SPACE : byte));
}

function unavailable(items: readonly OutboundItem[], detail: string): BatchReply {
  const stop: Stop = {
    kind: 'backoff',
    httpStatus: null,
    code: 'file_error',
    detail,
    retryAfterMs: null,
  };
  return replyOf(
    items.map(() => null),
    stop,
  );
}

function verdict(
  outcome: Verdict['outcome'],
  category: string | null,
  detail: string | null,
): Verdict {
  return { outcome, httpStatus: null, category, detail, retryAfterMs: null, receipt: null };
}

function replyOf(verdicts: readonly (Verdict | null)[], stop: Stop | null): BatchReply {
  return {
    verdicts,
    stop,
    learned: NOTHING_LEARNED,
    instanceIds: [],
    strays: 0,
    httpStatus: null,
    requests: verdicts.length === 0 ? 0 : 1,
  };
}
