import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'vitest';
import { type Events, type Limits, type NSConn, reply, type ServerOptions } from '../../../src/index.js';
import type { RawClient } from '../peers/rawClient.js';
import { usePlainLines } from '../peers/tcpClient.js';
import { type TestServer, useServers } from './testServer.js';

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

/** Bytes of heap that are really in use. */
export const heap = async (): Promise<number> => {
  for (let times = 0; times < 3; times++) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
  return process.memoryUsage().heapUsed;
};

/** A server under attack, and somebody on it whom that is no business of. */
export interface Siege {
  readonly house: TestServer;
  /** Handlers that have run for anybody but the healthy client. */
  readonly ran: string[];
  readonly well: RawClient;
  /** Names a client that wants to do harm. */
  attacker(id?: string): Promise<RawClient>;
}

export interface SiegeOptions extends Omit<ServerOptions, 'namespaces' | 'limits'> {
  readonly limits?: Partial<Limits>;
  readonly handlers?: Events;
}

/** Attacks of one test file. */
export const useSieges = () => {
  const start = useServers();
  usePlainLines();

  return async (options: SiegeOptions, attack: (siege: Siege) => Promise<void>): Promise<void> => {
    const { handlers = {}, limits = {}, ...rest } = options;
    const ran: string[] = [];
    const watched = Object.fromEntries(
      Object.entries(handlers).map(([event, handler]) => [
        event,
        (ns: NSConn, message: Parameters<typeof handler>[1]) => {
          ran.push(`${ns.conn.id} ${event}`);
          return handler(ns, message);
        },
      ]),
    );
    const house = await start({
      fireDisconnectAlways: true,
      ...rest,
      limits,
      namespaces: { default: { ping: () => reply('pong'), ...watched } },
    });
    const well = await (await house.dial('well')).inDefault();
    await well.join('default', 'lobby');
    ran.length = 0;

    // Something is going on for the healthy client as long as the attack lasts.
    let news = 0;
    const told: string[] = [];
    const tell = (): void => {
      house.server.broadcast(null, { namespace: 'default', room: 'lobby', event: 'news', body: String(++news) });
    };
    const clock = setInterval(tell, 5);
    try {
      await attack({ house, ran, well, attacker: (id = 'attacker') => house.dial(id) });
    } finally {
      clearInterval(clock);
    }
    tell();
    well.send('$well;default;;ping;0;0;');
    while (told.at(-1) !== '$well;default;;ping;0;0;pong') told.push(await well.nextText());
    const due = Array.from({ length: news }, (_, at) => `;default;lobby;news;0;0;${at + 1}`);
    expect(told.filter((line) => line.includes(';news;'))).toEqual(due);

    // Of whoever attacked nothing is left.
    for (const conn of house.server.connections()) if (conn.id !== 'well') conn.close();
    await expect.poll(() => house.server.totalConnections, { timeout: 10_000 }).toBe(1);
    expect(house.server.roomNames('default')).toEqual(['lobby']);
    expect(house.server.members('default', '').map(({ conn }) => conn.id)).toEqual(['well']);
  };
};
