import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { afterEach } from 'vitest';
import {
  type Conn,
  type DisconnectReason,
  type Events,
  isSystemEvent,
  type Message,
  OnAnyEvent,
  OnNamespaceConnect,
  OnNamespaceConnected,
  OnNamespaceDisconnect,
  OnRoomJoin,
  OnRoomJoined,
  OnRoomLeave,
  OnRoomLeft,
  Server,
  type ServerOptions,
  type Where,
} from '../../../src/index.js';
import { Inbox, RawClient } from '../peers/rawClient.js';

/** A server on a free port of the loopback. */
export interface TestServer {
  readonly server: Server;
  readonly url: string;
  /** What `onError` was told. */
  readonly errors: { readonly error: unknown; readonly where: Where }[];
  /** Told of every connection that has ended. */
  readonly departures: Inbox<{ readonly id: string; readonly reason: DisconnectReason }>;
  /** A raw client; `id` asks for that connection id. */
  dial(id?: string): Promise<RawClient>;
  /** The address that gives a client this id. */
  urlFor(id: string): string;
  /** The only connection with this id. */
  connection(id: string): Conn;
}

/** The id is what the client's URL asks for, so that tests can name it and share it. */
const idFromUrl = (request: IncomingMessage): string =>
  new URL(request.url ?? '/', 'http://loopback').searchParams.get('id') ?? randomUUID();

/** Servers of one test file; whatever a test has started is closed after it. */
export const useServers = () => {
  const servers: Server[] = [];
  const clients: RawClient[] = [];

  afterEach(async () => {
    for (const client of clients.splice(0)) client.terminate();
    await Promise.all(servers.splice(0).map((server) => server.close({ timeout: 1_000 })));
  });

  return async (options: ServerOptions, onPort = 0): Promise<TestServer> => {
    const errors: TestServer['errors'] = [];
    const departures: TestServer['departures'] = new Inbox('departures');
    const server = new Server({
      idGenerator: idFromUrl,
      onError: (error, where) => errors.push({ error, where }),
      ...options,
      async onDisconnect(conn, reason) {
        await options.onDisconnect?.(conn, reason);
        departures.push({ id: conn.id, reason });
      },
    });
    servers.push(server);
    const { port } = await server.listen(onPort);
    const url = `ws://127.0.0.1:${port}/`;
    const urlFor = (id: string): string => `${url}?id=${encodeURIComponent(id)}`;
    return {
      server,
      url,
      errors,
      departures,
      urlFor,
      async dial(id) {
        const client = await RawClient.dial(id === undefined ? url : urlFor(id));
        clients.push(client);
        return client;
      },
      connection(id) {
        const [conn, ...others] = server.connections().filter((one) => one.id === id);
        if (!conn || others.length > 0) throw new Error(`one connection "${id}" was due, there are ${others.length}`);
        return conn;
      },
    };
  };
};

/** What a handler was told, in one line: event, place, flags, and the body of an event that is none of the lifecycle. */
export const lineOf = (message: Pick<Message, 'namespace' | 'room' | 'event' | 'body' | 'isForced' | 'isLocal'>) => {
  const { namespace, room, event, body, isForced, isLocal } = message;
  const flags = `${isForced ? ' forced' : ''}${isLocal ? ' local' : ''}`;
  const said = isSystemEvent(event)
    ? ''
    : `: ${typeof body === 'string' ? body : `<${Buffer.from(body).toString('hex')}>`}`;
  return `${event.replace(/^_/, '')} ${namespace}${room && `/${room}`}${flags}${said}`;
};

/** Handlers that write every event down, and then do what `handlers` has for it. */
export const recording = (log: Inbox<string>, handlers: Events = {}): Events => {
  const lifecycle = [
    OnNamespaceConnect,
    OnNamespaceConnected,
    OnNamespaceDisconnect,
    OnRoomJoin,
    OnRoomJoined,
    OnRoomLeave,
    OnRoomLeft,
  ];
  const events = new Set([...lifecycle, ...Object.keys(handlers), OnAnyEvent]);
  return Object.fromEntries(
    [...events].map((event) => [
      event,
      (ns, message) => {
        log.push(lineOf(message));
        return handlers[event]?.(ns, message);
      },
    ]),
  );
};
