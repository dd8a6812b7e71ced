import type { Dice } from './dice.ts';
import { sha256, type Element } from './network.ts';
import type { Garbling } from './weather.ts';

/** One entry of a list of results. */
export interface ItemWord {
  readonly event_id: string;
  readonly status: string;
  readonly error?: string;
  readonly error_category?: string;
  readonly sha256?: string;
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

export interface Garbled {
  readonly answer: Answer;
  readonly elements: readonly Element[];
  /** The body of an earlier answer. */
  readonly lastAnswer: string;
  readonly dice: Dice;
}

/** An honest answer to a batch, changed in one way. */
export function garble(how: Garbling, what: Garbled): Answer {
  const { answer, lastAnswer, dice } = what;
  if (how === 'odd status') return { ...answer, status: dice.pick([201, 202, 206, 207]) };
  if (how === 'answer of another batch') return { ...answer, body: lastAnswer };
  if (how === 'bad request with details') return { status: 400, body: detailsOf(what) };
  const body = JSON.parse(answer.body) as { readonly results: readonly ItemWord[] };
  const results = change(how, body.results, what);
  return { ...answer, body: JSON.stringify({ ...body, results }) };
}

function change(
  how: Garbling,
  words: readonly ItemWord[],
  { elements, dice }: Garbled,
): readonly unknown[] {
  const each = (make: (word: ItemWord) => unknown): readonly unknown[] =>
    words.map((word) => (dice.chance(0.5) ? make(word) : word));
  switch (how) {
    case 'missing results':
      return dice.some(words, 0.5);
    case 'contradicting results':
      return words.flatMap((word) => contradicted(word, dice));
    case 'strange results':
      return [...strangers(elements), ...each((word) => ({ ...word, event_id: [word.event_id] }))];
    case 'wrong hash':
      return each((word) => ({ ...word, sha256: sha256(Buffer.from('other bytes')) }));
    case 'pending':
      return each((word) => ({
        event_id: word.event_id,
        status: dice.pick(['pending', 'queued']),
      }));
    case 'unknown status':
      return each((word) => ({
        event_id: word.event_id,
        status: dice.pick(['maybe', '', 'succes']),
      }));
    case 'refused by text':
      return each((word) => ({
        event_id: word.event_id,
        status: 'rejected',
        error: 'payload_too_large, schema_invalid, erased: all of it',
        error_category: dice.pick(['internal', 'SCHEMA INVALID', 'too_large']),
      }));
    case 'refused by code':
      return each((word) => ({
        event_id: word.event_id,
        status: 'rejected',
        error_category: dice.pick(['project_refused', 'namespace_not_found', 'unknown_event_type']),
      }));
    default:
      return words;
  }
}

/** A refusal of the whole batch that blames some of its events. */
function detailsOf({ elements, dice }: Garbled): string {
  const details = dice.some(elements, 0.5).map(({ id }) => ({
    event_id: id,
    error_category: dice.pick(['schema_invalid', 'bad_request', 'who_knows']),
  }));
  return JSON.stringify({ error: 'erased, payload_too_large', details });
}

/** The same event twice: as it was answered, and otherwise. */
function contradicted(word: ItemWord, dice: Dice): readonly unknown[] {
  const other = dice.pick<ItemWord>([
    { event_id: word.event_id, status: 'rejected', error_category: 'erased' },
    { event_id: word.event_id, status: 'success' },
    { event_id: word.event_id, status: 'conflict' },
    { event_id: word.event_id, status: 'pending' },
  ]);
  return dice.chance(0.5) ? [word, other] : [other, word];
}

function strangers(elements: readonly Element[]): readonly unknown[] {
  const [first] = elements;
  return [
    null,
    7,
    'success',
    [],
    { event_id: null, status: 'success' },
    { status: 'success' },
    { event_id: `${first?.id ?? ''} `, status: 'success' },
    { event_id: 'somebody else', status: 'conflict' },
  ];
}
