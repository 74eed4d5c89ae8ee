import * as neffos from 'neffos.js';
import { expect, it } from 'vitest';
import { AskTimeout, isSystemEvent, type Message, type NSConn, OnAnyEvent, reply } from '../../src/index.js';
import { useNeffos } from '../support/peers/neffosClient.js';
import { useServers } from '../support/server/testServer.js';

const start = useServers();
const dial = useNeffos();

it('[NS1] #5 the client does not ask for what it does not declare', async () => {
  const testServer = await start({ namespaces: { default: {}, only_on_server: {} } });
  const { conn } = await dial(testServer.url, { default: {} });
  await expect(conn.connect('only_on_server')).rejects.toBeDefined();
  await conn.connect('default');
  expect(testServer.server.connectionsByNamespace('only_on_server')).toEqual([]);
});

it('[AK8] #9 a handler of any event answers emits and asks', async () => {
  const anything = (_: NSConn, { event, body }: Message) => (isSystemEvent(event) ? undefined : reply(body));
  const testServer = await start({ namespaces: { default: { [OnAnyEvent]: anything } } });
  const { conn, log } = await dial(testServer.url, { default: { an_event: () => {} } });
  const ns = await conn.connect('default');
  log.rest();
  ns.emit('an_event', 'a_body');
  expect(await log.next()).toBe('an_event default: a_body');
  expect((await ns.ask('an_event', 'again')).Body).toBe('again');
});

it('[AK4] #30 an empty reply is never sent by this client: the ask ends by its timeout', async () => {
  const testServer = await start({ namespaces: { default: {} } });
  const { conn } = await dial(testServer.urlFor('joe'), { default: { q: () => neffos.reply('') } });
  await conn.connect('default');
  const asked = testServer.connection('joe').namespace('default')?.ask('q', '', { timeout: 50 });
  await expect(asked).rejects.toBeInstanceOf(AskTimeout);
});
