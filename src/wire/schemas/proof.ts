import { MAX_PROOF_ARTIFACTS, MAX_PROOF_BYTES } from '../limits.ts';
import * as z from 'zod/mini';
import {
  anyObject,
  anyText,
  count,
  fraction,
  instant,
  integer,
  lazily,
  list,
  maybe,
  open,
  ordinal,
  rule,
  sha256,
  something,
  text,
  type Schema,
} from './parts.ts';

// The seven proofs: what they share, and what each adds (wire contract 5.2).

const artifactRef = lazily(() =>
  open({ uri: text, kind: text, sha256: maybe(sha256), size_bytes: maybe(count) }),
);

function proof(own: Readonly<Record<string, Schema>>): () => Schema {
  return lazily(() =>
    open({
      proof_schema_version: text,
      subject: open({ subject_type: text, subject_id: text }),
      source: something,
      actor: something,
      confidence: fraction,
      occurred_at: instant,
      observed_at: instant,
      artifact_refs: list(artifactRef()).check(z.maxLength(MAX_PROOF_ARTIFACTS)),
      summary: anyObject,
      idempotency_key: sha256,
      ...own,
    }).check(
      rule('too-large', isSmall, `must not be longer than ${MAX_PROOF_BYTES} bytes as JSON`),
    ),
  );
}

function isSmall(payload: unknown): boolean {
  return Buffer.byteLength(JSON.stringify(payload)) <= MAX_PROOF_BYTES;
}

export const proofItemRecorded = proof({ proof_kind: text });

export const reviewProofRecorded = proof({
  review_kind: text,
  verdict: text,
  review_ref: maybe(anyText),
});

export const testEvidenceCaptured = proof({
  test_command: text,
  exit_code: integer,
  status: text,
});

export const benchmarkEvidenceAttached = proof({ benchmark_name: text });

export const securityScanCompleted = proof({
  scanner: text,
  status: text,
  findings_summary: something,
});

export const pullRequestLineageRecorded = proof({
  provider: text,
  repository: text,
  pull_request_url: text,
  pull_request_number: maybe(ordinal),
});

export const humanApprovalRecorded = proof({ approver: something, approval_status: text });
