import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { constants, inflateRawSync } from 'node:zlib';

/** A gzip head without optional fields (RFC 1952 section 2.3), as compressors of streams write it. */
const GZIP = Buffer.from([0x1f, 0x8b, 0x08, 0x00]);
const HEAD_BYTES = 10;

/** Every file below a directory, by its path from there. */
export function filesBelow(dir: string): ReadonlyMap<string, Buffer> {
  const names = readdirSync(dir, { recursive: true, withFileTypes: true });
  return new Map(
    names
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name))
      .map((file) => [path.relative(dir, file), readFileSync(file)]),
  );
}

/** The forms in which a secret is found in `bytes`: as it is, in hexadecimal, in base64, or in any of these in gzip. */
export function formsFound(secret: string, bytes: Buffer): readonly string[] {
  const forms = formsOf(secret);
  const plain = [...forms].filter(([, form]) => bytes.includes(form)).map(([name]) => name);
  const packed = gzipMembers(bytes).flatMap((member) =>
    [...forms].filter(([, form]) => member.includes(form)).map(([name]) => `${name} in gzip`),
  );
  return [...plain, ...packed];
}

function formsOf(secret: string): ReadonlyMap<string, Buffer> {
  const bytes = Buffer.from(secret);
  const forms = new Map([
    ['plain', bytes],
    ['hex', Buffer.from(bytes.toString('hex'))],
    ['url', Buffer.from(encodeURIComponent(secret))],
  ]);
  for (const shift of [0, 1, 2]) {
    // What stands before a text moves it within base64's groups of three; only the groups that are its own are looked for.
    const shifted = Buffer.concat([Buffer.alloc(shift), bytes]);
    const from = shift === 0 ? 0 : 4;
    const until = Math.floor(shifted.length / 3) * 4;
    for (const encoding of ['base64', 'base64url'] as const) {
      forms.set(`${encoding} ${shift}`, Buffer.from(shifted.toString(encoding).slice(from, until)));
    }
  }
  return forms;
}

function gzipMembers(bytes: Buffer): readonly Buffer[] {
  const members: Buffer[] = [];
  for (let at = bytes.indexOf(GZIP); at !== -1; at = bytes.indexOf(GZIP, at + 1)) {
    try {
      const deflated = bytes.subarray(at + HEAD_BYTES);
      members.push(inflateRawSync(deflated, { finishFlush: constants.Z_SYNC_FLUSH }));
    } catch (error) {
      // Four bytes that look like the beginning of one.
      if (!(error instanceof Error)) throw error;
    }
  }
  return members;
}
