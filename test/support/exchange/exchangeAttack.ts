import type { StackExchange } from '../../../src/exchange/exchange.js';
import { reply } from '../../../src/index.js';
import { markToken } from '../../../src/protocol/token.js';
import { useNodes } from '../cluster/nodes.js';
import type { RawClient, RawFrame } from '../peers/rawClient.js';
import type { PlacedClient } from './expectedDeliveries.js';
import { type Publication, recordPublications } from './recordedPublications.js';

export const declared = ['default', 'chat', ''];
export const placedClients: readonly (PlacedClient & { readonly on: 'a' | 'b' })[] = (['a', 'b'] as const).flatMap(
  (on) => [
    { on, id: `${on}-all`, namespaces: declared, rooms: ['default/r1', 'chat/r1'] },
    { on, id: `${on}-default`, namespaces: ['default'], rooms: [] },
    { on, id: `${on}-chat`, namespaces: ['chat'], rooms: ['chat/r2'] },
    { on, id: `${on}-none`, namespaces: [], rooms: [] },
  ],
);
export const longTimeout = 600_000;
export const question = { namespace: 'default', event: 'q' };

/** Returns the unread frames of a client, up to all that was sent to it before the call. */
export const unreadFrames = async (client: RawClient): Promise<RawFrame[]> => {
  client.send('$sentinel;nowhere;;_OnNamespaceDisconnect;0;0;');
  const frames: RawFrame[] = [];
  for (let frame = await client.next(); frame !== '$sentinel;;;;;;'; frame = await client.next()) frames.push(frame);
  return frames;
};

export const tokenOf = (frame: RawFrame): string => String(frame).split(';', 1)[0] ?? '';
export const waitOf = ({ payload }: Publication): string => tokenOf(Buffer.from(payload.subarray(0, 300)));

/** Starts two servers with clients, and an attacker's uplink on their broker; closes all after each test. */
export const useExchangeAttacks = () => {
  const makeNode = useNodes();
  return async (exchange: StackExchange) => {
    const log: Publication[] = [];
    const options = {
      namespaces: { default: { echo: (_: unknown, { body }: { body: string | Uint8Array }) => reply(body) }, chat: {} },
      events: {},
      limits: { remoteAskTimeout: longTimeout, slowConsumerBytes: 2 ** 30, slowConsumerMessages: 2 ** 30 },
    };
    const nodes = {
      a: await makeNode(recordPublications(exchange, 'a', log), options),
      b: await makeNode(recordPublications(exchange, 'b', log), options),
    };
    const clients = new Map<string, RawClient>();
    for (const { on, id, namespaces, rooms } of placedClients) {
      const client = await nodes[on].dial(id);
      await client.acknowledge();
      for (const namespace of namespaces) await client.connect(namespace);
      for (const room of rooms) {
        const [namespace = '', name = ''] = room.split('/');
        await client.join(namespace, name);
      }
      clients.set(id, client);
    }
    const attacker = await recordPublications(exchange, 'attacker', log).connect({
      received: () => {},
      lost: () => {},
    });
    const clientOf = (id: string): RawClient => {
      const client = clients.get(id);
      if (!client) throw new Error(`no client "${id}"`);
      return client;
    };
    const by = (name: string): Publication[] => log.filter((posted) => posted.by === name);
    return { log, nodes, attacker, clientOf, by };
  };
};

/** Wait tokens with which an attacker might answer another server's ask. */
export const guessedWaits = (tokens: readonly string[], prefix: string): string[] => [
  ...tokens.flatMap((token) => [token, markToken(token), `${token[0]}!${token.slice(1)}`, `!${token}`, ` ${token}`]),
  ...['default', 'ask.x', '*', '>'].flatMap((name) => [
    `${prefix}.${name}.`,
    `${prefix[0]}!${prefix.slice(1)}.${name}.`,
  ]),
  ...['R1', 'R17953', 'k!!!abc', '#1', '!', '!!', 'P!.default.', 'x!default.', 'neffos(0x', 'neffos(0x1(2))'],
];
