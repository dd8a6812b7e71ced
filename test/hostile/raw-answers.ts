import type { Socket } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';

/** One way to answer a batch with the one event `id`, in bytes on a socket. */
export interface RawAnswer {
  readonly name: string;
  readonly answer: (socket: Socket, id: string) => void;
  /** The code that stops the route, or the outcome of the event with its category. */
  readonly expected: string;
}

const MEBIBYTE = 1_048_576;

function positive(id: string): string {
  return JSON.stringify({ results: [{ event_id: id, status: 'success' }] });
}

/** A response that keeps to HTTP, whatever its body. */
function framed(status: string, body: string | Buffer, headers: readonly string[] = []): Buffer {
  const bytes = Buffer.from(body);
  const head = [`HTTP/1.1 ${status}`, `content-length: ${bytes.length}`, ...headers, '', ''];
  return Buffer.concat([Buffer.from(head.join('\r\n')), bytes]);
}

function ok(body: string | Buffer, headers: readonly string[] = []): Buffer {
  return framed('200 OK', body, headers);
}

/** A whole answer at once. */
function whole(name: string, expected: string, bytes: (id: string) => string | Buffer): RawAnswer {
  return { name, expected, answer: (socket, id) => socket.write(bytes(id)) };
}

/** An answer after which the connection is closed in order. */
function closed(name: string, expected: string, bytes: (id: string) => string | Buffer): RawAnswer {
  return { name, expected, answer: (socket, id) => socket.end(bytes(id)) };
}

/** Goes on writing the same bytes for as long as somebody reads. */
function endless(socket: Socket, head: string, bytes: Buffer): void {
  socket.write(head);
  const pour = (): void => {
    while (!socket.destroyed && socket.write(bytes));
  };
  socket.on('drain', pour);
  pour();
}

/** One byte every few milliseconds. */
function drip(socket: Socket, bytes: Buffer): void {
  let at = 0;
  const timer = setInterval(() => {
    if (socket.destroyed) clearInterval(timer);
    else socket.write(bytes.subarray(at, ++at));
  }, 20);
  socket.on('close', () => {
    clearInterval(timer);
  });
}

const BODIES: readonly RawAnswer[] = [
  whole('the truth', 'success', (id) => ok(positive(id))),
  whole('the truth as HTML', 'success', (id) => ok(positive(id), ['content-type: text/html'])),
  closed('the truth until the end', 'success', (id) => `HTTP/1.1 200 OK\r\n\r\n${positive(id)}`),
  whole('the truth in chunks', 'success', (id) => {
    const body = positive(id);
    return `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\nx: y\r\n\r\n`;
  }),
  whole('the truth after a hint', 'success', (id) =>
    Buffer.concat([
      Buffer.from('HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n'),
      ok(positive(id)),
    ]),
  ),
  whole('the truth with spaces', 'success', (id) => ok(` \r\n\t${positive(id)}\n\n`)),
  whole('HTML', 'no_results', () =>
    ok('<html><body>Sign in</body></html>', ['content-type: text/html']),
  ),
  whole('nothing', 'no_results', () => ok('')),
  whole('204', 'no_results', () => 'HTTP/1.1 204 No Content\r\n\r\n'),
  whole('null', 'no_results', () => ok('null')),
  whole('a list', 'no_results', (id) => ok(`[${positive(id)}]`)),
  whole('half of the truth', 'no_results', (id) => ok(positive(id).slice(0, -3))),
  whole('the truth in UTF-16', 'no_results', (id) => ok(Buffer.from(positive(id), 'utf16le'))),
  whole('no UTF-8', 'no_results', (id) =>
    ok(Buffer.from(`{"x":"\u00ff",${positive(id).slice(1)}`, 'latin1')),
  ),
  whole('a million brackets', 'no_results', () => ok('['.repeat(MEBIBYTE))),
  whole('a million results', 'transient missing_result', () =>
    ok(`{"results":[${'0,'.repeat(MEBIBYTE)}0]}`),
  ),
  whole('an answer to another batch', 'transient missing_result', () =>
    ok(positive('E-of-yesterday')),
  ),
  whole('the truth twice', 'success', (id) =>
    ok(JSON.stringify({ results: [1, 2].map(() => ({ event_id: id, status: 'stored' })) })),
  ),
  whole('truth and lie', 'transient conflicting_results', (id) =>
    ok(
      JSON.stringify({
        results: ['success', 'rejected'].map((status) => ({ event_id: id, status })),
      }),
    ),
  ),
];

const CODINGS: readonly RawAnswer[] = [
  whole('the truth, packed', 'no_results', (id) =>
    ok(gzipSync(positive(id)), ['content-encoding: gzip']),
  ),
  whole('the truth, packed twice', 'no_results', (id) =>
    ok(gzipSync(gzipSync(positive(id))), ['content-encoding: gzip, gzip']),
  ),
  whole('the truth, deflated', 'no_results', (id) =>
    ok(deflateSync(positive(id)), ['content-encoding: deflate']),
  ),
  whole('the truth, in brotli', 'no_results', (id) =>
    ok(brotliCompressSync(positive(id)), ['content-encoding: br']),
  ),
  whole('a packed bomb', 'no_results', () =>
    ok(gzipSync(Buffer.alloc(200 * MEBIBYTE), { level: 9 }), ['content-encoding: gzip']),
  ),
  whole('the truth, said to be packed', 'success', (id) =>
    ok(positive(id), ['content-encoding: gzip']),
  ),
];

