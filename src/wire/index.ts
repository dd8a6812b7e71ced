// Wire: what crosses the network, and the one JSON reader for everything foreign. Pure: no I/O, no clock, no state.
export { type Aggregate, aggregateOf } from './aggregates.ts';
export { encodeBatch, parseBatch } from './batch.ts';
export type { BatchAnswer, BatchLimits, ItemResult } from './batch.ts';
export {
  encodeBodyAnswer,
  encodeBodyPush,
  isArtifactPath,
  isNamespaceName,
  parseBodyAnswer,
  parseBodyPush,
} from './body.ts';
export type { BodyAnswer, BodyPush, Namespace } from './body.ts';
export { EVENT_TYPES, isKnownType, judgePayload, payloadSchemas } from './catalogue.ts';
export type { EventType } from './catalogue.ts';
export { composeEnvelope, encodeEnvelope, ENVELOPE_KEYS, parseEnvelope } from './envelope.ts';
export type { Envelope, EnvelopeKey, EnvelopeParts, ParsedEnvelope } from './envelope.ts';
export { ENCODINGS, FORM_MEDIA_TYPE, HEADERS, JSON_MEDIA_TYPE, PATHS } from './headers.ts';
export type { Encoding } from './headers.ts';
export { encodeHealth, parseHealth } from './health.ts';
export type { Capabilities, Health, HealthIdentity, Limits } from './health.ts';
export { parseEventId, parseProjectId, type EventId, type ProjectId } from './ids.ts';
export { canonicalJson } from './json/canonical.ts';
export type { JsonSchema } from './schemas/json-schema.ts';
export type { Issue } from './json/issue.ts';
export { withoutRepeatedKeys } from './json/last-wins.ts';
export { asArray, asObject, asText, member, parseJson } from './json/reader.ts';
export type { JsonObject, JsonValue } from './json/reader.ts';
export type { JsonLimits } from './json/scanner.ts';
export { elementSpans, memberSpan, memberSpans, type Span } from './json/spans.ts';
export { withMember } from './json/splice.ts';
export { BATCH_WRAPPER_BYTES, MAX_BODY_BYTES, MAX_EVENT_BYTES, MAX_PUSH_BYTES } from './limits.ts';
export { MAX_SNAPSHOT_BYTES } from './limits.ts';
export { isTerminalCode, noOutcomes, OUTCOMES, TERMINAL_CODES } from './outcome.ts';
export type { Outcome, TerminalCode, Verdict } from './outcome.ts';
export { encodeSnapshot, parseSnapshot, snapshotKey } from './snapshot.ts';
export type { ExternalResource, Snapshot, SnapshotHead } from './snapshot.ts';
export { inlineFormat, isSurface, SUPPORTED_INLINE_FORMATS } from './surfaces.ts';
export type { SupportedInlineFormat } from './surfaces.ts';
export { parseTimestamp } from './timestamp.ts';
