/** What a code of a refusal means to whoever looks after the sender, and what can be done. */
export interface Rule {
  readonly meaning: string;
  readonly advice: string;
  /** A line to type, `sync` and `doctor` where the events come from, `receiver` here; null where there is none. */
  readonly command: string | null;
  /** The sender comes again by itself, and usually gets through. */
  readonly isPassing?: boolean;
}

const LIST = 'spec-kitty sync parked list';
const RETRY = 'spec-kitty sync parked retry --all';

/** Every code with which something that is sent is refused. */
export const RULES: Readonly<Record<string, Rule>> = {
  schema_invalid: {
    meaning: 'The envelope of an event, or with --strict its payload, is not as the contract says.',
    advice:
      'See which member of which event it is. /api/docs has the schema of every type; a newer producer may write it right.',
    command: LIST,
  },
  unknown_event_type: {
    meaning: 'This receiver runs with --strict and does not know the type of an event.',
    advice: 'Bring the receiver up to date, or run it without --strict; then send again.',
    command: RETRY,
  },
  payload_too_large: {
    meaning: 'An event, a text or a snapshot is larger than one may be.',
    advice: 'See which it is. It stays where it was made.',
    command: LIST,
  },
  hash_conflict: {
    meaning:
      'Another event with the same id arrived before, with other bytes. The first one was kept.',
    advice: 'Two histories use one id. See which event it is, and compare it with the one here.',
    command: LIST,
  },
  erased: {
    meaning: 'The event was erased here and is not taken again.',
    advice: 'The sender can give it up; its own copy stays.',
    command: 'spec-kitty sync parked drop --code erased --yes',
  },
  project_refused: {
    meaning: 'The token is not for the project that an event, a text or a snapshot names.',
    advice: 'Make a token that is, log in with it where it is sent from, and send again.',
    command: 'spec-kitty receiver token create --all',
  },
  scope_refused: {
    meaning: 'Somebody sent with a token, or in a role, that may only read.',
    advice: 'Make a token for sending.',
    command: 'spec-kitty receiver token create --all --scope ingest',
  },
  quota_exceeded: {
    meaning: 'The team has no room left. Nothing was lost: senders keep everything and come again.',
    advice: 'Raise the limit, or erase what is not needed.',
    command: 'spec-kitty receiver quota list',
  },
  bad_request: {
    meaning: 'A request could not be taken apart: no JSON, damaged, empty, or too deep.',
    advice:
      'Another program than ours sent it, or something between changed it. Ours says what waits:',
    command: 'spec-kitty sync status',
  },
  validation_error: {
    meaning: 'The push of a text is not as the contract says.',
    advice: 'See which text it is; a newer producer may write it right.',
    command: LIST,
  },
  namespace_not_found: {
    meaning: 'A text came for a mission that no event has spoken of.',
    advice: 'Its events are missing here. Send what is not here yet; texts follow.',
    command: 'spec-kitty sync bodies',
  },
  hash_mismatch: {
    meaning: 'A snapshot arrived with other bytes than its hash says.',
    advice: 'Something between the sender and here changes what passes. The sender comes again:',
    command: 'spec-kitty sync now',
  },
  unsupported_media_type: {
    meaning: 'A request said that it is something else than JSON.',
    advice: 'Another program than ours sent it. /api/docs says how.',
    command: null,
  },
  unsupported_content_encoding: {
    meaning: 'A request is compressed in a way that is not read here.',
    advice: 'Another program than ours sent it: gzip, br, or nothing.',
    command: null,
  },
  sync_batch_too_large: {
    meaning: 'A batch was larger than one may be. Our senders cut it and go on.',
    advice: 'Nothing is to be done, unless it is always the same sender.',
    command: null,
    isPassing: true,
  },
  body_incomplete: {
    meaning: 'A request ended before its body, as when a network goes away. It is sent again.',
    advice: 'Nothing is to be done, unless it goes on.',
    command: null,
    isPassing: true,
  },
  index_entry_not_found: {
    meaning: 'A text came before the event that announces it. It is sent again.',
    advice: 'Nothing is to be done, unless it goes on.',
    command: 'spec-kitty sync bodies',
    isPassing: true,
  },
  rate_limited: {
    meaning: 'Requests came faster than they are taken. Senders wait and come again.',
    advice: 'More is taken with a higher --rate of this receiver:',
    command: 'spec-kitty receiver serve --rate 400',
    isPassing: true,
  },
  storage_unavailable: {
    meaning: 'The database could not store it then. Nothing was lost: senders come again.',
    advice: 'The log of the receiver says why, and /readyz whether it can now.',
    command: null,
    isPassing: true,
  },
};

/** What the rules of schemas want, by their names. */
export const BROKEN: Readonly<Record<string, string>> = {
  'byte-order-mark': 'a byte order mark stands before it',
  'control-character': 'a text has a control character',
  damaged: 'it cannot be unpacked',
  'duplicate-key': 'a member is there twice',
  empty: 'something is empty',
  'hash-mismatch': 'the hash is that of another text',
  'invalid-json': 'it is no JSON',
  'lone-surrogate': 'a text has half a character',
  'not-a-path': 'a path is none that a project has',
  'not-a-timestamp': 'a time is none, or has no zone',
  'not-a-uuid': 'an id is no UUID',
  'not-allowed': 'a value is none of those that there are',
  'not-an-id': 'an event id is none',
  'not-ascii': 'an id has letters beyond ASCII',
  'number-too-long': 'a number has too many digits',
  'out-of-range': 'a number is too small or too large',
  required: 'a member is missing',
  'too-deep': 'it is nested too deep',
  'too-large': 'it is too large',
  'too-long': 'a text is too long',
  'too-many-keys': 'it has too many members',
  'unknown-member': 'a member is not known',
  'wrong-form': 'a text has another form',
  'wrong-type': 'a member is of another type',
};
