import { describe, expect, test } from 'vitest';
import { connectionConfig, connectionSetup, OnNativeMessage, type ServerOptions } from '../../../src/index.js';
import { FollowedConnection } from '../../../src/inspector/followed.js';
import { fromClient } from '../../../src/protocol/session.js';
import { fresh, hello, hint, pong, resume, welcome } from '../../support/sessions/hinted.js';
import { HintedServer } from '../../support/sessions/hintedServer.js';

const ping = fromClient('ping', '0');

const open = async (options: Partial<ServerOptions> = {}, opening = hello()) => {
  const host = new HintedServer(options);
  const client = await host.dial();
  await host.send(client, opening, 'M', '$1;n;;_OnNamespaceConnect;0;0;');
  client.socket.sent.length = 0;
  const [conn] = host.server.connections();
  if (!conn) throw new Error('there is no connection');
  return { host, client, conn, socket: client.socket };
};

describe('frames of the session layer on an open line', () => {
  test('[SS13] a resume is answered by fresh in the write of A', async () => {
    const host = new HintedServer();
    const client = await host.dial({ 'X-Muster': 'resume' });
    await host.send(client, resume(), 'M');
    expect(client.socket.lines).toEqual(['t Aid1', `t ${fresh}`]);
    expect(client.socket.writes).toBe(1);
    expect(host.server.counters).toMatchObject({ resumes: 1, hellos: 0 });
  });

  test('[SS13] what onConnect begins comes behind welcome', async () => {
    const host = new HintedServer({ onConnect: (conn) => void conn.connect('n').catch(() => {}) });
    const client = await host.dial();
    await host.send(client, hello(), 'M');
    expect(client.socket.lines.map((line) => line.replace(/^t [^;]+(?=;n;)/, 't W'))).toEqual([
      't Aid1',
      `t ${welcome()}`,
      't W;n;;_OnNamespaceConnect;0;0;',
    ]);
  });

  test('[SS14] a ping is answered in its turn, behind what was broadcast before', async () => {
    const { host, client, socket } = await open();
    host.server.broadcast(null, { namespace: 'n', event: 'said', body: 'hi' });
    await host.send(client, ping);
    expect(socket.lines).toEqual(['t ;n;;said;0;0;hi', `t ${pong}`]);
  });

  test('[SS12] they are no messages: no handler, no chart and no counter of data sees them', async () => {
    const seen: unknown[] = [];
    const any = (_: unknown, { event }: { readonly event: string }): void => void seen.push(event);
    const { host, client, conn } = await open({ namespaces: { n: {} }, events: { _OnAnyEvent: any } });
    await host.send(client, '$0;;;_OnNamespaceConnect;0;0;');
    seen.length = 0;
    const before = host.server.metrics();
    await host.send(client, ping, fromClient('ack', '0 0'), fromClient('auth', 'secret'), '$#m;;;later;0;0;x', '$#m;x');
    const after = host.server.metrics();
    expect(seen).toEqual([]);
    expect([after.received, after.sent]).toEqual([before.received, before.sent]);
    expect(after.counters).toMatchObject({ invalidFrames: 0, ignoredEvents: 0, unhandledEvents: 0, ignoredSession: 2 });
    expect(conn.isClosed).toBe(false);
  });

  test('[SS12] a binary frame that begins so is data', async () => {
    const { host, client, socket } = await open();
    await host.send(client, Buffer.from(ping));
    expect(socket.lines).toEqual(['t $#m;;;ping;1;0;bad namespace']);
    expect(host.server.counters).toMatchObject({ ignoredSession: 0 });
  });

  test('[SS12] they are the same where native messages are handled beside events', async () => {
    const received: unknown[] = [];
    const native = (_: unknown, { body }: { readonly body: unknown }): void => void received.push(body);
    const { host, client, socket } = await open({ events: { [OnNativeMessage]: native, other: () => {} } });
    await host.send(client, '$2;;;_OnNamespaceConnect;0;0;', ping, '$#m;x', 'raw');
    expect(received).toEqual(['raw']);
    expect(socket.lines).toEqual(['t $2;;;;;;', `t ${pong}`]);
  });

  test('[SS12] no more than 64 in a tick are answered', async () => {
    const { host, client, socket } = await open({ limits: { framesPerTick: 4 } });
    socket.receive(...Array.from({ length: 10 }, () => ping));
    expect(socket.lines).toHaveLength(4);
    await host.settle();
    await host.send(client, ping);
    expect(socket.lines).toHaveLength(5);
    expect(host.server.counters).toMatchObject({ ignoredSession: 6 });
  });

  test('[BC15] [BP1] a client is congested as soon as what waited has filled its socket', async () => {
    const { host, conn, socket } = await open();
    socket.fill(65_537);
    expect([conn.pressure, host.server.metrics().counters.congestions]).toEqual([65_537, 1]);
    socket.drain();
    expect(host.server.metrics().connections).toMatchObject({ congested: 0 });
  });

  test('[SS14] a congested client gets one pong, when its socket drains', async () => {
    const { host, client, socket } = await open({ limits: { highWaterMark: 65_536 } });
    socket.stall();
    host.server.broadcast(null, { namespace: 'n', event: 'big', body: 'x'.repeat(70_000) });
    await host.settle();
    await host.send(client, ping, ping, ping);
    expect(socket.writes).toBe(1);
    socket.drain();
    await host.settle();
    expect(socket.lines.slice(1)).toEqual([`t ${pong}`]);
    socket.drain();
    expect(socket.lines.slice(1)).toEqual([`t ${pong}`]);
  });

  test('[SS12] nothing is answered once the connection is closed', async () => {
    const { host, client, conn, socket } = await open();
    conn.close();
    await host.send(client, ping, hello());
    expect(socket.lines).toEqual(['close 1000 ']);
    expect(host.server.counters).toMatchObject({ lateWrites: 0, badHellos: 0 });
  });

  test('[SS12] [SV11] a chart that takes deliveries itself does not see them', async () => {
    const delivered: string[] = [];
    const { open: usual } = connectionConfig.states;
    const connection = connectionSetup
      .createMachine({
        ...connectionConfig,
        states: {
          ...connectionConfig.states,
          open: { ...usual, on: { ...usual.on, DELIVER: { actions: 'deliver' } } },
        },
      })
      .provide({
        actions: {
          deliver: ({ event }) => {
            if (event.type === 'DELIVER') delivered.push(Buffer.from(event.bytes).toString());
          },
        },
      });
    const { host, client, socket } = await open({ machines: { connection } });
    delivered.length = 0;
    await host.send(client, ping);
    expect([delivered, socket.lines]).toEqual([[], [`t ${pong}`]]);
  });
});

