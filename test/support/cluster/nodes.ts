import type { StackExchange } from '../../../src/exchange/exchange.js';
import type { ServerOptions } from '../../../src/index.js';
import type { RawClient } from '../peers/rawClient.js';
import { type TestServer, useServers } from '../server/testServer.js';

/** A test server on an exchange. */
export interface TestNode extends TestServer {
  /** Connects a client that is in the namespace `default`, and in these rooms of it. */
  enter(id: string, ...rooms: readonly string[]): Promise<RawClient>;
}

/** Starts servers on an exchange; closes them after each test. */
export const useNodes = () => {
  const listen = useServers();
  return async (exchange: StackExchange, options: ServerOptions = {}): Promise<TestNode> => {
    const node = await listen({ namespaces: { default: {} }, ...options });
    await node.server.useStackExchange(exchange);
    return {
      ...node,
      async enter(id, ...rooms) {
        const client = await (await node.dial(id)).inDefault();
        for (const room of rooms) await client.join('default', room);
        return client;
      },
    };
  };
};
