import { once } from 'node:events';
import { describe, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { createMachine } from 'xstate';
import type { FrameNote } from '../../src/actors/transport/loggedSocket.js';
import { connectionConfig, connectionMachine, reply, type ServerOptions } from '../../src/index.js';
import { unframe } from '../../src/protocol/frame.js';
import { dialDeflating, dialDeflatingTcp, offer } from '../support/peers/deflating.js';
import { dialTcp, frame, upgrade, useTcpClients } from '../support/peers/tcpClient.js';
import { useServers } from '../support/server/testServer.js';

const start = useServers();
useTcpClients();
const open = (options: ServerOptions = {}) =>
  start({ namespaces: { default: { echo: (_, { body }) => reply(body) } }, compression: true, ...options });

const large = 'all of them hear this. '.repeat(200);
const said = (body: string): string => `;default;;said;0;0;${body}`;
const connect = '$c;default;;_OnNamespaceConnect;0;0;';

describe('what is agreed to', () => {
  const both = 'server_no_context_takeover; client_no_context_takeover';
  test.each([
    ['permessage-deflate', `permessage-deflate; ${both}`],
    ['permessage-deflate; client_max_window_bits', `permessage-deflate; ${both}`],
    ['permessage-deflate; client_max_window_bits=10', `permessage-deflate; client_max_window_bits=10; ${both}`],
    ['permessage-deflate; server_max_window_bits=15', `permessage-deflate; server_max_window_bits=15; ${both}`],
    ['permessage-deflate; server_no_context_takeover', `permessage-deflate; ${both}`],
    ['permessage-deflate; server_max_window_bits=10, permessage-deflate', `permessage-deflate; ${both}`],
    ['x-other; a="b", permessage-deflate', `permessage-deflate; ${both}`],
    ['permessage-deflate; server_max_window_bits=14', undefined],
    ['permessage-deflate; client_max_window_bits=7', undefined],
    ['permessage-deflate; client_max_window_bits=16', undefined],
    ['permessage-deflate; client_no_context_takeover=1', undefined],
    ['permessage-deflate; unknown', undefined],
    ['permessage-deflate; server_no_context_takeover; server_no_context_takeover', undefined],
    ['permessage-deflate;', undefined],
    ['permessage-deflate-frame', undefined],
    ['x-other', undefined],
    [';=,', undefined],
  ])('[CP1] of the offer %s: %s', async (offers, agreed) => {
    const requests: (string | undefined)[] = [];
    const testServer = await open({
      onConnect: ({ request }) => void requests.push(request.headers['sec-websocket-extensions']),
    });
    const client = dialTcp(testServer);
    client.socket.write(upgrade('/', `Sec-WebSocket-Extensions: ${offers}\r\n`));
    await client.waitFor('\r\n\r\n');
    expect(client.text()).toMatch(/^HTTP\/1\.1 101 /);
    const answer = /Sec-WebSocket-Extensions: (.*)\r/.exec(client.text())?.[1];
    expect(answer?.split('; ').sort()).toEqual(agreed?.split('; ').sort());
    await vi.waitFor(() => expect(requests).toEqual([offers]));
  });

  test.each([
    ['by default', {}],
    ['if it is off', { compression: false }],
  ])('[CP1] [HS16] nothing %s', async (_, options) => {
    const testServer = await start({ namespaces: { default: {} }, ...options });
    const client = dialTcp(testServer);
    client.socket.write(upgrade('/', offer));
    await client.waitFor('\r\n\r\n');
    expect(client.text()).not.toContain('Extensions');
  });

  test.each([
    [1, 'option "compression" takes true, false or { threshold?, level? }, got 1'],
    ['on', 'option "compression" takes true, false or { threshold?, level? }, got on'],
    [{ treshold: 1 }, 'option "treshold" is unknown (did you mean "threshold"?); known are threshold, level'],
    [{ threshold: -1 }, 'option "compression.threshold" takes a number of bytes from 0 to 131072, got -1'],
    [{ threshold: 131_073 }, 'option "compression.threshold" takes a number of bytes from 0 to 131072, got 131073'],
    [{ threshold: '1' }, 'option "compression.threshold" takes a number of bytes from 0 to 131072, got 1'],
    [{ level: 0 }, 'option "compression.level" takes a number from 1 to 9, got 0'],
    [{ level: 10 }, 'option "compression.level" takes a number from 1 to 9, got 10'],
    [{ level: 1.5 }, 'option "compression.level" takes a number from 1 to 9, got 1.5'],
  ])('[CP1] [LM2] %j is refused', async (compression, text) => {
    const options: object = { compression };
    await expect(open(options)).rejects.toThrow(text);
  });
});

describe('what clients receive', () => {
  test('[CP2] a broadcast is compressed for those that agreed, and for no other', async () => {
    const testServer = await open();
    const agreed = await dialDeflatingTcp(testServer);
    const plain = await testServer.dial('plain');
    await plain.inDefault();
    agreed.socket.write(frame(connect));
    await agreed.waitFor('$c;;;;;;');
    testServer.server.broadcast(null, { namespace: 'default', event: 'said', body: large });
    await agreed.waitFor('\xc1');
    expect(agreed.text()).not.toContain('all of them hear this. all');
    expect(await plain.next()).toBe(said(large));
  });

  test('[CP2] a client of ws reads it', async () => {
    const testServer = await open({ compression: { threshold: 100, level: 9 } });
    const client = await (await dialDeflating(testServer, 'a')).inDefault();
    for (const body of ['small', large, 'x'.repeat(90_000), 'é'.repeat(400)]) {
      testServer.server.broadcast(null, { namespace: 'default', event: 'said', body });
      expect(await client.next()).toBe(said(body));
    }
    testServer.server.broadcast(null, { namespace: 'default', event: 'said', body: Buffer.from(large) });
    expect(String(await client.next())).toBe(said(large));
    expect(testServer.server.metrics().compression.messages).toBe(4);
  });

  test('[CP2] emits, answers and what is small are never compressed', async () => {
    const testServer = await open();
    const agreed = await dialDeflatingTcp(testServer);
    agreed.socket.write(frame(connect));
    await agreed.waitFor('$c;;;;;;');
    agreed.socket.write(frame(`$1;default;;echo;0;0;${large}`));
    await agreed.waitFor(large);
    testServer.server.connections()[0]?.namespace('default')?.emit('said', `${large}!`);
    await agreed.waitFor(`${large}!`);
    testServer.server.broadcast(null, { namespace: 'default', event: 'said', body: 'small' });
    await agreed.waitFor(said('small'));
    expect(agreed.text()).not.toContain('\xc1');
    expect(testServer.server.metrics().compression).toEqual({ messages: 0, kept: 0, saved: 0 });
  });

  test('[CP2] a message is compressed once for all of them, and not at all if none has agreed', async () => {
    const testServer = await open();
    const { server } = testServer;
    const plain = await (await testServer.dial('plain')).inDefault();
    server.broadcast(null, { namespace: 'default', event: 'said', body: large });
    expect(await plain.next()).toBe(said(large));
    expect(server.metrics().compression.messages).toBe(0);
    const agreed = await Promise.all(
      Array.from({ length: 5 }, async (_, at) => (await dialDeflating(testServer, `${at}`)).inDefault()),
    );
    server.broadcast(null, { namespace: 'default', event: 'said', body: large });
    for (const client of [plain, ...agreed]) expect(await client.next()).toBe(said(large));
    expect(server.metrics().compression.messages).toBe(1);
    await Promise.all(agreed.map((client) => client.close()));
  });

  test('[CP2] the messages to one id, and asks of an audience, are published too', async () => {
    const testServer = await open();
    const { server } = testServer;
    const client = await (await dialDeflating(testServer, 'a')).inDefault();
    server.broadcast(null, { namespace: 'default', to: 'a', event: 'said', body: large });
    expect(await client.next()).toBe(said(large));
    const answer = server.ask({ namespace: 'default', event: 'vote', body: large });
    const asked = String(await client.next());
    client.send(`${asked.split(';')[0]};default;;vote;0;0;yes`);
    expect(await answer).toMatchObject({ body: 'yes' });
    expect(server.metrics().compression.messages).toBe(2);
  });
});

describe('what does not change', () => {
  test('[CP3] observers, and the log of debug, see plain frames', async () => {
    const notes: FrameNote[] = [];
    const delivered: string[] = [];
    const testServer = await open({
      debug: (note) => notes.push(note),
      inspect: (event) => {
        if (event.type !== '@xstate.event' || event.event.type !== 'DELIVER') return;
        for (const { payload } of unframe(event.event['bytes'])) delivered.push(String(payload));
      },
    });
    const client = await (await dialDeflating(testServer, 'a')).inDefault();
    testServer.server.broadcast(null, { namespace: 'default', event: 'said', body: large });
    expect(await client.next()).toBe(said(large));
    await vi.waitFor(() => expect(delivered).toContain(said(large)));
    expect(notes).toContainEqual({
      ...{ connection: 'a', direction: 'out', kind: 'text' },
      ...{ what: '"said" in "default"', bytes: said(large).length },
    });
    expect(testServer.server.metrics().compression.messages).toBe(1);
  });

  test('[CP3] [SV11] a chart that handles deliveries gets plain frames, and the client compressed ones', async () => {
    const taken: string[] = [];
    const { open: state } = connectionConfig.states;
    const machine = createMachine(
      {
        ...connectionConfig,
        states: {
          ...connectionConfig.states,
          open: { ...state, on: { ...state.on, DELIVER: { actions: ['note', 'deliver'] } } },
        },
        // One event and one action more than the type of the chart has.
      } as never,
      {
        ...connectionMachine.implementations,
        actions: {
          ...connectionMachine.implementations.actions,
          note: ({ event }: { readonly event: { readonly bytes: Uint8Array } }): void => {
            for (const { payload } of unframe(event.bytes)) taken.push(String(payload));
          },
        },
      } as never,
    );
    const machines: object = { connection: machine };
    const testServer = await open({ machines });
    const client = await (await dialDeflating(testServer, 'a')).inDefault();
    testServer.server.broadcast(null, { namespace: 'default', event: 'said', body: large });
    expect(await client.next()).toBe(said(large));
    expect(taken).toContain(said(large));
    expect(testServer.server.metrics().compression.messages).toBe(1);
  });

  test('[CP3] the metrics tell what was written, and what was saved', async () => {
    const testServer = await open();
    const { server } = testServer;
    const clients = await Promise.all(['a', 'b'].map(async (id) => (await dialDeflating(testServer, id)).inDefault()));
    const written = (): number =>
      server.connections().reduce((sum, conn) => sum + server.watching.usageOf(conn).traffic.sent, 0);
    const [before, wire] = [server.metrics(), written()];
    server.broadcast(null, { namespace: 'default', event: 'said', body: large });
    for (const client of clients) await client.next();
    const { sent, compression } = server.metrics();
    expect(sent.bytes - before.sent.bytes).toBe(written() - wire);
    expect(compression.saved).toBe(2 * (said(large).length + 4) - (written() - wire));
    expect(compression.saved).toBeGreaterThan(8_000);
    expect(server.metricsText()).toContain(`muster_compression_saved_bytes_total ${compression.saved}\n`);
    expect(server.metricsText()).toContain('muster_compressed_total{outcome="smaller"} 1\n');
  });
});

describe('what clients send', () => {
  test('[CP4] compressed and plain messages are handled in order', async () => {
    const heard: string[] = [];
    const testServer = await open({
      namespaces: {
        default: { say: (_, { body }) => void heard.push(String(body)), echo: (_, { body }) => reply(body) },
      },
    });
    const ws = new WebSocket(testServer.url);
    await once(ws, 'open');
    ws.send('M');
    ws.send(connect);
    const sent = Array.from({ length: 50 }, (_, at) => `${at} ${large.slice(0, (at * 977) % 4_000)}`);
    for (const [at, body] of sent.entries()) ws.send(`;default;;say;0;0;${body}`, { compress: at % 3 !== 0 });
    await expect.poll(() => heard).toEqual(sent);
    ws.terminate();
  });
});