describe('where they show', () => {
  const secret = 'tell-nobody';

  test('[SS17] [SV12] debug logs them by their verbs', async () => {
    const notes: string[] = [];
    const { host, client } = await open(
      {
        debug: ({ connection, direction, what }) => void notes.push(`${connection} ${direction} ${what}`),
        authenticate: () => 'ann',
      },
      hello(secret),
    );
    await host.send(client, ping, fromClient('auth', secret), `$#m;;;odd\u0007;0;0;${secret}`, Buffer.from(ping));
    expect(notes).toEqual([
      'id1 in session "hello"',
      'id1 in handshake M',
      'id1 in "_OnNamespaceConnect" in "n" (client asks)',
      'id1 out handshake A',
      'id1 out session "welcome"',
      'id1 out answer (client asks)',
      'id1 in session "ping"',
      'id1 out session "pong"',
      'id1 in session "auth"',
      'id1 in session "odd\\u0007"',
      'id1 in "ping" in "" (client asks)',
      'id1 out "ping" in "" error (client asks)',
      'id1 out session "authed"',
    ]);
  });

  test('[SS17] [SV12] debug logs a refused client too, without an id', async () => {
    const notes: string[] = [];
    const host = new HintedServer({
      debug: ({ connection, direction, what }) => void notes.push(`"${connection}" ${direction} ${what}`),
      authenticate: () => Promise.reject(new Error('no')),
    });
    await host.send(await host.dial(), hello(secret), 'M');
    expect(notes).toEqual(['"" in session "hello"', '"" in handshake M', '"" out handshake H', '"" out 1008']);
  });

  test('[SS17] observers are shown direction and verb, and never a token', async () => {
    const events: object[] = [];
    const { host, client } = await open(
      {
        inspect: (inspected) => {
          if (inspected.type === '@xstate.event') events.push(inspected.event);
        },
        authenticate: () => 'ann',
      },
      hello(secret),
    );
    await host.send(client, ping, fromClient('auth', secret), `$#m;;;${secret};0;0;`);
    expect(events.filter((event) => 'type' in event && event.type === 'SESSION')).toEqual(
      [
        ['in', 'hello'],
        ['out', 'welcome'],
        ['in', 'ping'],
        ['out', 'pong'],
        ['in', 'auth'],
        ['in', 'unknown'],
        ['out', 'authed'],
      ].map(([direction, verb]) => ({ type: 'SESSION', direction, verb })),
    );
    expect(JSON.stringify(events)).not.toContain(secret);
  });

  test('[SS17] [IN14] a page that follows the connection shows the last verbs', async () => {
    const { host, client, conn } = await open();
    const followed = new FollowedConnection(conn, host.server.watching, () => 0);
    await host.send(client, ping, fromClient('auth', secret), '$1;n;;nothing;0;0;');
    expect(followed.view().session).toEqual({ frames: 4, last: ['in ping', 'out pong', 'in auth', 'out authed'] });
    for (let more = 0; more < 6; more++) await host.send(client, ping);
    const { session, counts } = followed.view();
    expect([session.frames, session.last.length, session.last.at(-1)]).toEqual([16, 12, 'out pong']);
    expect(counts).toMatchObject({ framesIn: 1, framesOut: 0 });
    followed.end();
  });

  test('[SS17] the metrics tell how many connections are aware', async () => {
    const { host, client } = await open();
    const plain = await host.dial({});
    await host.send(plain, 'M');
    const late = await host.dial(hint);
    await host.send(late, 'M');
    expect(host.server.totalConnections).toBe(3);
    expect(host.server.metrics().aware).toBe(1);
    expect(host.server.metricsText()).toContain('muster_aware_connections 1\n');
    client.socket.disconnect();
    await host.settle();
    expect(host.server.metrics().aware).toBe(0);
  });
});
