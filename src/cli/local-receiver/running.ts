import path from 'node:path';
import type { Home, Place } from '../../home/index.ts';
import { asObject, asText, member, parseHealth, parseJson, PATHS } from '../../wire/index.ts';

/** The receiver of this home alone, while it answers. */
export interface LocalReceiver {
  readonly url: string;
  readonly pid: number;
  readonly instanceId: string;
}

const MAX_FILE_BYTES = 65_536;
const ASK_MS = 1_000;

/** Where the receiver of a home keeps what. */
export function placesOf({ paths }: Pick<Place, 'paths'>): {
  readonly dir: string;
  readonly db: string;
  /** There while it runs. */
  readonly ready: string;
  /** Chosen once: a receiver under another address would be another target. */
  readonly port: string;
} {
  const dir = paths.receiver;
  const within = (name: string): string => path.join(dir, name);
  return { dir, db: within('receiver.db'), ready: within('ready.json'), port: within('port') };
}

/** The address that the receiver of this home has, running or not; null when there never was one. */
export function localAddress(place: Place): string | null {
  const port = place.system.files.readText(placesOf(place).port)?.trim() ?? '';
  return /^\d{1,5}$/.test(port) ? `http://127.0.0.1:${port}` : null;
}

/** The receiver of this home when it answers under the name it gave itself. */
export async function findRunning(home: Home): Promise<LocalReceiver | null> {
  const said = readReady(home);
  if (said === null) return null;
  const reply = await home.http.send({
    method: 'GET',
    url: `${said.url}${PATHS.health}`,
    headers: {},
    body: null,
    deadlineMs: ASK_MS,
    maxResponseBytes: MAX_FILE_BYTES,
  });
  const health = reply.kind === 'failure' ? null : parseHealth(reply.body);
  const isIt = health?.ok === true && health.value.serverInstanceId === said.instanceId;
  return isIt ? said : null;
}

function readReady(place: Place): LocalReceiver | null {
  const { ready } = placesOf(place);
  const read = place.system.files.readInside(place.paths.root, ready, MAX_FILE_BYTES);
  const parsed = read.ok ? parseJson(read.bytes) : null;
  const object = parsed?.ok === true ? asObject(parsed.value) : null;
  if (object === null) return null;
  const url = asText(member(object, 'url'));
  const instanceId = asText(member(object, 'server_instance_id'));
  const pid = Number(member(object, 'pid'));
  const isWhole = url !== null && instanceId !== null && Number.isSafeInteger(pid);
  return isWhole && url === localAddress(place) ? { url, pid, instanceId } : null;
}
