import { describe, expect, test } from 'vitest';
import { type Events, reply } from '../../src/index.js';
import { fromClient } from '../../src/protocol/session.js';
import { RawClient } from '../support/peers/rawClient.js';
import { useServers } from '../support/server/testServer.js';
import { fresh, hello, hint, pong, resume, welcome } from '../support/sessions/hinted.js';

const start = useServers();
const chat: Events = { echo: (_ns, { body }) => reply(body) };

describe('the session layer over a socket', () => {
  test('[SS13] a hello is answered by A and welcome, and a ping by a pong', async () => {
    const { urlFor, server } = await start({ namespaces: { chat } });
    const client = await RawClient.dial(urlFor('ann'), hint);
    client.send(hello());
    client.send('M');
    expect(await client.nextText()).toBe('Aann');
    expect(await client.nextText()).toBe(welcome());
    expect(await client.ask(fromClient('ping', '0'))).toBe(pong);
    await client.connect('chat');
    expect(await client.ask('$1;chat;;echo;0;0;hi')).toBe('$1;chat;;echo;0;0;hi');
    expect(server.counters).toMatchObject({ hellos: 1, ignoredSession: 0, framesIn: 2 });
    client.terminate();
  });

  test('[SS13] a resume is answered as of an unknown session', async () => {
    const { urlFor } = await start({ namespaces: { chat } });
    const client = await RawClient.dial(urlFor('ann'), { 'X-Muster': 'resume' });
    client.send(resume());
    client.send('M');
    expect(await client.nextText()).toBe('Aann');
    expect(await client.nextText()).toBe(fresh);
    client.terminate();
  });
});
