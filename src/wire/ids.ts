declare const brand: unique symbol;

/** The identity of an event, spelled as its producer spelled it. */
export type EventId = string & { readonly [brand]: 'EventId' };

/** The identity of a project: a UUID, hyphenated and in lower case. */
export type ProjectId = string & { readonly [brand]: 'ProjectId' };

const CROCKFORD = /^[0-9A-HJKMNP-TV-Z]{26}$/i;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const UUID_DIGITS = /^[0-9a-f]{32}$/i;

/**
 * An event id: 26 Crockford characters, a hyphenated UUID or 32 hexadecimal digits, in either case
 * (wire contract 4.1). The text is kept as it came, because receivers match ids exactly. Null when it is none.
 */
export function parseEventId(text: string): EventId | null {
  return isEventId(text) ? text : null;
}

/** A project id: a hyphenated UUID, answered in lower case. Null when the text is none. */
export function parseProjectId(text: string): ProjectId | null {
  const lower = text.toLowerCase();
  return isProjectId(lower) ? lower : null;
}

function isEventId(text: string): text is EventId {
  if (text.length === 26) return CROCKFORD.test(text);
  return UUID.test(text) || UUID_DIGITS.test(text);
}

function isProjectId(text: string): text is ProjectId {
  return UUID.test(text);
}
