// Bodies: the texts of a mission's artifacts. Their namespace, the index of what is there, what of it is uploaded.
// Here: uploads kept with their texts. Not here: where they go and what became of them there (delivery).
export { MAX_BODY_BYTES } from './limits.ts';
export { dedupeKey, namespaceOf, namespaceToWire, parseNamespace } from './namespace.ts';
export type { NamespaceIssue, NamespaceRef } from './namespace.ts';
export { bodiesStream } from './stream.ts';
export { placesTaken, storeUpload } from './uploads.ts';
export type { Stored, Upload } from './uploads.ts';
