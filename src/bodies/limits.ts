/** Every maximum of this room. */

/** A text that is uploaded, in UTF-8 bytes; the limit itself is allowed. */
export const MAX_BODY_BYTES = 524_288;
