// Receivers: how a batch is posted to one kind of target, and what the answer means. No database, no state.
// Here: the contract every receiver keeps, HTTP and stub, the response table, gates, endpoints as operators name them.
// Not here: which items are due, and what an answer does to a delivery (delivery).
export { classify } from './classify.ts';
export type { BatchAnswer, ReadContext, Reading } from './classify.ts';
export { endsInBatchPath, parseEndpoint } from './endpoint.ts';
export type { Endpoint } from './endpoint.ts';
export { checkGates, isGate } from './gates.ts';
export type { Blocked } from './gates.ts';
export { createHttpReceiver } from './http-receiver.ts';
export { classifyPush } from './push-answer.ts';
export type { PushReading } from './push-answer.ts';
export { TARGET_KINDS } from './receiver.ts';
export type {
  BatchReply,
  BodyPlace,
  DeliveryReceiver,
  ExternalReceiver,
  Learned,
  OutboundItem,
  Probe,
  Receiver,
  Stop,
  StreamName,
  StubReceiver,
  TargetKind,
  TeamspaceReceiver,
} from './receiver.ts';
export { pushContent } from './pushing.ts';
export { createStubReceiver } from './stub-receiver.ts';
