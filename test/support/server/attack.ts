import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'vitest';
import { type Events, type Limits, type NSConn, reply, type ServerOptions } from '../../../src/index.js';
import type { RawClient } from '../peers/rawClient.js';
import { useTcpClients } from '../peers/tcpClient.js';
import { type TestServer, useServers } from './testServer.js';

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

/** Returns the bytes of heap in use after a collection. */
export const heapUsed = async (): Promise<number> => {
  for (let times = 0; times < 3; times++) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
  return process.memoryUsage().heapUsed;
};

/** A server under attack, with one healthy client that the attack must not affect. */
export interface Attack {
  readonly target: TestServer;
  /** Handlers that have run since the healthy client joined, as `<id> <event>`. */
  readonly handled: string[];
  readonly healthy: RawClient;
  /** Connects an attacking client. */
  attacker(id?: string): Promise<RawClient>;
}

export interface AttackOptions extends Omit<ServerOptions, 'namespaces' | 'limits'> {
  readonly limits?: Partial<Limits>;
  readonly handlers?: Events;
}

/** Returns a function that runs an attack and then checks the healthy client and what is left. */
export const useAttacks = () => {
  const start = useServers();
  useTcpClients();

  return async (options: AttackOptions, attack: (attack: Attack) => Promise<void>): Promise<void> => {
    const { handlers = {}, limits = {}, ...rest } = options;
    const handled: string[] = [];
    const recorded = Object.fromEntries(
      Object.entries(handlers).map(([event, handler]) => [
        event,
        (ns: NSConn, message: Parameters<typeof handler>[1]) => {
          handled.push(`${ns.conn.id} ${event}`);
          return handler(ns, message);
        },
      ]),
    );
    const testServer = await start({
      fireDisconnectAlways: true,
      ...rest,
      limits,
      namespaces: { default: { ping: () => reply('pong'), ...recorded } },
    });
    const healthy = await (await testServer.dial('healthy')).inDefault();
    await healthy.join('default', 'lobby');
    handled.length = 0;

    // The server broadcasts to the healthy client throughout the attack.
    let news = 0;
    const received: string[] = [];
    const broadcastNews = (): void => {
      testServer.server.broadcast(null, { namespace: 'default', room: 'lobby', event: 'news', body: String(++news) });
    };
    const timer = setInterval(broadcastNews, 5);
    try {
      await attack({ target: testServer, handled, healthy, attacker: (id = 'attacker') => testServer.dial(id) });
    } finally {
      clearInterval(timer);
    }
    broadcastNews();
    healthy.send('$healthy;default;;ping;0;0;');
    while (received.at(-1) !== '$healthy;default;;ping;0;0;pong') received.push(await healthy.nextText());
    const expected = Array.from({ length: news }, (_, at) => `;default;lobby;news;0;0;${at + 1}`);
    expect(received.filter((line) => line.includes(';news;'))).toEqual(expected);

    // The attackers have left nothing behind.
    for (const conn of testServer.server.connections()) if (conn.id !== 'healthy') conn.close();
    await expect.poll(() => testServer.server.totalConnections, { timeout: 10_000 }).toBe(1);
    expect(testServer.server.roomNames('default')).toEqual(['lobby']);
    expect(testServer.server.members('default', '').map(({ conn }) => conn.id)).toEqual(['healthy']);
  };
};
