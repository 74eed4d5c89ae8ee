import { describe, expect, test } from 'vitest';
import {
  CloseError,
  type Events,
  OnNativeMessage,
  reply,
  type ServerOptions,
  UpgradeRefused,
} from '../../src/index.js';
import { fromClient } from '../../src/protocol/session.js';
import { RawClient } from '../support/peers/rawClient.js';
import { dialTcp, frame, upgrade, useTcpClients } from '../support/peers/tcpClient.js';
import { useServers } from '../support/server/testServer.js';
import { fresh, hello, hint, pong, resume, welcome } from '../support/sessions/hinted.js';

const start = useServers();
useTcpClients();
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

  test('[SS11] a browser announces itself in the URL', async () => {
    const { urlFor } = await start({ namespaces: { chat } });
    const client = await RawClient.dial(`${urlFor('ann')}&X-Websocket-Header-X-Muster=hello`);
    client.send(hello());
    client.send('M');
    expect(await client.nextText()).toBe('Aann');
    expect(await client.nextText()).toBe(welcome());
    client.terminate();
  });

  test('[SS9] a refused token is told by H and a close frame', async () => {
    const { urlFor } = await start({
      namespaces: { chat },
      authenticate() {
        throw new CloseError(4401, 'expired');
      },
    });
    const client = await RawClient.dial(urlFor('ann'), hint);
    client.send(hello('old'));
    client.send('M');
    expect(await client.nextText()).toBe('Hexpired');
    expect(await client.closed).toEqual({ code: 4401, reason: 'expired' });
    await expect(RawClient.dial(urlFor('ann'))).rejects.toThrow('401');
  });

  test('[SS11] a close frame before the first frame is answered', async () => {
    const { url } = await start({ namespaces: { chat } });
    const client = await RawClient.dial(url, hint);
    expect(await client.close(1000)).toEqual({ code: 1000, reason: '' });
  });

  test('[SS11] a first message that is too big is counted', async () => {
    const { url, server } = await start({ namespaces: { chat } });
    const client = await RawClient.dial(url, hint);
    client.send('x'.repeat(70_000));
    expect((await client.closed).code).toBe(1009);
    expect(server.counters).toMatchObject({ refusedArrivals: 1, refusedUpgrades: 0 });
  });

  test('[SS11] an upgrade that is refused and no proper one either is refused once', async () => {
    const errors: unknown[] = [];
    const target = await start({
      namespaces: { chat },
      onUpgrade: () => new UpgradeRefused(401, 'please sign in'),
      onUpgradeError: (error) => void errors.push(error),
    });
    const client = dialTcp(target);
    client.socket.write(upgrade('/').toString().replace('Sec-WebSocket-Key', 'X-Muster: hello\r\nX-Key'));
    await client.waitFor('HTTP/1.1 400');
    expect(errors).toHaveLength(1);
    expect(target.server.counters).toMatchObject({ refusedUpgrades: 1 });
  });

  test('[SS11] [DR1] the server closes while clients are greeted and authenticated', async () => {
    const { url, server } = await start({ namespaces: { chat }, authenticate: () => new Promise(() => {}) });
    const silent = await RawClient.dial(url, hint);
    const waiting = await RawClient.dial(url, hint);
    waiting.send(hello());
    await waiting.ping();
    await server.close();
    expect((await silent.closed).code).toBe(1006);
    expect((await waiting.closed).code).toBe(1006);
  });
});

/** Everything that could change what a plain client is sent, if the session layer were looked for. */
const configured: Partial<ServerOptions> = {
  authenticate: ({ token }) => ({ user: { id: token }, expiresAt: new Date(Date.now() + 3_600_000) }),
  sameUser: () => true,
  urlHeaders: ['x-tenant'],
  debug: () => {},
  inspect: () => {},
  recorder: true,
};
/** What a plain client may send, and a session layer would take for its own. */
const script = [
  frame('$#m;;;hello;0;0;{"v":1,"caps":[]}'),
  frame('M'),
  frame('$1;chat;;_OnNamespaceConnect;0;0;'),
  frame('$2;chat;;echo;0;0;a;b'),
  frame(Buffer.from('$3;chat;;echo;0;0;b'), { opcode: 2 }),
  frame('$#m;;;ping;0;0;0'),
  frame('$#m;chat;;echo;0;0;x'),
  frame('#m;;;pong;0;0;0 0'),
  frame('$4;chat;r;_OnRoomJoin;0;0;'),
  frame('raw'),
  frame('M'),
  frame('$5;nowhere;;_OnNamespaceDisconnect;0;0;'),
];
const text = (payload: string): string => `\x81${String.fromCharCode(payload.length)}${payload}`;
const answers = [
  'Aann',
  '$#m;;;hello;1;0;bad namespace',
  '$1;;;;;;',
  '$2;chat;;echo;0;0;a;b',
  Buffer.from('$3;chat;;echo;0;0;b'),
  '$#m;;;ping;1;0;bad namespace',
  '$#m;chat;;echo;0;0;x',
  '$4;;;;;;',
  '$5;;;;;;',
].map((payload) =>
  typeof payload === 'string' ? text(payload) : `\x82${String.fromCharCode(payload.length)}${payload}`,
);

describe('a client without the hint', () => {
  test.each([
    ['a server with nothing else', {}],
    ['a server that authenticates', configured],
  ])('[SS11] is sent the same bytes by %s', async (_, options) => {
    const target = await start({ namespaces: { chat }, ...options });
    const client = dialTcp(target);
    client.socket.write(upgrade('/?id=ann'));
    await client.waitFor('\r\n\r\n');
    client.socket.write(Buffer.concat(script));
    await client.waitFor('$5;;;;;;');
    const [head, sent] = client.text().split('\r\n\r\n');
    expect(head).toBe(
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
    );
    expect(sent).toBe(answers.join(''));
    expect(target.server.counters).toMatchObject({ hellos: 0, ignoredSession: 0, invalidFrames: 2, strayAnswers: 1 });
  });

  test('[SS12] in native-only mode sends nothing but native messages', async () => {
    const received: unknown[] = [];
    const { url } = await start({ events: { [OnNativeMessage]: (_, { body }) => void received.push(body) } });
    const client = await RawClient.dial(url);
    for (const message of [hello(), 'M', fromClient('ping', '0')]) client.send(message);
    await client.ping();
    await expect.poll(() => received).toEqual([hello(), 'M', fromClient('ping', '0')]);
    client.terminate();
  });
});
