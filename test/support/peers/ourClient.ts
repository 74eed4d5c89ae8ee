import { afterEach } from 'vitest';
import { WebSocket } from 'ws';
import {
  type Client,
  type DialOptions,
  dial,
  type Events,
  type Message,
  OnAnyEvent,
} from '../../../src/client/client.js';
import { ReceiveQueue } from '../async/receiveQueue.js';
import { describeMessage, lifecycleEvents } from '../server/testServer.js';

/** A client of ours, and the calls of its handlers. */
export interface OurClient {
  readonly client: Client;
  readonly log: ReceiveQueue<string>;
  /** The calls of `onError`. */
  readonly errors: unknown[];
}

/** Returns a message in the line that a handler of a server would record. */
const describeClientMessage = (message: Message): string =>
  describeMessage({ ...message, body: message.err ? `! ${message.err.message}` : message.body });

/** Returns handlers that record every event and then call the one in `handlers`. */
const recorded = (log: ReceiveQueue<string>, handlers: Events): Events => {
  const isNativeOnly = Object.keys(handlers).join() === '_OnNativeMessage';
  const events = isNativeOnly ? Object.keys(handlers) : [...lifecycleEvents, ...Object.keys(handlers), OnAnyEvent];
  return Object.fromEntries(
    events.map((event) => [
      event,
      (ns, message) => {
        log.push(describeClientMessage(message));
        return handlers[event]?.(ns, message);
      },
    ]),
  );
};

/** Starts clients of ours; closes them after each test. */
export const useOurClients = () => {
  const clients: Client[] = [];

  afterEach(() => Promise.all(clients.splice(0).map((client) => client.close())));

  /** Dials. The client records every event of `namespaces`, with or without a handler. */
  return (
    url: string,
    namespaces: Readonly<Record<string, Events>>,
    options: DialOptions = {},
    /** Whether the class is that of the parts, as in a browser. */
    isBrowser = false,
  ): OurClient => {
    const log = new ReceiveQueue<string>('our client');
    const errors: unknown[] = [];
    const client = dial(url, {
      ...(isBrowser ? {} : { WebSocket }),
      onError: (error) => errors.push(error),
      ...options,
      namespaces: Object.fromEntries(
        Object.entries(namespaces).map(([namespace, handlers]) => [namespace, recorded(log, handlers)]),
      ),
    });
    clients.push(client);
    return { client, log, errors };
  };
};
