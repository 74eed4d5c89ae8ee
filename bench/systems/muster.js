// Muster, used as in its documentation: node bench/systems/muster.js [inspector] [deflate]
import { reply, Server } from 'musterjs';
import { serve } from './nodeSystem.js';

const namespace = 'default';
const event = 'tick';
let counted = 0;
let evicted = 0;

const server = new Server({
  compression: process.argv.includes('deflate'),
  namespaces: {
    [namespace]: {
      echo: (_, { body }) => reply(body),
      count() {
        counted++;
      },
      speak(_, { room, body }) {
        server.broadcast(null, { namespace, room, event, body });
      },
    },
  },
  onDisconnect(_, { text }) {
    if (text === 'slow consumer') evicted++;
  },
});

if (process.argv.includes('inspector')) {
  const { inspector } = await import('musterjs/inspector');
  inspector(server, { authorize: () => true });
}
const { port } = await server.listen(0);
serve(
  {
    publish: (room, body) => server.broadcast(null, { namespace, room, event, body }),
    flushed: () => server.flush(),
    ways: {
      emit: () => server.connectionsByNamespace(namespace).map((ns) => (body) => ns.emit(event, body)),
      to: () =>
        server.connections().map(
          ({ id }) =>
            (body) =>
              server.broadcast(null, { namespace, event, body, to: id }),
        ),
    },
    members: () => server.totalConnections,
    counted: () => counted,
    evicted: () => evicted,
    async joinCluster(url) {
      const { redisExchange } = await import('musterjs/redis');
      await server.useStackExchange(redisExchange({ url, channel: 'bench' }));
    },
  },
  port,
);
