// Receivers: how a batch is posted to one kind of target, and what the answer means. No database, no state.
// Here: the contract every receiver keeps, HTTP and stub, the response table, gates, endpoints as operators name them.
// Not here: which items are due, and what an answer does to a delivery (delivery).
export { classify, parseRetryAfter } from './classify.ts';
export type { BatchAnswer, Meaning, ReadContext, Reading } from './classify.ts';
export { endsInBatchPath, parseEndpoint } from './endpoint.ts';
export type { Endpoint } from './endpoint.ts';
export { BLOCKED_REASONS, checkGates } from './gates.ts';
export type { Blocked, BlockedReason, GateFacts } from './gates.ts';
export { createHttpReceiver } from './http-receiver.ts';
export type { HttpReceiverOptions } from './http-receiver.ts';
export { STREAM_NAMES, TARGET_KINDS } from './receiver.ts';
export type {
  BatchReply,
  Learned,
  OutboundItem,
  Probe,
  Receiver,
  Stop,
  StreamName,
  TargetKind,
} from './receiver.ts';
export { createStubReceiver } from './stub-receiver.ts';
