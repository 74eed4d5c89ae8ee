// A contract, and what is inferred from it, with a schema of the program's own.
import { type NSConn, reply, Server } from 'musterjs';
import { ask, askClient, bytes, contract, type DataOf, event, fromServer, type Schema } from 'musterjs/contract';

interface Task {
  readonly task: string;
}

const schemaOf = <Input, Output = Input>(): Schema<Input, Output> => ({
  // The program says what the schema makes of its input.
  '~standard': { version: 1, vendor: 'own', validate: (value) => ({ value: value as Output }) },
});

export const app = contract({
  board: {
    edit: event(schemaOf<{ readonly size: string }, { readonly size: number }>()),
    edited: fromServer(schemaOf<Task>()),
    thumb: fromServer(bytes()),
    stats: ask(schemaOf<void>(), schemaOf<{ readonly open: number }>()),
    confirm: askClient(schemaOf<string>(), schemaOf<boolean>()),
  },
});
type Board = (typeof app)['board'];

export const tell = (ns: NSConn<Board>, data: DataOf<Board['edited']>): boolean => ns.emit('edited', data);

const server = new Server({
  contract: app,
  namespaces: {
    board: {
      edit(ns, { data }) {
        const size: number = data.size;
        ns.broadcast('edited', { task: String(size) });
        ns.room('alpha')?.broadcastOthers('thumb', new Uint8Array(size));
        // @ts-expect-error the data is of another type
        ns.emit('edited', { task: size });
        // @ts-expect-error clients make this ask
        void ns.ask('stats');
      },
      stats: async (ns) => ({ open: (await ns.ask('confirm', 'sure?')) ? 1 : 0 }),
    },
    chat: { say: (ns, { body }) => (ns.emit('said', body) ? reply(body) : undefined) },
  },
});

server.broadcast(null, { namespace: 'board', event: 'edited', data: { task: '1' } });
server.broadcast(null, { namespace: 'chat', event: 'said', body: 'hello' });
// @ts-expect-error it has data in place of a body
server.broadcast(null, { namespace: 'board', event: 'edited', body: '1' });
// @ts-expect-error only the server sends it
new Server({ contract: app, namespaces: { board: { edited() {} } } });
export const sure: Promise<boolean> = server.ask({ namespace: 'board', event: 'confirm', data: 'sure?' });

interface Login {
  readonly name: string;
}
const login = async (token: string | undefined): Promise<Login> => ({ name: token ?? '' });
/** It is not run. */
export const withUsers = () =>
  new Server({
    contract: app,
    authenticate: ({ token }) => login(token),
    namespaces: { board: { stats: (ns) => ({ open: ns.conn.user.name.length }) } },
    onConnect: ({ user }) => console.log(user.name),
  });
