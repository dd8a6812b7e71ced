import { execFile, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import net from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { tempDir } from '../../test/support/temp-home.ts';
import { createHttp } from './http.ts';
import type { HttpReply } from './http-exchange.ts';

interface Certificate {
  readonly key: string;
  readonly cert: string;
  readonly file: string;
}

function certificate(name: string): Certificate {
  const dir = tempDir();
  const key = path.join(dir, 'key.pem');
  const cert = path.join(dir, 'cert.pem');
  const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  execFileSync('openssl', ['req', '-x509', ...curve, '-keyout', key, '-out', cert, ...subject], {
    stdio: 'pipe',
  });
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8'), file: cert };
}

async function serve({ key, cert }: Certificate): Promise<{ port: number; requests: string[] }> {
  const requests: string[] = [];
  const server = https.createServer({ key, cert }, (incoming, outgoing) => {
    requests.push(incoming.url ?? '');
    outgoing.end('secure');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as net.AddressInfo).port, requests };
}

async function get(url: string, env: Record<string, string> = {}): Promise<HttpReply> {
  const sender = createHttp(env);
  try {
    return await sender.send({
      method: 'GET',
      url,
      headers: { authorization: 'Bearer t' },
      body: null,
      deadlineMs: 5_000,
      maxResponseBytes: 1_000,
    });
  } finally {
    sender.close();
  }
}

afterEach(() => {
  vi.unstubAllEnvs();
});

function hasOpenssl(): boolean {
  try {
    return execFileSync('openssl', ['version'], { encoding: 'utf8' }) !== '';
  } catch (error) {
    if (error instanceof Error) return false;
    throw error;
  }
}

describe.runIf(hasOpenssl())('https', () => {
  it('refuses a certificate that nobody vouches for', async () => {
    const server = await serve(certificate('localhost'));
    const reply = await get(`https://localhost:${server.port}/`);
    expect(reply).toMatchObject({ kind: 'failure', reason: 'tls', bytesSent: 0 });
    expect(server.requests).toEqual([]);
  });

  it('refuses an environment that would accept any, before a byte leaves', async () => {
    const server = await serve(certificate('localhost'));
    const url = `https://localhost:${server.port}/`;
    await expect(get(url, { NODE_TLS_REJECT_UNAUTHORIZED: '0' })).rejects.toMatchObject({
      code: 'insecure_tls',
      remedy: 'unset NODE_TLS_REJECT_UNAUTHORIZED',
    });
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    expect(await get(url)).toMatchObject({ kind: 'failure', reason: 'tls' });
    expect(server.requests).toEqual([]);
  });

  it('speaks with a certificate that the machine trusts, and only under its name', async () => {
    const trusted = certificate('localhost');
    const server = await serve(trusted);
    const script = path.join(tempDir(), 'get.mts');
    const module = path.join(import.meta.dirname, 'http.ts');
    const base = {
      method: 'GET',
      headers: {},
      body: null,
      deadlineMs: 5_000,
      maxResponseBytes: 100,
    };
    writeFileSync(
      script,
      `import { createHttp } from ${JSON.stringify(module)};
       const sender = createHttp({});
       for (const host of ['localhost', '127.0.0.1']) {
         const url = 'https://' + host + ':${server.port}/' + host;
         const reply = await sender.send({ url, ...${JSON.stringify(base)} });
         process.stdout.write((reply.kind === 'response' ? String(reply.body) : reply.reason) + ' ');
       }
       sender.close();`,
    );
    vi.stubEnv('NODE_EXTRA_CA_CERTS', trusted.file);
    const words = ['--import', import.meta.resolve('tsx'), script];
    const { stdout } = await promisify(execFile)(process.execPath, words);
    expect(stdout.trim()).toBe('secure tls');
    expect(server.requests).toEqual(['/localhost']);
  });

  it('takes an answer without a handshake for a TLS failure, and a reset for a reset', async () => {
    const servers = [
      (socket: net.Socket): unknown => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'),
      (socket: net.Socket): unknown => socket.resetAndDestroy(),
    ].map((behave) =>
      net.createServer((socket) => {
        socket.on('error', () => {});
        socket.once('data', () => behave(socket));
      }),
    );
    const reasons: string[] = [];
    for (const server of servers) {
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as net.AddressInfo;
      const reply = await get(`https://127.0.0.1:${port}/`);
      reasons.push(reply.kind === 'failure' ? reply.reason : 'answered');
      server.close();
    }
    expect(reasons).toEqual(['tls', 'reset']);
  });
});
