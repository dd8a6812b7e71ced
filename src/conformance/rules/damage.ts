import type { Fact } from '../facts.ts';
import type { Rule } from '../rule.ts';
import type { Visit } from '../visit.ts';
import { isRefused } from './answers.ts';

const SOURCE = 'The envelope';
const STORING = ['batch.stored'];
const LEVELS = 5_000;

/** What may break a reader: refused, and neither stored nor a failure. */
export const DAMAGE_RULES: readonly Rule[] = [
  {
    id: 'damage.depth',
    says: 'An event nested thousands of levels deep is refused.',
    source: SOURCE,
    needs: STORING,
    probe: (visit) =>
      isRefused(visit, changed(visit, `${'['.repeat(LEVELS)}${']'.repeat(LEVELS)}`)),
  },
  {
    id: 'damage.repeated-key',
    says: 'An event with a repeated key is refused.',
    source: SOURCE,
    needs: STORING,
    probe: (visit) => isRefused(visit, changed(visit, '1,"further":2')),
  },
  {
    id: 'damage.surrogate',
    says: 'An event with half a surrogate pair is refused.',
    source: SOURCE,
    needs: STORING,
    probe: (visit) => isRefused(visit, changed(visit, '"\\ud83d"')),
  },
  {
    id: 'damage.utf8',
    says: 'An event that is not UTF-8 is refused.',
    source: SOURCE,
    needs: STORING,
    probe: (visit) => {
      const { id, bytes } = changed(visit, '"~"');
      const odd = Buffer.from(bytes.map((byte) => (byte === 0x7e ? 0xff : byte)));
      return isRefused(visit, { id, bytes: odd });
    },
  },
  {
    id: 'damage.number',
    says: 'An event with a number of thousands of digits is refused.',
    source: SOURCE,
    needs: STORING,
    probe: (visit) => isRefused(visit, changed(visit, '9'.repeat(LEVELS))),
  },
];

/** A valid event but for one further member, which is spelled as given. */
function changed({ facts }: Visit, value: string): Fact {
  const { id, bytes } = facts.next();
  return { id, bytes: Buffer.concat([bytes.subarray(0, -1), Buffer.from(`,"further":${value}}`)]) };
}
