import type { Millis } from '../../base/index.ts';
import { parseEndpoint } from '../../receivers/index.ts';
import type { Target } from '../targets.ts';
import { LONGEST_WAIT_MS } from '../transition.ts';

/** The command that sends to the active target. */
export const AGAIN = 'spec-kitty sync now';

/** The same for a receiver that asked to be left alone: no command shortens that, so the shell waits first. */
export function againIn(left: Millis, again = AGAIN): string {
  return isAhead(left) ? `sleep ${Math.ceil(left / 1000)} && ${again}` : again;
}

/** A time further ahead than any wait was written before the clock was set back. */
export function isAhead(left: Millis): boolean {
  return left > 0 && left <= LONGEST_WAIT_MS;
}

/**
 * What to type after a redirect: the address that the same host named, and the old one is waited for no longer. Where
 * another host is meant, only an operator may say so, and is told how.
 */
export function followCommand(target: Target, movedTo: string | undefined): string {
  const url = resolve(movedTo ?? '', target.postUrl);
  const was = resolve(target.postUrl);
  if (url === null || was === null || url.hostname !== was.hostname) return NAME_ANOTHER;
  const isSafe = url.protocol === 'https:' || url.protocol === was.protocol;
  // Whatever a shell might understand is left for a person to write.
  if (!isSafe || !PLAIN_URL.test(url.href)) return NAME_ANOTHER;
  const kind = target.kind === 'teamspace' ? 'teamspace' : 'external';
  const { canonicalUrl } = parseEndpoint(url.href, { kind, allowHttp: true, cwd: '/' });
  // A receiver that sends everybody back to where they are is mended by its own operator.
  if (canonicalUrl === target.canonicalUrl) return AGAIN;
  const flag = url.protocol === 'http:' && target.allowHttp ? ' --allow-http' : '';
  const there =
    kind === 'teamspace'
      ? `spec-kitty sync server ${canonicalUrl}`
      : `spec-kitty sync mode EXTERNAL_RECEIVER --endpoint ${canonicalUrl}`;
  return `${there}${flag} && spec-kitty sync targets retire ${target.publicId}`;
}

const NAME_ANOTHER = 'spec-kitty sync mode --help';
const PLAIN_URL = /^[\w.:/~-]+$/;

function resolve(url: string, base?: string): URL | null {
  return URL.canParse(url, base) ? new URL(url, base) : null;
}
