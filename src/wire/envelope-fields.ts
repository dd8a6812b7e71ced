import type { Millis } from '../base/index.ts';
import { type EventId, parseEventId, parseProjectId, type ProjectId } from './ids.ts';
import type { Issue } from './json/issue.ts';
import { asObject, type JsonObject, type JsonValue, member } from './json/reader.ts';
import { MAX_ID_CHARS, MAX_TEXT_CHARS, MAX_TIMESTAMP_CHARS } from './limits.ts';
import { parseTimestamp } from './timestamp.ts';

/** The members of one event while they are read, and what was found wrong so far. */
export interface Reading {
  readonly fields: JsonObject;
  readonly issues: Issue[];
}

/** The event id, spelled as it came. Like every reader here: after an issue the answer means nothing. */
export function readEventId(reading: Reading): EventId | null {
  const text = readText(reading, 'event_id', MAX_ID_CHARS);
  const id = parseEventId(text);
  if (id === null && text !== '') refuse(reading, 'event_id', 'not-an-id', ID_FORMS);
  return id;
}

/** The id of the event that caused this one, or null. */
export function readCausation(reading: Reading): string | null {
  const text = readOptional(reading, 'causation_id');
  if (text !== null && parseEventId(text) === null) {
    refuse(reading, 'causation_id', 'not-an-id', ID_FORMS);
  }
  return text;
}

const ID_FORMS = 'must be a ULID of 26 characters, a UUID or 32 hexadecimal digits';

/** The project, or null when the event names none. */
export function readProject(reading: Reading): ProjectId | null {
  const text = readOptional(reading, 'project_uuid');
  const id = text === null ? null : parseProjectId(text);
  if (text !== null && id === null) refuse(reading, 'project_uuid', 'not-a-uuid', 'must be a UUID');
  return id;
}

/** When it happened: the text as it came, and the instant it names. */
export function readTimestamp(reading: Reading): { text: string; at: Millis | null } {
  const text = readText(reading, 'timestamp', MAX_TIMESTAMP_CHARS);
  const at = parseTimestamp(text);
  if (at === null && text !== '') {
    const form = 'must be an ISO 8601 date and time that exists, with a time zone';
    refuse(reading, 'timestamp', 'not-a-timestamp', form);
  }
  return { text, at };
}

/** The producer's logical clock. */
export function readLamport(reading: Reading): number {
  const value = readRequired(reading, 'lamport_clock');
  if (value === undefined) return 0;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  refuse(reading, 'lamport_clock', 'out-of-range', 'must be an integer from 0 to 2^53 - 1');
  return 0;
}

/** The payload as an object; its own rules are the catalogue's. */
export function readPayload(reading: Reading): JsonObject | null {
  const value = readRequired(reading, 'payload');
  const payload = asObject(value);
  if (value !== undefined && payload === null) {
    refuse(reading, 'payload', 'wrong-type', 'must be an object');
  }
  return payload;
}

/** A required text without spaces, in printable ASCII: names and ids that are compared and indexed. */
export function readName(reading: Reading, key: string, maxChars: number): string {
  const text = readText(reading, key, maxChars);
  if (!isPrintableAscii(text)) {
    refuse(reading, key, 'not-ascii', 'may hold printable ASCII characters without spaces only');
  }
  return text;
}

/** A required text that is not empty. */
export function readText(reading: Reading, key: string, maxChars: number): string {
  const value = readRequired(reading, key);
  const text = value === undefined ? null : checkText(reading, key, value, maxChars);
  if (text === '') refuse(reading, key, 'empty', 'must not be empty');
  return text ?? '';
}

/** A text or null; absent is null. */
export function readOptional(reading: Reading, key: string): string | null {
  const value = member(reading.fields, key) ?? null;
  return value === null ? null : checkText(reading, key, value, MAX_TEXT_CHARS);
}

function readRequired(reading: Reading, key: string): JsonValue | undefined {
  const value = member(reading.fields, key);
  if (value === undefined) refuse(reading, key, 'required', 'is missing');
  return value;
}

/** The text, or null and an issue. */
function checkText(
  reading: Reading,
  key: string,
  value: JsonValue,
  maxChars: number,
): string | null {
  if (typeof value !== 'string') {
    return refuse(reading, key, 'wrong-type', 'must be a string');
  }
  if (value.length > maxChars) {
    return refuse(reading, key, 'too-long', `must not be longer than ${maxChars} characters`);
  }
  if (hasControl(value)) {
    return refuse(reading, key, 'control-character', 'must not hold control characters');
  }
  return value;
}

/** PostgreSQL keeps no NUL in a text, and no control character has a place in a name, a path or a branch. */
export function hasControl(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code < 0x20 || code === 0x7f) return true;
  }
  return false;
}

function isPrintableAscii(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code < 0x21 || code > 0x7e) return false;
  }
  return true;
}

/** Notes what is wrong with a member. */
export function refuse(reading: Reading, key: string, rule: string, message: string): null {
  reading.issues.push({ pointer: `/${key}`, rule, message: `${key} ${message}` });
  return null;
}
