import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { freePort } from '../../bench/daemon.js';
import type { StackExchange } from '../../src/exchange/exchange.js';
import { natsExchange } from '../../src/exchange/nats.js';
import { redisExchange } from '../../src/exchange/redis.js';
import { ReceiveQueue } from '../support/async/receiveQueue.js';
import { natsServer, redisServer, startNats, startRedis } from '../support/peers/brokers.js';
import { describeWith, findProgram, type Peer } from '../support/peers/installed.js';

const openssl = findProgram('OpenSSL', 'OPENSSL', '/usr/bin/openssl');
/** Both are needed. */
const and = (one: Peer, other: Peer): Peer => (one.path === undefined ? one : other);

const folder = mkdtempSync(join(tmpdir(), 'muster-tls-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A certificate for the loopback that vouches for itself. */
const certify = () => {
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const subject = ['-subj', '/CN=loopback', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'];
  execFileSync(openssl.path ?? '', ['req', '-x509', ...kind, ...subject, '-keyout', key, '-out', cert], {
    stdio: 'ignore',
  });
  return { key, cert, ca: readFileSync(cert, 'utf8') };
};

/** What is published comes, over one session. */
const echoes = async (exchange: StackExchange): Promise<string> => {
  const received = new ReceiveQueue<string>('broker');
  const session = await exchange.connect({
    received: (_, payload) => received.push(Buffer.from(payload).toString()),
    lost: (error) => received.end(String(error)),
  });
  await session.subscribe(['c']);
  await session.publish('c', Buffer.from('by TLS'));
  const echo = await received.next();
  session.close();
  return echo;
};

const deaf = { received: () => {}, lost: () => {} };
const login = { user: 'app', password: 'hidden' };

describeWith(and(redisServer, openssl), 'Redis by TLS', () => {
  test('[EX1] [EX17] the URL enables it, and the options name the trusted CA', async () => {
    const { key, cert, ca } = certify();
    const port = await freePort();
    const secure = ['--tls-port', String(port), '--tls-cert-file', cert, '--tls-key-file', key];
    await startRedis(login, [...secure, '--tls-ca-cert-file', cert, '--tls-auth-clients', 'no']);
    const url = `rediss://app:hidden@127.0.0.1:${port}`;
    expect(await echoes(redisExchange({ url, channel: 'x', client: { socket: { ca } } }))).toBe('by TLS');
    await expect(redisExchange({ url, channel: 'x' }).connect(deaf)).rejects.toThrow(/^redis: .*self-signed/);
  });
});

describeWith(and(natsServer, openssl), 'NATS by TLS', () => {
  test('[EX1] [EX17] the URL enables it, and the options name the trusted CA', async () => {
    const { key, cert, ca } = certify();
    const { port } = await startNats(login, ['--tls', '--tlscert', cert, '--tlskey', key]);
    // This client looks for names only in a certificate.
    const servers = `tls://app:hidden@localhost:${port}`;
    expect(await echoes(natsExchange({ servers, client: { tls: { ca } } }))).toBe('by TLS');
    await expect(natsExchange({ servers }).connect(deaf)).rejects.toThrow(/^nats: /);
  });
});