const FRAMES: readonly RawAnswer[] = [
  closed(
    'less than announced',
    'reset',
    (id) => `HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n${positive(id)}`,
  ),
  whole(
    'less than announced, and silence',
    'timeout',
    (id) => `HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n${positive(id)}`,
  ),
  whole(
    'more than announced',
    'malformed',
    (id) => `HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n${positive(id)}`,
  ),
  whole(
    'a negative length',
    'malformed',
    (id) => `HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n${positive(id)}`,
  ),
  whole(
    'no number for a length',
    'malformed',
    (id) => `HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n${positive(id)}`,
  ),
  whole('two lengths', 'malformed', (id) => ok(positive(id), ['content-length: 5'])),
  whole('a length and chunks', 'malformed', (id) =>
    ok(positive(id), ['transfer-encoding: chunked']),
  ),
  whole(
    'no number for a chunk',
    'malformed',
    () => 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n',
  ),
  closed(
    'chunks without an end',
    'reset',
    (id) =>
      `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${positive(id).length.toString(16)}\r\n${positive(id)}\r\n`,
  ),
  whole('two answers', 'success', (id) => Buffer.concat([ok(positive(id)), framed('500 No', '')])),
  whole('two answers, the lie first', 'server_error', (id) =>
    Buffer.concat([framed('500 No', ''), ok(positive(id))]),
  ),
  whole(
    'another protocol',
    'malformed',
    () => 'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n',
  ),
  whole('an empty header name', 'malformed', (id) => ok(positive(id), [': x'])),
  whole('a header without a colon', 'malformed', (id) => ok(positive(id), ['no colon'])),
  whole('a header with a NUL', 'malformed', (id) => ok(positive(id), ['x: a\u0000b'])),
  whole(
    'bare line feeds',
    'malformed',
    (id) => `HTTP/1.1 200 OK\ncontent-length: 2\n\n${positive(id)}`,
  ),
  whole('a header of 100 KB', 'too_large', (id) => ok(positive(id), [`x: ${'y'.repeat(102_400)}`])),
  whole('ten thousand headers', 'too_large', (id) =>
    ok(
      positive(id),
      Array.from({ length: 10_000 }, (_, n) => `x${n}: y`),
    ),
  ),
  whole('a status of two digits', 'malformed', (id) => `HTTP/1.1 20 OK\r\n\r\n${positive(id)}`),
  whole('a status in letters', 'malformed', (id) => `HTTP/1.1 2OO OK\r\n\r\n${positive(id)}`),
  whole('a status of 999', 'server_error', (id) => framed('999 Far Out', positive(id))),
  whole('no HTTP at all', 'malformed', (id) => positive(id)),
  whole('another server', 'malformed', () => 'SSH-2.0-OpenSSH_9.2\r\n'),
  whole('HTTP/2', 'malformed', () => Buffer.from('000012040000000000', 'hex')),
  whole('a TLS alert', 'malformed', () => Buffer.from('15030300020228', 'hex')),
  whole('random bytes', 'malformed', () =>
    Buffer.from([...Array(512).keys()].map((n) => (n * 151 + 7) % 256)),
  ),
];

const ENDINGS: readonly RawAnswer[] = [
  { name: 'the end', expected: 'reset', answer: (socket) => socket.end() },
  { name: 'a reset', expected: 'reset', answer: (socket) => socket.resetAndDestroy() },
  {
    name: 'a reset within the answer',
    expected: 'reset',
    answer: (socket, id) =>
      socket.write(ok(positive(id)).subarray(0, -3), () => socket.resetAndDestroy()),
  },
  { name: 'silence', expected: 'timeout', answer: () => {} },
  whole('a head without an end', 'timeout', () => 'HTTP/1.1 200 OK\r\nx: y\r\n'),
  {
    name: 'a head byte by byte',
    expected: 'timeout',
    answer: (socket, id) => {
      drip(socket, ok(positive(id)));
    },
  },
  {
    name: 'a body byte by byte',
    expected: 'timeout',
    answer: (socket, id) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 64\r\n\r\n');
      drip(socket, Buffer.from(positive(id).padEnd(64)));
    },
  },
  {
    name: 'hints for ever',
    expected: 'timeout',
    answer: (socket) => {
      endless(socket, '', Buffer.from('HTTP/1.1 100 Continue\r\n\r\n'.repeat(100)));
    },
  },
  {
    name: 'a body without an end',
    expected: 'too_large',
    answer: (socket) => {
      endless(socket, 'HTTP/1.1 200 OK\r\n\r\n', Buffer.alloc(65_536, ' '));
    },
  },
  {
    name: 'chunks for ever',
    expected: 'too_large',
    answer: (socket) => {
      const chunk = `1000\r\n${' '.repeat(4096)}\r\n`;
      endless(socket, 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n', Buffer.from(chunk));
    },
  },
];

const ELSEWHERE: readonly RawAnswer[] = [301, 302, 303, 307, 308].map((status) =>
  whole(`a ${status}`, 'moved', (id) =>
    framed(`${status} There`, positive(id), ['location: http://127.0.0.1:1/']),
  ),
);

/** Everything a receiver, or what stands in its place, may send back. */
export const RAW_ANSWERS: readonly RawAnswer[] = [
  ...BODIES,
  ...CODINGS,
  ...FRAMES,
  ...ENDINGS,
  ...ELSEWHERE,
];
