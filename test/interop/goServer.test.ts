import { afterEach, describe, expect, it } from 'vitest';
import { type Conn, type Events, type Handler, isSystemEvent, reply, type ServerOptions } from '../../src/index.js';
import { type GoArguments, type GoPeer, goPeers, useGo } from '../support/goPeer.js';
import { describeWith } from '../support/peers.js';
import { Inbox, RawClient, type RawFrame } from '../support/rawClient.js';
import { recording, useServers } from '../support/testServer.js';
import { type Acts, type Doing, mixedActs, nativeOnlyActs, type Scene, scenes, workedActs } from './script.js';

const start = useServers();
const startGo = useGo();
const clients: RawClient[] = [];

afterEach(() => {
  for (const client of clients.splice(0)) client.terminate();
});

/** A server, ours or Go's, that a scene is played to. */
interface Side {
  readonly url: string;
  readonly log: Inbox<string>;
  /** Resolves when the log has all that its handlers were told. */
  heard(): Promise<unknown>;
  /** Has its program do something to the connection of this id. */
  does(id: string, doing: Doing): Promise<unknown>;
}

const hasRoom = (what: string, room: string): string | undefined => {
  const [named, text] = what.split('=');
  return named === room ? text : undefined;
};

/** The handler that does here what the same words make the Go program do. */
const acting = (act: string): Handler => {
  const [verb = '', ...rest] = act.split(':');
  const text = rest.join(':');
  return (ns, message) => {
    const refusal = verb === 'refuse' ? hasRoom(text, message.room) : undefined;
    if (refusal !== undefined) throw new Error(refusal);
    if (verb === 'error') throw new Error(text);
    if (verb === 'reply') return reply(text || message.body);
    if (verb === 'empty') return reply();
    if (verb === 'broadcast') ns.conn.server.broadcast(null, message);
    if (verb === 'raw') ns.conn.write({ isNative: true, body: `re:${message.body}` });
    return undefined;
  };
};

const eventsOf = (acts: Readonly<Record<string, string>>): Events =>
  Object.fromEntries(Object.entries(acts).map(([event, act]) => [event, acting(act)]));

/** Lifecycle events alone are told: those of messages show in the frames. */
const told = (log: Inbox<string>): string[] => log.rest().filter((line) => isSystemEvent(`_${line.split(' ')[0]}`));

const doHere = async (
  conn: Conn,
  { op, namespace = '', room = '', event = '', body = '' }: Doing,
): Promise<unknown> => {
  if (op === 'connect') return conn.connect(namespace);
  const ns = conn.namespace(namespace);
  if (!ns) throw new Error('bad namespace');
  if (op === 'disconnect') return ns.disconnect();
  if (op === 'join') return ns.joinRoom(room);
  if (op === 'leave') return ns.room(room)?.leave();
  return op === 'ask' ? ns.ask(event, body) : ns.emit(event, body);
};

const startOurs = async (acts: Acts): Promise<Side> => {
  const log = new Inbox<string>('ours');
  const isNativeOnly = acts === nativeOnlyActs;
  const namespaces = Object.fromEntries(
    Object.entries(acts).map(([namespace, events]) => {
      const mapped = eventsOf(events);
      return [namespace, isNativeOnly ? mapped : withoutAnyEvent(recording(log, mapped))];
    }),
  );
  const onConnect: ServerOptions['onConnect'] = (conn) => {
    if (conn.id === 'refused') throw new Error('not allowed; sorry');
  };
  const house = await start({ namespaces, onConnect });
  return { url: house.url, log, heard: async () => {}, does: (id, doing) => doHere(house.connection(id), doing) };
};

/** The Go program writes down lifecycle events and its own, and has no handler for any other. */
const withoutAnyEvent = (events: Events): Events =>
  Object.fromEntries(Object.entries(events).filter(([event]) => event !== '_OnAnyEvent'));

