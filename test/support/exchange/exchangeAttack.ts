import type { StackExchange } from '../../../src/exchange/exchange.js';
import { reply } from '../../../src/index.js';
import { markToken } from '../../../src/protocol/token.js';
import { useNodes } from '../cluster/nodes.js';
import type { RawClient, RawFrame } from '../peers/rawClient.js';
import { type Member, noting, type Posted } from './hostilePayloads.js';

export const declared = ['default', 'chat', ''];
export const crew: readonly (Member & { readonly on: 'a' | 'b' })[] = (['a', 'b'] as const).flatMap((on) => [
  { on, id: `${on}-all`, namespaces: declared, rooms: ['default/r1', 'chat/r1'] },
  { on, id: `${on}-default`, namespaces: ['default'], rooms: [] },
  { on, id: `${on}-chat`, namespaces: ['chat'], rooms: ['chat/r2'] },
  { on, id: `${on}-none`, namespaces: [], rooms: [] },
]);
export const longWait = 600_000;
export const question = { namespace: 'default', event: 'q' };

/** What has come to a client that nobody has read; all that was sent to it before is among it. */
export const drained = async (client: RawClient): Promise<RawFrame[]> => {
  client.send('$sentinel;nowhere;;_OnNamespaceDisconnect;0;0;');
  const frames: RawFrame[] = [];
  for (let frame = await client.next(); frame !== '$sentinel;;;;;;'; frame = await client.next()) frames.push(frame);
  return frames;
};

export const tokenOf = (frame: RawFrame): string => String(frame).split(';', 1)[0] ?? '';
export const waitOf = ({ payload }: Posted): string => tokenOf(Buffer.from(payload.subarray(0, 300)));

/** Two servers with their clients, and somebody else on their broker; all is closed after each test. */
export const useExchangeSieges = () => {
  const makeNode = useNodes();
  return async (exchange: StackExchange) => {
    const log: Posted[] = [];
    const options = {
      namespaces: { default: { echo: (_: unknown, { body }: { body: string | Uint8Array }) => reply(body) }, chat: {} },
      events: {},
      limits: { remoteAskTimeout: longWait, slowConsumerBytes: 2 ** 30, slowConsumerMessages: 2 ** 30 },
    };
    const nodes = {
      a: await makeNode(noting(exchange, 'a', log), options),
      b: await makeNode(noting(exchange, 'b', log), options),
    };
    const clients = new Map<string, RawClient>();
    for (const { on, id, namespaces, rooms } of crew) {
      const client = await nodes[on].dial(id);
      await client.ready();
      for (const namespace of namespaces) await client.connect(namespace);
      for (const room of rooms) {
        const [namespace = '', name = ''] = room.split('/');
        await client.join(namespace, name);
      }
      clients.set(id, client);
    }
    const evil = await noting(exchange, 'evil', log).connect({ received: () => {}, lost: () => {} });
    const clientOf = (id: string): RawClient => {
      const client = clients.get(id);
      if (!client) throw new Error(`nobody is called ${id}`);
      return client;
    };
    const by = (name: string): Posted[] => log.filter((posted) => posted.by === name);
    return { log, nodes, evil, clientOf, by };
  };
};

/** The waits with which the ask of another server might be answered by somebody whom nobody has asked. */
export const guesses = (tokens: readonly string[], prefix: string): string[] => [
  ...tokens.flatMap((token) => [token, markToken(token), `${token[0]}!${token.slice(1)}`, `!${token}`, ` ${token}`]),
  ...['default', 'ask.x', '*', '>'].flatMap((name) => [
    `${prefix}.${name}.`,
    `${prefix[0]}!${prefix.slice(1)}.${name}.`,
  ]),
  ...['R1', 'R17953', 'k!!!abc', '#1', '!', '!!', 'P!.default.', 'x!default.', 'neffos(0x', 'neffos(0x1(2))'],
];
