import { BATCH_WRAPPER_BYTES, MAX_EVENT_BYTES } from '../wire/index.ts';

/** Events in one batch (the batch contract's own cap). */
export const MAX_EVENTS_PER_BATCH = 1_000;

/** Bytes of one batch after inflation: room for two events of the largest size, and advertised by health. */
export const MAX_BATCH_BYTES = 2 * (MAX_EVENT_BYTES + BATCH_WRAPPER_BYTES);

/** Bytes of one request as it comes: compressing what cannot be compressed adds a little. */
export const MAX_REQUEST_BYTES = MAX_BATCH_BYTES + 65_536;

/** Batches that one client may have in flight; arrival order is of no meaning to this receiver. */
export const MAX_CONCURRENT_BATCHES = 3;

/** Batches and bodies that are read, waiting or being stored; one team has at most half. */
export const REQUESTS_UNDER_WAY = 32;

/** The same of snapshots, each of which may be 32 MiB. */
export const SNAPSHOTS_UNDER_WAY = 2;

/** How long a request waits, unread, until its team has room for it, and then `Retry-After`, in seconds. */
export const LINE_PATIENCE_MS = 5_000;
export const LINE_RETRY_SECONDS = 5;

/** Elements of a batch that are judged in one turn: two milliseconds or so. */
export const JUDGED_AT_ONCE = 100;

/** What is still read of a refused request, so that the sender sees the answer and not a reset. */
export const DRAIN_BYTES = 8 * 1_048_576;
export const DRAIN_MS = 2_000;

/** UTF-8 bytes of a refusal's text, and length of an event id that is echoed although it is not one. */
export const MAX_ERROR_BYTES = 500;
export const MAX_ECHOED_ID_CHARS = 64;

/** Rows of one page of the read side. */
export const PAGE_DEFAULT = 100;
export const PAGE_MAX = 1_000;

/** Seconds in `Retry-After` when the store cannot write now. */
export const RETRY_AFTER_SECONDS = 5;

/** The same when a team has no room left: somebody has to act first. */
export const QUOTA_RETRY_SECONDS = 300;

/** Requests a second of one token, login or address from elsewhere, unless the operator says otherwise. */
export const REQUESTS_PER_SECOND = 200;

/** Seconds' worth of requests that may come at once, and how many tokens' worth a team has. */
export const BURST_SECONDS = 10;
export const TEAM_SHARES = 4;

/** How many addresses, tokens and teams are kept count of at one time; who was silent for longest goes. */
export const MAX_BUCKETS = 10_000;

/** How often the audit notes that one actor is refused at one route. */
export const REFUSALS_EVERY_MS = 60_000;

/** How often a token's last use is written down. */
export const TOKEN_USE_EVERY_MS = 60_000;

/** Slow and greedy clients (Node's `http.Server` options of the same names). A socket without a byte in it is cut. */
export const HEADERS_TIMEOUT_MS = 10_000;
export const REQUEST_TIMEOUT_MS = 30_000;
export const KEEP_ALIVE_MS = 15_000;
export const SOCKET_TIMEOUT_MS = 60_000;
export const MAX_CONNECTIONS = 256;
export const MAX_CONNECTIONS_PER_ADDRESS = 64;
export const MAX_REQUESTS_PER_CONNECTION = 1_000;
export const MAX_REQUESTS_AT_ONCE = 8;
export const MAX_HEADER_BYTES = 16_384;

/** From the end of a request's headers to the last byte of its answer. */
export const ANSWER_TIMEOUT_MS = 120_000;

/** How long a stop waits for requests that are under way. */
export const STOP_WITHIN_MS = 5_000;

/** Streams of events, and files of them, that are open at one time in a process: in all, of an address, of a team. */
export const STREAMS = { all: 64, address: 16, team: 24 };
export const EXPORTS = { all: 4, address: 2, team: 2 };

/** Seconds in `Retry-After` when all of them are taken. */
export const STREAM_RETRY_SECONDS = 10;

/** How streams wait, in milliseconds; see `StreamPatience`. */
export const STREAM_PATIENCE = { heartbeatMs: 15_000, pollMs: 1_000, slowMs: 30_000 };

/** Pages of events with their bytes that streams read at the same time. */
export const STREAM_READS_AT_WORK = 4;
