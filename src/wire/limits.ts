/** Every maximum of this room. A text is counted in UTF-16 units, a document in bytes. */

/** `{"events":[` and `]}`. */
export const BATCH_WRAPPER_BYTES = 13;

/** One event alone fits a batch of the default size, 512 KiB before compression (wire contract 1.2). */
export const MAX_EVENT_BYTES = 524_288 - BATCH_WRAPPER_BYTES;

/** A whole answer or request of any kind, unless its reader names a smaller number. */
export const MAX_DOCUMENT_BYTES = 8 * 1024 * 1024;

/** `JSON.stringify` fails at some ten thousand levels and PostgreSQL's `jsonb` at twenty thousand. */
export const MAX_DEPTH = 64;
export const MAX_KEYS = 10_000;
export const MAX_NUMBER_CHARS = 64;

export const MAX_TYPE_CHARS = 128;
export const MAX_ID_CHARS = 128;
export const MAX_TIMESTAMP_CHARS = 64;

/** Paths, slugs and branches. */
export const MAX_TEXT_CHARS = 2048;

/** A proof event as JSON (wire contract 5.2). */
export const MAX_PROOF_BYTES = 16_384;
export const MAX_PROOF_ARTIFACTS = 20;

/** An artifact's text as UTF-8, inclusive (wire contract 6.1). */
export const MAX_BODY_BYTES = 524_288;

/** One push as JSON: a control character takes six bytes, and the names around the text are texts themselves. */
export const MAX_PUSH_BYTES = 6 * MAX_BODY_BYTES + 131_072;

/** One snapshot of a tracker as JSON: some ten thousand issues with their texts. */
export const MAX_SNAPSHOT_BYTES = 32 * 1024 * 1024;
export const MAX_SNAPSHOT_KEYS = 2_000_000;
