import { sessionFor, sessionHttp } from '../../home/index.ts';
import { asArray, asObject, asText, member, parseJson, type JsonObject } from '../../wire/index.ts';
import type { Context } from '../io.ts';

const PAGE = 1_000;
const DEADLINE_MS = 30_000;
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;

/** Reads one page of a list at a receiver; null when it answers no such thing. */
export type Ask = (
  path: string,
  query: Readonly<Record<string, string>>,
) => Promise<JsonObject | null>;

/** Asks the receiver at `base`, logged in where somebody is, about one project. */
export function askerOf({ home }: Context, base: string, project: string): Ask {
  const session = sessionFor(home, base);
  const http = session === null ? home.http : sessionHttp(home, session);
  return async (path, query) => {
    const reply = await http.send({
      method: 'GET',
      url: `${base}${path}?${new URLSearchParams({ ...query, project }).toString()}`,
      headers: {},
      body: null,
      deadlineMs: DEADLINE_MS,
      maxResponseBytes: MAX_ANSWER_BYTES,
    });
    if (reply.kind === 'failure' || reply.status !== 200) return null;
    const parsed = parseJson(reply.body);
    return parsed.ok ? asObject(parsed.value) : null;
  };
}

/**
 * Shows every item of a list, page by page.
 * @returns false as soon as a page is none: then nothing follows from what was seen.
 */
export async function walkList(
  ask: Ask,
  path: string,
  query: Readonly<Record<string, string>>,
  see: (item: JsonObject) => void,
): Promise<boolean> {
  let after: string | null = null;
  do {
    const from: Readonly<Record<string, string>> = after === null ? {} : { after };
    const page = await ask(path, { ...query, ...from, limit: String(PAGE) });
    const listed = page === null ? null : asArray(member(page, 'items'));
    if (page === null || listed === null || listed === undefined) return false;
    for (const each of listed) {
      const item = each === null ? null : asObject(each);
      if (item !== null) see(item);
    }
    const following = cursorIn(page);
    // A list that does not move on has no end.
    if (following === after && following !== null) return false;
    after = following;
  } while (after !== null);
  return true;
}

/** A number or a text, as the list has it; null behind the last page. */
function cursorIn(page: JsonObject): string | null {
  const next = member(page, 'next_cursor');
  return typeof next === 'string' || typeof next === 'number' ? String(next) : null;
}

/** A text member of an item; empty when it is none. */
export function textIn(object: JsonObject, key: string): string {
  return asText(member(object, key)) ?? '';
}
