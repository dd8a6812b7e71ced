import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';

const GZIP = Buffer.of(0x1f, 0x8b, 0x08);

/** Every file below a directory that holds a text: plain, in base64 however it is aligned, or inside gzip. */
export function tracesOf(dir: string, text: string): readonly string[] {
  const wanted = [Buffer.from(text), ...base64Of(text)];
  return filesBelow(dir).filter((file) => {
    const bytes = readFileSync(file);
    return [bytes, ...unzipped(bytes)].some((each) => wanted.some((want) => each.includes(want)));
  });
}

/** What a text looks like in the middle of base64, for each of its three alignments. */
function base64Of(text: string): readonly Buffer[] {
  return [0, 1, 2].map((lead) => {
    const bytes = Buffer.concat([Buffer.alloc(lead), Buffer.from(text)]);
    const encoded = bytes.toString('base64').replace(/=+$/, '');
    // The first and last characters are shared with what stands around it.
    return Buffer.from(encoded.slice(lead === 0 ? 0 : lead + 1, -1));
  });
}

function unzipped(bytes: Buffer): readonly Buffer[] {
  const found: Buffer[] = [];
  for (let at = bytes.indexOf(GZIP); at !== -1; at = bytes.indexOf(GZIP, at + 1)) {
    try {
      found.push(gunzipSync(bytes.subarray(at)));
    } catch (error) {
      if (!(error instanceof Error)) throw error;
    }
  }
  return found;
}

function filesBelow(dir: string): readonly string[] {
  return readdirSync(dir).flatMap((name) => {
    const file = path.join(dir, name);
    const stat = statSync(file);
    if (stat.isDirectory()) return filesBelow(file);
    return stat.isFile() ? [file] : [];
  });
}
