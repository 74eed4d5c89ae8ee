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
import { ReceiveQueue } from '../async/receiveQueue.js';
import { RawClient } from '../peers/rawClient.js';

/** A server on a free port of the loopback. */
export interface TestServer {
  readonly server: Server;
  readonly url: string;
  /** The calls of `onError`. */
  readonly errors: { readonly error: unknown; readonly where: Where }[];
  /** The calls of `onDisconnect`. */
  readonly disconnects: ReceiveQueue<{ readonly id: string; readonly reason: DisconnectReason }>;
  /** Connects a raw client, with this connection id if it is given. */
  dial(id?: string): Promise<RawClient>;
  /** Returns the URL that gives a connection this id. */
  urlFor(id: string): string;
  /** Returns the only connection with this id. */
  connection(id: string): Conn;
}

/** Takes the id from the URL, so that tests can choose it and use it twice. */
const idFromUrl = (request: IncomingMessage): string =>
  new URL(request.url ?? '/', 'http://loopback').searchParams.get('id') ?? randomUUID();

/** Starts servers; closes those of a test after it. */
export const useServers = () => {
  const servers: Server[] = [];
  const clients: RawClient[] = [];

  afterEach(async () => {
    for (const client of clients.splice(0)) client.terminate();
    await Promise.all(servers.splice(0).map((server) => server.close({ timeout: 1_000 })));
  });

  return async (options: ServerOptions, onPort = 0): Promise<TestServer> => {
    const errors: TestServer['errors'] = [];
    const disconnects: TestServer['disconnects'] = new ReceiveQueue('onDisconnect');
    const server = new Server({
      idGenerator: idFromUrl,
      onError: (error, where) => errors.push({ error, where }),
      ...options,
      async onDisconnect(conn, reason) {
        await options.onDisconnect?.(conn, reason);
        disconnects.push({ id: conn.id, reason });
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
      disconnects,
      urlFor,
      async dial(id) {
        const client = await RawClient.dial(id === undefined ? url : urlFor(id));
        clients.push(client);
        return client;
      },
      connection(id) {
        const [conn, ...others] = server.connections().filter((one) => one.id === id);
        if (!conn || others.length > 0)
          throw new Error(`expected one connection "${id}", found ${others.length + (conn ? 1 : 0)}`);
        return conn;
      },
    };
  };
};

/** Returns a handler's message in one line: event, namespace and room, flags, and the body unless it is a lifecycle event. */
export const describeMessage = (
  message: Pick<Message, 'namespace' | 'room' | 'event' | 'body' | 'isForced' | 'isLocal'>,
) => {
  const { namespace, room, event, body, isForced, isLocal } = message;
  const flags = `${isForced ? ' forced' : ''}${isLocal ? ' local' : ''}`;
  const text = isSystemEvent(event)
    ? ''
    : `: ${typeof body === 'string' ? body : `<${Buffer.from(body).toString('hex')}>`}`;
  return `${event.replace(/^_/, '')} ${namespace}${room && `/${room}`}${flags}${text}`;
};

/** The seven lifecycle events. */
export const lifecycleEvents = [
  OnNamespaceConnect,
  OnNamespaceConnected,
  OnNamespaceDisconnect,
  OnRoomJoin,
  OnRoomJoined,
  OnRoomLeave,
  OnRoomLeft,
] as const;

/** Returns handlers that record every event and then call the one in `handlers`. */
export const recordEvents = (log: ReceiveQueue<string>, handlers: Events = {}): Events => {
  const events = new Set([...lifecycleEvents, ...Object.keys(handlers), OnAnyEvent]);
  return Object.fromEntries(
    [...events].map((event) => [
      event,
      (ns, message) => {
        log.push(describeMessage(message));
        return handlers[event]?.(ns, message);
      },
    ]),
  );
};
