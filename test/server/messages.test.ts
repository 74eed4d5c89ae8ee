import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { ask, contract, event, fromServer } from '../../src/contract/contract.js';
import { Server } from '../../src/index.js';
import { useServers } from '../support/server/testServer.js';

const start = useServers();

const app = contract({
  board: { edited: event(z.string()), tick: fromServer(z.void()), stats: ask(z.void(), z.number()) },
});

/** The messages of JavaScript, which no types check. */
type Loose = Readonly<Record<string, unknown>>;

/** A server, and a client of it in `n` and its room `r`. */
const enter = async () => {
  const testServer = await start({ namespaces: { n: {} } });
  const client = await testServer.dial('joe');
  await client.inNamespace('n');
  await client.join('n', 'r');
  const [ns] = testServer.server.connectionsByNamespace('n');
  const room = ns?.room('r');
  if (!ns || !room) throw new Error('the client is not in its room');
  return { ...testServer, client, ns, room };
};

describe('an unknown member of a message', () => {
  const misspelt = { namespace: 'n', event: 'said', body: 'secret', To: 'joe' };
  const calls: Readonly<Record<string, (at: Awaited<ReturnType<typeof enter>>, message: never) => unknown>> = {
    'server.broadcast': ({ server }, message) => server.broadcast(null, message),
    'server.broadcast, second': ({ server }, message) =>
      server.broadcast(null, { namespace: 'n', event: 'e' }, message),
    'server.ask': ({ server }, message) => server.ask(message),
    'ns.broadcast': ({ ns }, message) => ns.broadcast(message),
    'ns.broadcastOthers': ({ ns }, message) => ns.broadcastOthers(message),
    'room.broadcast': ({ room }, message) => room.broadcast(message),
    'room.broadcastOthers': ({ room }, message) => room.broadcastOthers(message),
    'conn.write': ({ ns }, message) => ns.conn.write(message),
    'conn.ask': ({ ns }, message) => ns.conn.ask(message),
    BROADCAST: ({ server }, message) =>
      server.supervisor.send({ type: 'BROADCAST', except: null, messages: [message] }),
  };
  test.each(Object.entries(calls))('[BC14] throws at once in %s, and nothing is sent', async (_, call) => {
    const at = await enter();
    // JavaScript has no types.
    const message = misspelt as never;
    expect(() => call(at, message)).toThrow('a message has no "To", got "joe": did you mean "to"?');
    expect(() => call(at, 5 as never)).toThrow('a message is an object');
    at.ns.emit('end');
    expect(await at.client.next()).toBe(';n;;end;0;0;');
  });

  test('[BC14] of a namespace with a contract is found too', async () => {
    const server = new Server({ contract: app });
    const send = (message: Loose) => () => server.broadcast(null, message as never);
    expect(send({ namespace: 'board', event: 'edited', data: 'x', To: 'joe' })).toThrow('did you mean "to"?');
    expect(send({ Namespace: 'board', event: 'edited', data: 'x' })).toThrow('did you mean "namespace"?');
    expect(send({ namespace: 'board', event: 'edited', dta: 'x' })).toThrow('did you mean "data"?');
    expect(send({ namespace: 'board', event: 'edited', data: 'x', to: 5 })).toThrow('"to" of a message takes a string');
    expect(send({ namespace: 'board', event: 'edited', data: 'x', to: 'joe' })).not.toThrow();
    expect(() => server.ask({ namespace: 'board', evnt: 'stats' } as never)).toThrow('did you mean "event"?');
  });

  test('[BC14] a BROADCAST without its messages throws', async () => {
    const { server } = await enter();
    const send = () => server.supervisor.send({ type: 'BROADCAST', except: null, message: misspelt });
    expect(send).toThrow('BROADCAST takes a list of messages, got undefined');
  });
});

describe('a message', () => {
  test('[BC14] for a room that has no members is fine', async () => {
    const { server } = await enter();
    expect(() => server.broadcast(null, { namespace: 'n', room: 'empty', event: 'e' })).not.toThrow();
  });

  test('[BC14] [BC9] that was received may be broadcast again, as it is or with a change', async () => {
    const testServer = await start({
      namespaces: {
        n: {
          say(ns, message) {
            ns.broadcast(message);
            ns.conn.server.broadcast(null, { ...message, to: 'joe' });
          },
        },
      },
    });
    const client = await testServer.dial('joe');
    await client.inNamespace('n');
    client.send(';n;;say;0;0;hi');
    expect([await client.next(), await client.next()]).toEqual([';n;;say;0;0;hi', ';n;;say;0;0;hi']);
    expect(testServer.errors).toEqual([]);
  });
});
