import { printable } from '../../base/index.ts';
import { asText, isNamespaceName, type JsonObject, member } from '../../wire/index.ts';

// How views take texts of others: names are keys, the rest is shown.

/** What cannot be a name stands for no name: an index holds short texts only. */
const MAX_NAME_CHARS = 200;
const MAX_SHOWN_BYTES = 200;

/** The name that an object states under a key; null when it states none that views can hold. */
export function nameIn(source: JsonObject, key: string): string | null {
  const text = asText(member(source, key));
  return text !== null && isName(text) ? text : null;
}

/** Whether views can hold a text as a name. */
export function isName(text: string): boolean {
  return text.length <= MAX_NAME_CHARS && isNamespaceName(text);
}

/** A text as people may see it, cut where it is long. */
export function shown(text: string): string {
  return printable(text, MAX_SHOWN_BYTES);
}
