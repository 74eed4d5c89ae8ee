import {
  type Conn,
  ErrBadNamespace,
  type Events,
  type Handler,
  isSystemEvent,
  type NSConn,
  OnAnyEvent,
  type OutgoingMessage,
  type Reply,
  reply,
  type Server,
} from '../../src/index.js';
import { ReceiveQueue } from '../support/async/receiveQueue.js';
import { describeGoReply, type GoArguments, type GoPeer, useGo } from '../support/peers/goPeer.js';
import { describeMessage, recordEvents, useServers } from '../support/server/testServer.js';
import { type Acts, type Doing, nativeOnlyActs } from './script.js';

/** What a program on the server does: to one connection, or to all of the server. */
interface Deed extends Omit<Doing, 'op' | 'body'> {
  readonly op: Doing['op'] | 'broadcast' | 'serverAsk';
  readonly body?: string | Uint8Array;
  /** The only id that a broadcast or an ask of the server is for. */
  readonly to?: string;
  /** The id of the connection that a broadcast skips. */
  readonly except?: string;
}

/** A server, ours or Go's, that the same test is played to. */
export interface Side {
  readonly url: string;
  readonly log: ReceiveQueue<string>;
  /** Resolves when the log has all calls of its handlers. */
  received(): Promise<unknown>;
  /** Has its program do something to the connection of this id, and says what came of it. */
  does(id: string, deed: Deed): Promise<string>;
  /** How often the client with this id says that it has tried. */
  tries(id: string): Promise<unknown>;
  /** Ends the server at once, as a crash does. */
  kill(): Promise<unknown>;
}

const hasRoom = (what: string, room: string): string | undefined => {
  const [named, text] = what.split('=');
  return named === room ? text : undefined;
};

const enter = async (ns: NSConn, name: string): Promise<Reply> => {
  const room = await ns.joinRoom(name);
  room.emit('entered', name);
  return reply('in');
};

/** The handler that does here what the same words make the Go program do. */
const acting = (act: string): Handler => {
  const [verb = '', ...rest] = act.split(':');
  const text = rest.join(':');
  return (ns, message) => {
    const refusal = verb === 'refuse' ? hasRoom(text, message.room) : undefined;
    if (refusal !== undefined) throw new Error(refusal);
    if (verb === 'error') throw new Error(text);
    if (verb === 'reply') return reply(text || message.body);
    if (verb === 'any' && !isSystemEvent(message.event)) return reply(message.body);
    if (verb === 'join') return enter(ns, String(message.body));
    if (verb === 'empty') return reply();
    if (verb === 'broadcast') ns.conn.server.broadcast(null, message);
    if (verb === 'raw') ns.conn.write({ isNative: true, body: `re:${message.body}` });
    return undefined;
  };
};

/** The Go program records lifecycle events and its own, and has no other handler by default. */
const eventsOf = (log: ReceiveQueue<string>, acts: Readonly<Record<string, string>>, isNativeOnly: boolean): Events => {
  const own = Object.fromEntries(Object.entries(acts).map(([event, act]) => [event, acting(act)]));
  const takesLifecycle = !isNativeOnly && !(OnAnyEvent in acts);
  const isHere = (event: string): boolean => event in acts || (takesLifecycle && isSystemEvent(event));
  return Object.fromEntries(Object.entries(recordEvents(log, own)).filter(([event]) => isHere(event)));
};

const doHere = async (conn: Conn, { op, namespace = '', room = '', event = '', body = '' }: Deed): Promise<string> => {
  if (op === 'connect') {
    await conn.connect(namespace);
    return 'done';
  }
  const ns = conn.namespace(namespace);
  if (!ns) throw ErrBadNamespace;
  if (op === 'ask') return describeMessage(await ns.ask(event, body));
  if (op === 'emit') return String(room === '' ? ns.emit(event, body) : ns.room(room)?.emit(event, body));
  if (op === 'disconnect') await ns.disconnect();
  if (op === 'join') await ns.joinRoom(room);
  if (op === 'leave') await ns.room(room)?.leave();
  return 'done';
};

const doOnServer = async (server: Server, { op, except, ...rest }: Deed): Promise<string> => {
  const message: OutgoingMessage = { event: '', ...rest };
  if (op === 'serverAsk') return describeMessage(await server.ask(message));
  server.broadcast(server.connections().find(({ id }) => id === except) ?? null, message);
  return 'done';
};

/** Starts servers of both kinds; ends those of a test after it. */
export const useSides = () => {
  const start = useServers();
  const startGo = useGo();

  const startOurs = async (acts: Acts): Promise<Side> => {
    const log = new ReceiveQueue<string>('ours');
    const invitations = new ReceiveQueue<Promise<unknown>>('invitations');
    const namespaces = Object.fromEntries(
      Object.entries(acts).map(([name, events]) => [name, eventsOf(log, events, acts === nativeOnlyActs)]),
    );
    const testServer = await start({
      namespaces,
      urlHeaders: ['x-id'],
      idGenerator: ({ headers, url = '/' }) =>
        String(headers['x-id'] ?? new URL(url, 'http://loopback').searchParams.get('id')),
      onConnect(conn) {
        if (conn.id === 'refused') throw new Error('not allowed; sorry');
        if (conn.id !== 'invited') return;
        const invitation = conn.connect('default');
        invitation.catch(() => {});
        invitations.push(invitation);
      },
    });
    return {
      url: testServer.url,
      log,
      received: async () => {},
      async does(id, deed) {
        if (deed.op === 'broadcast' || deed.op === 'serverAsk') return doOnServer(testServer.server, deed);
        if (deed.op !== 'invited') return doHere(testServer.connection(id), deed);
        await await invitations.next();
        return 'done';
      },
      tries: async (id) => testServer.connection(id).reconnectTries,
      kill: () => testServer.server.close({ timeout: 1 }),
    };
  };

  const startTheirs = async (path: string, acts: Acts): Promise<Side> => {
    const go: GoPeer = startGo(path);
    const port = await go.do('serve', { handlers: acts });
    return {
      url: `ws://127.0.0.1:${port}/`,
      log: go.log,
      received: () => go.do('sync'),
      async does(id, { op, ...rest }) {
        const value = await go.do(op, { conn: id, ...rest } satisfies GoArguments);
        if (op === 'ask' || op === 'serverAsk') return describeGoReply(value);
        return op === 'emit' ? String(value) : 'done';
      },
      tries: (id) => go.do('tries', { conn: id }),
      kill: async () => go.end(),
    };
  };

  return { startOurs, startTheirs };
};
