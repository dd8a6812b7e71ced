/** Every maximum of this room. */

/** A text that is uploaded, in UTF-8 bytes; the limit itself is allowed. */
export const MAX_BODY_BYTES = 524_288;

/** Files of a mission that are indexed, and folders in one another; what lies beyond is reported, not read. */
export const MAX_ARTIFACTS = 50_000;
export const MAX_DEPTH = 32;

/** What one transaction takes: only so many texts are held at a time. */
export const CHUNK_ARTIFACTS = 200;
export const CHUNK_BYTES = 8 * 1024 * 1024;

/** `meta.json` and the baseline of a mission, in bytes. */
export const MAX_META_BYTES = 1024 * 1024;

/** What of a file is hashed at a time. */
export const PIECE_BYTES = 64 * 1024;

/** Texts that are prepared lie one behind the other in pieces of this size. */
export const SHELF_BYTES = 512 * 1024;
