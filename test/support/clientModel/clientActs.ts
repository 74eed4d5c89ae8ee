import type fc from 'fast-check';
import { NSConn, type Room } from '../../../src/client/handles.js';
import type { Pair } from './clientPair.js';
import type { ModelClient } from './modelClient.js';
import type { Greeting, Step } from './scriptedServer.js';

/** Something that happens to a client and to its model, after which both are compared. */
export type Command = fc.AsyncCommand<ModelClient, Pair>;

/** Time that passes before each command, in ms. It keeps deadlines of different commands apart. */
const gap = 0.013_7;

const command = (name: string, run: (pair: Pair) => void | Promise<void>): Command => ({
  check: () => true,
  toString: () => name,
  async run(_, pair) {
    await pass(pair, gap);
    await run(pair);
    await pair.world.clock.settle();
    pair.check();
  },
});

const pass = async ({ model, world }: Pair, ms: number): Promise<void> => {
  await world.clock.pass(ms);
  model.clock.advance(ms);
};

/** Brings up to `count` items of a line, in one read. */
const deliver = async ({ model, world }: Pair, index: number, count: number): Promise<void> => {
  for (let left = count; left > 0; left--) {
    // What came before may lead to an answer.
    if (world.server.lines[index]?.outgoing.length === 0) await world.clock.settle();
    const item = world.server.lines[index]?.outgoing.shift();
    const line = model.server.lines[index];
    const expected = line?.outgoing.shift();
    if (item === undefined || !line || expected === undefined) return;
    // The end of a line, and a step of the server, come in a read of their own: steps of both sides that cross in one
    // read may be taken in either order. So do answers to steps that are begun within a handler.
    const isApart = typeof item === 'object' || item.includes(';_On') || (model.isHandling && item.startsWith('$'));
    if (isApart) await world.clock.settle();
    world.sockets[index]?.receive(item);
    if (typeof item === 'object') line.isOver = true;
    model.receive(line, expected);
  }
};

const open = ({ model, world }: Pair): void => {
  world.socket?.open();
  const { line } = model.server;
  if (model.state === 'dialing' && line) model.open(line);
};

const end = ({ model, world }: Pair, code: number, text: string): void => {
  const { socket } = world;
  const { line } = model.server;
  if (!socket || !line || line.isOver) return;
  socket.line.outgoing.length = 0;
  line.outgoing.length = 0;
  line.isOver = true;
  // The text of an error stands where there is no close frame.
  if (!line.isOpen) socket.onerror?.({ message: 'refused' });
  socket.receive({ code, text });
  model.receive(line, { code, text: text || (line.isOpen ? '' : 'refused') });
};

/** Opens the line and brings what is under way until nothing is left. */
const run = async (pair: Pair): Promise<void> => {
  open(pair);
  await pair.world.clock.settle();
  for (let rounds = 0; rounds < 50; rounds++) {
    const at = pair.world.server.lines.length - 1;
    if ((pair.world.server.lines[at]?.outgoing.length ?? 0) === 0) return;
    await deliver(pair, at, 1);
    await pair.world.clock.settle();
  }
};

const nsOf = ({ held }: Pair, namespace: string): NSConn | undefined => {
  const handle = held.get(`${namespace}/`);
  return handle instanceof NSConn ? handle : undefined;
};
const roomOf = ({ held }: Pair, namespace: string, room: string): NSConn | Room | undefined =>
  held.get(`${namespace}/${room}`);
const nothing = (): string => '';

const onBoth = (name: string, run: (server: Pair['model']['server']) => void): Command =>
  command(name, ({ model, world }) => {
    run(model.server);
    run(world.server);
  });