const startTheirs = async (path: string, acts: Acts): Promise<Side> => {
  const go: GoPeer = startGo(path);
  const port = await go.do('serve', { handlers: acts });
  const does = (id: string, { op, ...rest }: Doing): Promise<unknown> =>
    go.do(op, { conn: id, ...rest } satisfies GoArguments);
  return { url: `ws://127.0.0.1:${port}/`, log: go.log, heard: () => go.do('sync'), does };
};

/** What came of a scene. */
interface Transcript {
  readonly frames: readonly string[];
  readonly outcome: string | undefined;
  readonly events: readonly string[];
}

const show = (frame: RawFrame): string => (typeof frame === 'string' ? frame : `<${frame.toString('latin1')}>`);
/** A token of the server, which is another one each time. */
const withoutToken = (frame: string): string => frame.replace(/^(?![$<;A])[0-9a-z-]+(?=;)/i, 'W');
const sentinel = '$sentinel;;;;;;';

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const play = async (side: Side, { steps, id = 'joe', isNative }: Scene): Promise<Transcript> => {
  const client = await RawClient.dial(`${side.url}?id=${id}`);
  clients.push(client);
  const frames: string[] = [];
  const see = async (): Promise<RawFrame> => {
    const frame = await client.next();
    frames.push(withoutToken(show(frame)));
    return frame;
  };
  /** All that is owed for what was sent stands in front of this answer. */
  const catchUp = async (): Promise<void> => {
    client.send('$sentinel;nowhere;;_OnNamespaceDisconnect;0;0;');
    for (let frame = await client.next(); frame !== sentinel; frame = await client.next()) {
      frames.push(withoutToken(show(frame)));
    }
  };
  let outcome: Promise<string> | undefined;
  for (const step of steps) {
    if (step === 'see') {
      await see();
    } else if (typeof step === 'string' || Buffer.isBuffer(step)) {
      client.send(step);
    } else if ('does' in step) {
      if (step.does.op !== 'emit') await catchUp();
      outcome = side.does(id, step.does).then(() => 'done', textOf);
    } else {
      const asked = String(await see());
      client.send(`${asked.slice(0, asked.indexOf(';'))}${step.answer}`);
    }
  }
  const done = await outcome;
  if (!isNative) await catchUp();
  await side.heard();
  return { frames, outcome: done, events: told(side.log) };
};

for (const peer of goPeers)
  describeWith(peer, `${peer.name} as a server, and ours`, (path) => {
    describe('the same script', () => {
      it.each(scenes.map((scene) => [scene.title, scene] as const))('%s', async (_, scene) => {
        const acts = scene.acts ?? workedActs;
        const [ours, theirs] = [await startOurs(acts), await startTheirs(path, acts)];
        const [played, expected] = [await play(ours, scene), await play(theirs, scene)];
        if (scene.ours) {
          expect(played.frames).toEqual(scene.ours.frames);
          // A difference that is none any more must not be told as one.
          expect(expected.frames, scene.ours.because).not.toEqual(scene.ours.frames);
          expect(played.outcome).toBe(expected.outcome);
        } else {
          expect(played).toEqual(expected);
        }
      });
    });

    it('[HS7] #20 #21 row 2: a refusal of onConnect', async () => {
      const told = async ({ url }: Side): Promise<RawFrame> => {
        const client = await RawClient.dial(`${url}?id=refused`);
        clients.push(client);
        client.send('M');
        const text = await client.next();
        await client.closed;
        return text;
      };
      expect(await told(await startOurs(workedActs))).toBe('Hnot allowed; sorry');
      expect(await told(await startTheirs(path, workedActs))).toBe('Hnot allowed; sorry');
    });

    it('[FR10] #10 native messages are no events while the empty namespace is not connected', async () => {
      const scene: Scene = { title: '', steps: ['M', 'raw'], acts: mixedActs };
      const expected = { frames: ['Ajoe'], outcome: undefined, events: [] };
      expect(await play(await startOurs(mixedActs), scene)).toEqual(expected);
      expect(await play(await startTheirs(path, mixedActs), scene)).toEqual(expected);
    });
  });
