// Bodies: the texts of a mission's artifacts. Their namespace, the index of what is there, what of it is uploaded.
// Here: the artifact index and its events, preparing, uploads kept with their texts, the pipeline of these three.
// Not here: where they go and what became of them there (delivery).
export { MAX_BODY_BYTES } from './limits.ts';
export { namespaceOf, parseNamespace } from './namespace.ts';
export type { NamespaceIssue, NamespaceRef } from './namespace.ts';
export { UPLOAD_STATUSES } from './outcomes.ts';
export type { UploadOutcome, UploadStatus } from './outcomes.ts';
export { syncFeatureDossier } from './pipeline.ts';
export { prepareBodyUploads, refusalOf } from './prepare.ts';
export type { Preparation, Prepared } from './prepare.ts';
export type { DossierOutcome, DossierProblem, DossierRun } from './pipeline.ts';
export { bodiesStream } from './stream.ts';
export { countTexts, findUpload, storeUpload } from './uploads.ts';
export type { Stored, Upload } from './uploads.ts';
