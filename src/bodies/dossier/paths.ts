// The grammar of artifact paths: what every system and receiver can hold and nobody can mistake for another place.

const MAX_PATH_BYTES = 1_024;
const MAX_PART_BYTES = 255;
/** Names that Windows takes for devices, with any extension. */
const DEVICE =
  /^(?:con|prn|aux|nul|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3])(?:\.|$)/i;

/**
 * Why a path below a mission cannot be the name of an artifact; null when it can: relative, NFC, forward slashes,
 * no empty, `.` or `..` part, no control character, nothing that Windows reads in another way, at most 255 bytes
 * a part and 1,024 in all. Linear in the length of the path.
 */
export function pathIssue(path: string): string | null {
  if (path === '') return 'is empty';
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) return `is longer than ${MAX_PATH_BYTES} bytes`;
  // Node spells bytes that are no UTF-8 with the replacement character.
  if (/[\p{Cs}\ufffd]/u.test(path)) return 'is not valid UTF-8';
  if (path.normalize('NFC') !== path) return 'is not in Unicode normal form C';
  if (/[\p{Cc}\u2028\u2029]/u.test(path)) return 'has a control character';
  if (/[\\:*?"<>|]/.test(path)) return 'has a character that Windows gives another meaning';
  for (const part of path.split('/')) {
    const issue = partIssue(part);
    if (issue !== null) return issue;
  }
  return null;
}

function partIssue(part: string): string | null {
  if (part === '') return 'has an empty part';
  if (part === '.' || part === '..') return 'has a part that is not a name';
  if (/[. ]$/.test(part)) return 'has a part that ends with a dot or a space';
  if (Buffer.byteLength(part) > MAX_PART_BYTES) {
    return `has a part longer than ${MAX_PART_BYTES} bytes`;
  }
  return DEVICE.test(part) ? 'has a part that is the name of a device' : null;
}
