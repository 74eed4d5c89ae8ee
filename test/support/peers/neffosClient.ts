import * as neffos from 'neffos.js';
import { afterEach } from 'vitest';
import { ReceiveQueue } from '../async/receiveQueue.js';
import { describeMessage } from '../server/testServer.js';

/** A handler of the client. It must be synchronous; the server receives what it returns. */
export type ClientHandler = (ns: neffos.NSConn, message: neffos.Message) => Error | undefined | void;
export type ClientNamespaces = Readonly<Record<string, Readonly<Record<string, ClientHandler>>>>;

/** An unmodified neffos.js client, and the calls of its handlers. */
export interface NeffosClient {
  readonly conn: neffos.Conn;
  readonly log: ReceiveQueue<string>;
}

const bodyOf = ({ Body, Err }: neffos.Message): string | Uint8Array => {
  if (Err) return `! ${Err.message}`;
  const body: unknown = Body;
  return body instanceof ArrayBuffer ? new Uint8Array(body) : String(body ?? '');
};

/** Returns the same line as `recordEvents` on the server. */
const describeClientMessage = (message: neffos.Message): string =>
  describeMessage({
    namespace: message.Namespace,
    room: message.Room ?? '',
    event: message.Event,
    body: bodyOf(message),
    isForced: message.IsForced ?? false,
    isLocal: message.IsLocal ?? false,
  });

/** Starts clients; closes them after each test. */
export const useNeffos = () => {
  const conns: neffos.Conn[] = [];

  afterEach(() => {
    for (const conn of conns.splice(0)) conn.close();
  });

  /** Connects a client that records every event of `namespaces`, with or without a handler. */
  return async (url: string, namespaces: ClientNamespaces, options: object = {}): Promise<NeffosClient> => {
    const log = new ReceiveQueue<string>('neffos.js');
    const recorded = Object.entries(namespaces).map(([namespace, handlers]) => {
      const events = Object.keys({ ...handlers, [neffos.OnAnyEvent]: true }).map((event) => [
        event,
        (ns: neffos.NSConn, message: neffos.Message) => {
          log.push(describeClientMessage(message));
          return handlers[event]?.(ns, message);
        },
      ]);
      return [namespace, Object.fromEntries(events)];
    });
    // On Node this client needs one event per turn, as browsers give it.
    const nodeOptions = { allowSynchronousEvents: false, ...options };
    const conn = await neffos.dial(url, Object.fromEntries(recorded), nodeOptions);
    conns.push(conn);
    return { conn, log };
  };
};

/** Sends a binary frame. The client's types lack this method. */
export const emitBinary = (ns: neffos.NSConn, event: string, body: Uint8Array): boolean =>
  (ns as neffos.NSConn & { emitBinary(event: string, body: Uint8Array): boolean }).emitBinary(event, body);
