import { reply, Server } from '../../../dist/index.js';

/** A server for the clients of the tests, in a process of its own that can be killed. It prints its port. */

const [port = '0'] = process.argv.slice(2);

const server = new Server({
  // Pages come from another port.
  origins: 'any',
  idGenerator: ({ url = '/' }) => new URL(url, 'http://loopback').searchParams.get('id') ?? 'nobody',
  onConnect({ id }) {
    if (id === 'refused') throw new Error('not allowed; sorry');
  },
  namespaces: {
    default: {
      ping: () => reply('pong'),
      echo: (_, { body }) => reply(body),
      say: (ns, message) => ns.broadcast(message),
      async start(ns) {
        const { body } = await ns.ask('confirm', 'sure?');
        return reply(`client said ${body}`);
      },
      async pull(ns) {
        await ns.joinRoom('srv');
        return reply('in');
      },
      kick(ns) {
        ns.conn.close(4_001, 'go');
      },
    },
  },
});
const listening = await server.listen(Number(port), '127.0.0.1');
console.log(listening.port);
