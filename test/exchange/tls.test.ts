import { expect, test } from 'vitest';
import { freePort } from '../../bench/daemon.js';
import type { StackExchange } from '../../src/exchange/exchange.js';
import { natsExchange } from '../../src/exchange/nats.js';
import { redisExchange } from '../../src/exchange/redis.js';
import { ReceiveQueue } from '../support/async/receiveQueue.js';
import { natsServer, redisServer, startNats, startRedis } from '../support/peers/brokers.js';
import { certify, openssl } from '../support/peers/certificate.js';
import { describeWith, type Peer } from '../support/peers/installed.js';

/** Both are needed. */
const and = (one: Peer, other: Peer): Peer => (one.path === undefined ? one : other);

/** What is published comes, over one uplink. */
const echoes = async (exchange: StackExchange): Promise<string> => {
  const received = new ReceiveQueue<string>('broker');
  const uplink = await exchange.connect({
    received: (_, payload) => received.push(Buffer.from(payload).toString()),
    lost: (error) => received.end(String(error)),
  });
  await uplink.subscribe(['c']);
  await uplink.publish('c', Buffer.from('by TLS'));
  const echo = await received.next();
  uplink.close();
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
