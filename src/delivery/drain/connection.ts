import type { Db } from '../../base/index.ts';
import { sessionFor, type Home } from '../../home/index.ts';
import {
  checkGates,
  createHttpReceiver,
  createStubReceiver,
  type Blocked,
  type Receiver,
} from '../../receivers/index.ts';
import {
  bodiesUrlOf,
  headersOf,
  healthUrlOf,
  originOf,
  takesStream,
  type Target,
} from '../targets.ts';

/** A receiver that may speak, or the gate that is closed. */
export type Connection =
  | { readonly kind: 'ready'; readonly receiver: Receiver }
  | { readonly kind: 'blocked'; readonly blocked: Blocked };

/**
 * The receiver of a target with its credentials: the session of exactly this origin, and the headers whose
 * values the operator keeps in the environment. Asks the gates, opens no socket.
 */
export async function connect(home: Home, db: Db, target: Target): Promise<Connection> {
  if (target.kind === 'stub') {
    return { kind: 'ready', receiver: createStubReceiver(target.postUrl, home.system.files) };
  }
  const origin = originOf(target);
  const session = origin === null ? null : sessionFor(home, origin);
  const { headers, missing } = configuredHeaders(home, db, target);
  const config = await home.config();
  const blocked = checkGates({
    kind: target.kind,
    origin,
    saasEnabled: config.saasEnabled.value,
    session,
    claimed: target.team !== '' || target.user !== '',
    missingHeaderVariables: missing,
  });
  if (blocked !== null) return { kind: 'blocked', blocked };
  const token = session === null ? {} : { authorization: `Bearer ${session.token}` };
  const receiver = createHttpReceiver({
    kind: target.kind,
    http: home.http,
    clock: home.system.clock,
    eventsUrl: target.postUrl,
    healthUrl: healthUrlOf(target),
    bodiesUrl: bodiesUrlOf(target),
    headers: { ...token, ...headers },
    brotli: target.acceptsBrotli,
    bodies: takesStream(target, 'bodies'),
    width: target.maxConcurrentBatches ?? 1,
    maxBytes: target.maxBatchBytes,
  });
  return { kind: 'ready', receiver };
}

function configuredHeaders(
  home: Home,
  db: Db,
  target: Target,
): { readonly headers: Readonly<Record<string, string>>; readonly missing: readonly string[] } {
  const headers: Record<string, string> = {};
  const missing: string[] = [];
  for (const { name, envVar } of headersOf(db, target.id)) {
    const value = home.system.env[envVar];
    if (value === undefined || value === '') missing.push(envVar);
    else headers[name.toLowerCase()] = value;
  }
  return { headers, missing };
}
