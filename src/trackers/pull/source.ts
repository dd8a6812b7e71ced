import type { JsonObject } from '../../wire/index.ts';

/** One issue as a tracker sent it, read as far as a snapshot shows it. */
export interface PulledIssue {
  readonly id: string;
  readonly key: string | null;
  readonly shown: JsonObject;
  /** Every byte of it, so that what we do not know stays as it is. */
  readonly raw: string;
  /** ISO 8601 in UTC, or null. */
  readonly updatedAt: string | null;
}

/** What one call of a source came to. */
export type PageReply =
  | {
      readonly kind: 'page';
      readonly issues: readonly PulledIssue[];
      /** Where the next page begins; null behind the last one. */
      readonly next: string | null;
    }
  /** The tracker no longer knows the place that a pass stopped at: the pass begins anew. */
  | { readonly kind: 'lost' }
  | { readonly kind: 'stopped'; readonly stop: PullStop };

/** Why pulling ended before its end; what was pulled is kept. */
export interface PullStop {
  readonly reason: 'refused' | 'limited' | 'unreachable' | 'malformed' | 'aborted';
  readonly detail: string;
}

/**
 * The issues of one tracker, the newest change first: what changes while a pass is under way moves to its front and is
 * found by the next one, and no page skips what the one before it did not show.
 */
export interface IssueSource {
  /** @param place `since` is inclusive, ISO 8601; `size` is 1 to 100. */
  page(place: {
    readonly since: string | null;
    readonly cursor: string | null;
    readonly size: number;
  }): Promise<PageReply>;
}
