/** What became of an artifact's text, in the words that people and reports read. */
export const UPLOAD_STATUSES = [
  'uploaded',
  'already_exists',
  'queued',
  'skipped',
  'failed',
] as const;

export type UploadStatus = (typeof UPLOAD_STATUSES)[number];

export interface UploadOutcome {
  /** Below the mission directory, with forward slashes; may hold anything a file system allows. */
  readonly path: string;
  readonly status: UploadStatus;
  /** A code, followed where there is more to say by a colon and words. */
  readonly reason: string;
  /** Whether the next run may come to another result with the same file. */
  readonly retryable: boolean;
  /** SHA-256 of the text that was kept or is at the receiver; null for what was skipped. */
  readonly contentHash: string | null;
}

/** The outcome of an artifact of which nothing is uploaded. */
export function skipped(path: string, reason: string): UploadOutcome {
  return { path, status: 'skipped', reason, retryable: isPassing(reason), contentHash: null };
}

/** What may have been a moment's matter: the next run looks again. */
function isPassing(reason: string): boolean {
  return /^(?:content_hash_mismatch|deleted_after_scan|read_error|not_present: changed)/.test(
    reason,
  );
}
