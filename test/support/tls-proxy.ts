import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import process from 'node:process';
import { onTestFinished } from 'vitest';
import { tempDir } from './temp-home.ts';

/**
 * A proxy with TLS before a receiver, as one is put there for other machines. Its certificate is its own, so who comes
 * must not ask for a better one. Null, said aloud, where no certificate can be made.
 */
export async function tlsProxy(receiver: string): Promise<string | null> {
  const certificate = selfSigned();
  if (certificate === null) {
    process.stdout.write('NOT CHECKED: openssl is absent, so no browser came over TLS\n');
    return null;
  }
  const { hostname, port } = new URL(receiver);
  const server = https.createServer(certificate, (incoming, outgoing) => {
    const headers = {
      ...incoming.headers,
      'x-forwarded-for': '203.0.113.7',
      'x-forwarded-proto': 'https',
    };
    const { method, url: at } = incoming;
    const onward = http.request({ hostname, port, method, path: at, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function selfSigned(): { readonly key: Buffer; readonly cert: Buffer } | null {
  const dir = tempDir();
  const [key, cert] = [path.join(dir, 'key.pem'), path.join(dir, 'cert.pem')];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  try {
    execFileSync('openssl', ['req', '-x509', ...curve, '-keyout', key, '-out', cert, ...subject], {
      stdio: 'pipe',
    });
  } catch (error) {
    if (error instanceof Error) return null;
    throw error;
  }
  return { key: readFileSync(key), cert: readFileSync(cert) };
}
