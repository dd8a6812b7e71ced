/** Every maximum of this room. */

/** Directories below `kitty-specs` that are looked into; the rest is reported as skipped. */
export const MAX_MISSIONS = 10_000;

/** A mission file is read as a whole. At the 500 bytes of a usual line these are some 250,000 lines. */
export const MAX_FILE_BYTES = 128 * 1024 * 1024;

/** What one capture takes: the transaction stays short, and only so many parsed lines are held at a time. */
export const CHUNK_LINES = 1_000;
export const CHUNK_BYTES = 8 * 1024 * 1024;

/** Bad lines that a report names for each file; all of them are counted. */
export const MAX_NAMED_BAD_LINES = 100;

/** Missions that an error names. */
export const MAX_NAMED_MISSIONS = 20;

/** Why a line is bad, in bytes; a foreign key may be part of it. */
export const MAX_REASON_BYTES = 300;

/** What is kept of the project that a line names, in UTF-16 units; a UUID has 36. */
export const MAX_STATED_PROJECT_CHARS = 128;
