import { type Random, sha256Hex } from '../../base/index.ts';

/** What a bearer secret of ours is for: the beginning tells a reader of logs what leaked. */
export type SecretMark = 'skr' | 'skd' | 'skb' | 'skl';

const SECRET_BYTES = 32;
const LONGEST = 128;

/** A new secret: shown once, kept as its hash. */
export interface Secret {
  readonly text: string;
  readonly hash: string;
}

/** Draws a secret of 256 bits. It cannot be guessed, so a plain hash of it is enough at rest. */
export function drawSecret(random: Random, mark: SecretMark): Secret {
  const text = `${mark}_${Buffer.from(random(SECRET_BYTES)).toString('base64url')}`;
  return { text, hash: sha256Hex(text) };
}

/** The hash under which a presented secret would be kept; null for what no secret of this kind looks like. */
export function hashOfSecret(text: string | null | undefined, mark: SecretMark): string | null {
  const isPlausible = text != null && text.length <= LONGEST && text.startsWith(`${mark}_`);
  return isPlausible ? sha256Hex(text) : null;
}
