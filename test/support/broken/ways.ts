import { editedResults, type Sent, type Tamper, type Told, unfolded } from '../tampering-proxy.ts';

/** A receiver that breaks one rule: the rule's id, what it does, and how, given a token that is in force. */
export type Broken = readonly [string, string, (token: string) => Tamper];

export type Members = Record<string, unknown>;

export const BATCH = '/api/v1/events/batch/';
export const HEALTH = '/api/v1/sync/health/';
export const BODIES = '/api/dossier/push-content/';
export const SNAPSHOTS = '/api/v1/connectors/trackers/snapshots/';
export const LIST = '/api/v1/events/?';

/** Changes the answers of one address. */
export function answering(path: string, change: (told: Told, sent: Sent) => Told): Tamper {
  return async (sent, forward) => {
    const told = await forward(sent);
    return sent.url.startsWith(path) ? change(told, sent) : told;
  };
}

/** Answers some requests itself, and lets the others through. */
export function instead(path: string, decide: (text: string, sent: Sent) => Told | null): Tamper {
  return async (sent, forward) =>
    (sent.url.startsWith(path) ? decide(unfolded(sent), sent) : null) ?? forward(sent);
}

/** Lets some requests through changed. */
export function asking(path: string, change: (sent: Sent) => Sent): Tamper {
  return (sent, forward) => forward(sent.url.startsWith(path) ? change(sent) : sent);
}

/** Changes each result of a batch. */
export function resulting(change: (result: Members, index: number) => Members | undefined): Tamper {
  return answering(BATCH, (told) => editedResults(told, change));
}

/** Another status for answers of one kind. */
export function turning(path: string, from: number, to: number): Tamper {
  return answering(path, (told) => (told.status === from ? { ...told, status: to } : told));
}

export function withHeaders(sent: Sent, more: Readonly<Record<string, string>>): Sent {
  return { ...sent, headers: { ...sent.headers, ...more } };
}
