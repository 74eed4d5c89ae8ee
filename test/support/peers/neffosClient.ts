import * as neffos from 'neffos.js';
import { afterEach } from 'vitest';
import { describeMessage } from '../server/testServer.js';
import { Inbox } from './rawClient.js';

/** A handler of the client: synchronous, as it must be; what it returns goes back to the server. */
export type ClientHandler = (ns: neffos.NSConn, message: neffos.Message) => Error | undefined | void;
export type ClientNamespaces = Readonly<Record<string, Readonly<Record<string, ClientHandler>>>>;

/** An unmodified neffos.js client, and what its handlers were told. */
export interface NeffosClient {
  readonly conn: neffos.Conn;
  readonly log: Inbox<string>;
}

const bodyOf = ({ Body, Err }: neffos.Message): string | Uint8Array => {
  if (Err) return `! ${Err.message}`;
  const body: unknown = Body;
  return body instanceof ArrayBuffer ? new Uint8Array(body) : String(body ?? '');
};

/** The same line as the server's recorder writes. */
const lineOfClient = (message: neffos.Message): string =>
  describeMessage({
    namespace: message.Namespace,
    room: message.Room ?? '',
    event: message.Event,
    body: bodyOf(message),
    isForced: message.IsForced ?? false,
    isLocal: message.IsLocal ?? false,
  });

/** Clients of one test file; all are closed after each test. */
export const useNeffos = () => {
  const conns: neffos.Conn[] = [];

  afterEach(() => {
    for (const conn of conns.splice(0)) conn.close();
  });

  /** Dials; every event of `namespaces` is written down, with or without a handler of its own. */
  return async (url: string, namespaces: ClientNamespaces, options: object = {}): Promise<NeffosClient> => {
    const log = new Inbox<string>('neffos.js');
    const recorded = Object.entries(namespaces).map(([namespace, handlers]) => {
      const events = Object.keys({ ...handlers, [neffos.OnAnyEvent]: true }).map((event) => [
        event,
        (ns: neffos.NSConn, message: neffos.Message) => {
          log.push(lineOfClient(message));
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

/** The client sends this as a binary frame. Its types do not know of it. */
export const emitBinary = (ns: neffos.NSConn, event: string, body: Uint8Array): boolean =>
  (ns as neffos.NSConn & { emitBinary(event: string, body: Uint8Array): boolean }).emitBinary(event, body);
