// Muster with an ask that is answered with a contract, with JSON by hand, or with the body as it is:
// node bench/systems/contract.js zod|json|body
import { reply, Server } from 'musterjs';
import { ask, contract } from 'musterjs/contract';
import { z } from 'zod';
import { serve } from './nodeSystem.js';

const task = z.object({ task: z.string(), size: z.number(), tags: z.array(z.string()) });
const [how = 'zod'] = process.argv.slice(2);

const servers = {
  zod: () =>
    new Server({
      contract: contract({ default: { echo: ask(task, task) } }),
      namespaces: { default: { echo: (_, { data }) => data } },
    }),
  json: () => new Server({ namespaces: { default: { echo: (_, msg) => reply(JSON.stringify(msg.json())) } } }),
  body: () => new Server({ namespaces: { default: { echo: (_, { body }) => reply(body) } } }),
};

const make = Object.entries(servers).find(([name]) => name === how)?.[1];
if (!make) throw new Error(`there is no way "${how}"`);
const server = make();
const { port } = await server.listen(0);
serve(
  {
    publish() {},
    flushed: () => server.flush(),
    ways: {},
    members: () => server.totalConnections,
    counted: () => 0,
    evicted: () => 0,
  },
  port,
);
