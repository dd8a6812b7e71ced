/** Issues in one page of a tracker; all three take no more. */
export const PAGE_SIZE = 100;

/** One answer of a tracker: a page of issues with their texts. */
export const MAX_PAGE_BYTES = 33_554_432;

/** Members of all objects of one page. */
export const MAX_PAGE_KEYS = 2_000_000;

/** How long one exchange with a tracker may take. */
export const CALL_DEADLINE_MS = 30_000;

/** Tries of one call that fails on the way or on the far side. */
export const MAX_TRIES = 4;
export const FIRST_DELAY_MS = 1_000;

/** What a tracker may ask a command to wait; beyond it the command ends and says when to come again. */
export const LONGEST_WAIT_MS = 60_000;

/** A tracker that is asked for minutes and answers in its own time zone: what changed within it is looked at again. */
export const OVERLAP_MS = 3_600_000;
