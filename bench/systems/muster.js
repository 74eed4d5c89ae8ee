import { reply, Server } from 'muster';
import { serve } from './duties.js';

const namespace = 'default';
const event = 'tick';
let counted = 0;
/** @type {import('muster').NSConn[]} */
const members = [];

const server = new Server({
  namespaces: {
    default: {
      _OnNamespaceConnected(ns) {
        members.push(ns);
      },
      _OnNamespaceDisconnect(ns) {
        const at = members.lastIndexOf(ns);
        const last = members.pop();
        if (last && last !== ns) members[at] = last;
      },
      echo: (_, { body }) => reply(body),
      count() {
        counted++;
      },
      speak(_, { room, body }) {
        server.broadcast(null, { namespace, room, event, body });
      },
    },
  },
  idGenerator: () => `c${ids++}`,
});
let ids = 0;

const { port } = await server.listen(0);
serve(
  {
    issue: (room, body) => server.broadcast(null, { namespace, room, event, body }),
    handedOver: () => server.flush(),
    emit: (index, body) => members[index]?.emit(event, body),
    to: (index, body) => server.broadcast(null, { namespace, event, body, to: members[index]?.conn.id ?? '' }),
    members: () => members.length,
    counted: () => counted,
  },
  port,
);
