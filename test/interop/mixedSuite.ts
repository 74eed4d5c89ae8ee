import { afterAll, beforeAll } from 'vitest';
import { freePort } from '../../bench/daemon.js';
import { natsExchange } from '../../src/exchange/nats.js';
import { redisExchange } from '../../src/exchange/redis.js';
import { OnNativeMessage, Server, type ServerOptions } from '../../src/index.js';
import { askRedis, natsServer, redisServer, startNats, startRedis } from '../support/peers/brokers.js';
import { type GoHandlers, GoPeer, goPeers } from '../support/peers/goPeer.js';
import { describeWith } from '../support/peers/installed.js';
import { isOlderLine } from './goCluster.js';
import { GoMixedClient, NeffosMixedClient, RawMixedClient } from './mixedClients.js';
import {
  MixedCluster,
  type MixedSetting,
  type Place,
  type PlacedClient,
  places,
  type SharedBroker,
} from './mixedCluster.js';

/** What a cluster is made of. */
export interface MixedPlan {
  readonly server: ServerOptions;
  readonly node: GoHandlers;
  /** Its clients, those of one node after the other. */
  clients(place: Place, urlFor: (id: string) => string, setting: MixedSetting): Promise<readonly PlacedClient[]>;
  /** There are native messages only. */
  readonly isNativeOnly?: boolean;
}

/** The room of the neffos.js clients and the raw ones, and that of the Go clients and the raw ones. */
export const red = 'red';
export const blue = 'blue;ish';

const prefix = 'mixed';

const runRedis = async (): Promise<SharedBroker> => {
  const { url, port, stop } = await startRedis();
  return {
    exchange: (asksOlder) => redisExchange({ url, channel: prefix, asksOlder }),
    address: `127.0.0.1:${port}`,
    isHeard: async (channel) => /:[1-9]/.test(await askRedis(port, `PUBSUB NUMSUB ${channel}\r\n`, /\n:\d+\r\n/)),
    stop,
  };
};

const runNats = async (): Promise<SharedBroker> => {
  const monitor = await freePort();
  const { url, stop } = await startNats(undefined, ['--http_port', String(monitor)]);
  return {
    exchange: (asksOlder) => natsExchange({ servers: url, prefix, asksOlder }),
    address: url,
    isHeard: async (channel) => {
      const answer = await fetch(`http://127.0.0.1:${monitor}/subsz?subs=1&test=${channel}`);
      return (await answer.text()).includes(`"subject": "${channel}"`);
    },
    stop,
  };
};

/** Each kind of client at each node, and one more at each that shares its id with those at the others. */
export const eventful: MixedPlan = {
  server: { namespaces: { default: {}, bytes: {}, '': { [OnNativeMessage]: () => {} } } },
  node: { default: { chat: '', q: '' }, bytes: { chat: '' }, '': { [OnNativeMessage]: '' } },
  async clients(place, urlFor, { path, isMute }) {
    const isGo = place === 'g';
    const clients = await Promise.all([
      NeffosMixedClient.dial(`js-${place}`, urlFor(`js-${place}`)),
      GoMixedClient.dial(`go-${place}`, urlFor(`go-${place}`), path),
      RawMixedClient.dial(`raw-${place}`, urlFor(`raw-${place}`)),
      RawMixedClient.dial('twin', urlFor('twin')),
    ]);
    const placed = clients.map(async (client): Promise<PlacedClient> => {
      const isTwin = client.id === 'twin';
      const rooms = isTwin ? [] : [...(client.kind === 'go' ? [] : [red]), ...(client.kind === 'js' ? [] : [blue])];
      await client.enter('default', rooms);
      const more = [
        // A node of Go sends all bytes as text, and who minds its bytes hangs up.
        ...(isGo && client.kind !== 'go' ? [] : ['bytes']),
        ...(isTwin || (isGo && isMute) ? [] : ['']),
      ];
      for (const namespace of more) await client.enter(namespace, []);
      return { name: isTwin ? `twin-${place}` : client.id, place, client, rooms, namespaces: ['default', ...more] };
    });
    return Promise.all(placed);
  },
};

/** Native messages only, so without a neffos.js client. */
export const nativeOnly: MixedPlan = {
  server: { events: { [OnNativeMessage]: () => {} } },
  node: { '': { [OnNativeMessage]: '' } },
  isNativeOnly: true,
  async clients(place, urlFor, { path }) {
    const clients = await Promise.all([
      GoMixedClient.dial(`go-${place}`, urlFor(`go-${place}`), path, true),
      RawMixedClient.dial(`raw-${place}`, urlFor(`raw-${place}`), true),
      RawMixedClient.dial('twin', urlFor('twin'), true),
    ]);
    return clients.map((client) => {
      const name = client.id === 'twin' ? `twin-${place}` : client.id;
      return { name, place, client, rooms: [], namespaces: [''] };
    });
  },
};

const start = async (plan: MixedPlan, setting: MixedSetting): Promise<MixedCluster> => {
  const broker = await (setting.broker === 'redis' ? runRedis() : runNats());
  const listen = async () => {
    const idGenerator: ServerOptions['idGenerator'] = ({ url }) =>
      new URL(url ?? '/', 'http://loopback').searchParams.get('id') ?? '';
    const server = new Server({ idGenerator, ...plan.server });
    await server.useStackExchange(broker.exchange(setting.isOlder));
    return { server, port: (await server.listen(0)).port };
  };
  const node = new GoPeer(setting.path);
  const exchange = { kind: setting.broker, prefix, address: broker.address };
  const [a, b, g] = await Promise.all([listen(), listen(), node.do('serve', { handlers: plan.node, exchange })]);
  const ports = { a: a.port, b: b.port, g };
  const placed = places.map((place) =>
    plan.clients(place, (id) => `ws://127.0.0.1:${ports[place]}/?id=${id}`, setting),
  );
  const servers = { a: a.server, b: b.server };
  const { isNativeOnly = false } = plan;
  const cluster = new MixedCluster(servers, node, (await Promise.all(placed)).flat(), broker, setting, isNativeOnly);
  await cluster.settle();
  return cluster;
};

/** A suite for each line on each broker, with one cluster for all of its tests. */
export const describeMixed = (
  plan: MixedPlan,
  suite: (setting: MixedSetting, the: () => MixedCluster) => void,
): void => {
  for (const [broker, program] of [
    ['redis', redisServer],
    ['nats', natsServer],
  ] as const)
    describeWith(program, `on ${program.name}`, () => {
      for (const peer of goPeers)
        describeWith(peer, `two of ours and ${peer.name} on ${program.name}`, (path) => {
          const isOlder = isOlderLine(peer);
          const setting = { broker, path, isOlder, isMute: isOlder && broker === 'nats' };
          let running: MixedCluster | undefined;
          beforeAll(async () => {
            running = await start(plan, setting);
          });
          afterAll(() => running?.close());
          suite(setting, () => {
            if (!running) throw new Error('there is no cluster');
            return running;
          });
        });
    });
};
