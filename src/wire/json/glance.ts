import type { JsonLimits } from './scanner.ts';
import {
  BACKSLASH,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
} from './tokens.ts';

/**
 * The members of all objects of a JSON text, provided that it is one (which is the parser's to say); null when
 * something asks for a closer look: depth, number of members, a surrogate that is spelled out, or a stretch between
 * two tokens that could be a number which is too long. Jumps from quote to quote and never recurses, so it costs
 * a fraction of the strict scan.
 */
export function countKeys(text: string, limits: JsonLimits): number | null {
  if (text.includes('\\ud') || text.includes('\\uD')) return null;
  let keys = 0;
  let depth = 0;
  let last = -1;
  for (let at = 0; at < text.length; at += 1) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        at = closingQuote(text, at);
        if (at === -1) return null;
        break;
      case OPEN_BRACE:
      case OPEN_BRACKET:
        depth += 1;
        if (depth > limits.maxDepth) return null;
        break;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        depth -= 1;
        break;
      case COLON:
        keys += 1;
        break;
      case COMMA:
        break;
      default:
        if (at - last > limits.maxNumberChars) return null;
        continue;
    }
    last = at;
  }
  return keys > limits.maxKeys ? null : keys;
}

/** Where the string that opens at `start` closes; -1 when nowhere. */
function closingQuote(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end !== -1 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end;
}

function isEscaped(text: string, at: number): boolean {
  let slashes = 0;
  while (text.charCodeAt(at - 1 - slashes) === BACKSLASH) slashes += 1;
  return slashes % 2 === 1;
}