/** Everything that can happen. */
export const acts = {
  connect: (ns: string) =>
    command(`connect ${ns}`, ({ watch, world, model }) =>
      watch(`connect ${ns}`, world.client.connect(ns).then(nothing), model.connect(ns)),
    ),
  waitConnect: (ns: string) =>
    command(`waitConnect ${ns}`, ({ watch, world, model }) =>
      watch(`waitConnect ${ns}`, world.client.waitConnect(ns).then(nothing), model.waitConnect(ns)),
    ),
  join: (ns: string, room: string) =>
    command(`join ${ns}/${room}`, (pair) => {
      const handle = nsOf(pair, ns);
      if (handle) pair.watch(`join ${ns}/${room}`, handle.joinRoom(room).then(nothing), pair.model.join(ns, room));
    }),
  leave: (ns: string, room: string) =>
    command(`leave ${ns}/${room}`, (pair) => {
      const handle = roomOf(pair, ns, room);
      if (!handle) return;
      const promise = handle instanceof NSConn ? handle.disconnect() : handle.leave();
      pair.watch(`leave ${ns}/${room}`, promise.then(nothing), pair.model.leave(ns, room));
    }),
  emit: (ns: string, room: string, size = 1) =>
    command(`emit ${ns}/${room} ${size}`, (pair) => {
      const body = 'x'.repeat(size);
      const handle = roomOf(pair, ns, room);
      if (handle) pair.emitted(handle.emit('say', body), pair.model.emit(ns, room, 'say', body));
    }),
  ask: (ns: string, event: string, timeout: number) =>
    command(`ask ${ns} ${event} ${timeout}`, (pair) => pair.ask(nsOf(pair, ns), event, timeout)),
  abort: (at: number) => command(`abort ${at}`, (pair) => pair.abort(at)),
  release: () => command('release', (pair) => pair.release()),
  retry: () =>
    command('retry', ({ world, model }) => {
      model.retry();
      world.client.retry();
    }),
  close: () =>
    command('close', ({ watch, world, model }) => {
      model.close();
      const closing = model.closings.at(-1);
      if (closing) watch('close', world.client.close().then(nothing), closing);
    }),
  /** Opens the line and brings all that is under way. */
  run: () => command('run', run),
  open: () => command('open', open),
  /** Brings what is under way on a line: the newest one, or one of those before it. */
  deliver: (count: number, back = 0) =>
    command(`deliver ${count} of line -${back}`, (pair) =>
      deliver(pair, Math.max(0, pair.world.server.lines.length - 1 - back), count),
    ),
  end: (code: number, text = '') => command(`end ${code} ${text}`, (pair) => end(pair, code, text)),
  stall: () => onBoth('stall', (server) => server.toggleStall()),
  greeting: (greeting: Greeting) =>
    onBoth(`greeting ${JSON.stringify(greeting)}`, (server) => {
      server.greeting = greeting;
    }),
  storm: (storm: number) =>
    onBoth(`storm ${storm}`, (server) => {
      server.storm = storm;
    }),
  /** From now on the server refuses to let the client in, or to let it go, or no longer does. */
  toggle: (name: string, isEntry: boolean) =>
    onBoth(`toggle ${isEntry ? 'refused' : 'kept'} ${name}`, ({ refused, kept }) => {
      const set = isEntry ? refused : kept;
      if (!set.delete(name)) set.add(name);
    }),
  push: (ns: string, room: string, event: string) =>
    onBoth(`push ${ns}/${room} ${event}`, (server) => server.send(`;${ns};${room};${event};0;0;pushed`)),
  send: (message: string) => onBoth(message, (server) => server.send(message)),
  serverAsk: (ns: string, room: string, event: string) =>
    onBoth(`server asks ${ns}/${room} ${event}`, (server) => server.ask(ns, room, event)),
  serverStep: (step: Step, ns: string, room: string) =>
    onBoth(`server ${step} ${ns}/${room}`, (server) =>
      server.begin(step, ns, step === 'join' || step === 'leave' ? room : ''),
    ),
  advance: (ms: number) => command(`advance ${ms}`, (pair) => pass(pair, ms)),
  hint: (type: 'VISIBLE' | 'ONLINE' | 'OFFLINE') =>
    command(type, ({ model, world }) => {
      model.hint(type);
      world.environment.tell(type);
    }),
} as const;
