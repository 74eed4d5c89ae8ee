import { expect, it } from 'vitest';
import { CloseError, ErrWrite, type Events, OnAnyEvent, OnNativeMessage, reply } from '../../src/client/client.js';
import { describeStages, enter, enterAlone, type Stage, told, urlFor } from './ourClientSuite.js';
import { mixedActs, nativeOnlyActs } from './script.js';

const bytes = Uint8Array.of(0x01, 0xff, 0x3b, 0x02);

const asks = (stage: Stage): void => {
  const { start, dial } = stage;

  it('[CL10] #8 #20 asks in a row: a reply, an empty one, an error', async () => {
    const side = await start();
    const { ns } = await enter(stage, side);
    for (let asked = 0; asked < 6; asked++) {
      expect(await ns.ask('ping')).toMatchObject({ namespace: 'default', event: 'ping', body: 'pong' });
    }
    expect((await ns.ask('echo', 'a;b;c')).body).toBe('a;b;c');
    expect((await ns.ask('empty')).body).toBe('');
    await expect(ns.ask('boom')).rejects.toThrow('boom; with semicolon');
    expect((await ns.ask('ping')).body).toBe('pong');
  });

  it('[CL10] #8 two hundred asks in one tick get their own answers', async () => {
    const side = await start();
    const { ns } = await enter(stage, side);
    const bodies = Array.from({ length: 200 }, (_, nth) => `number ${nth}`);
    const answers = await Promise.all(bodies.map((body) => ns.ask('echo', body)));
    expect(answers.map(({ body }) => body)).toEqual(bodies);
  });

  it('[CL10] #20 row 14: an ask that nobody answers ends by its timeout and its signal', async () => {
    const side = await start();
    const { ns } = await enter(stage, side);
    await expect(ns.ask('void', '', { timeout: 30 })).rejects.toThrow('not answered within 30 ms');
    const why = new Error('enough');
    const controller = new AbortController();
    const asked = ns.ask('unknown', '', { signal: controller.signal });
    controller.abort(why);
    await expect(asked).rejects.toBe(why);
    expect((await ns.ask('ping')).body).toBe('pong');
  });

  it('[CL16] #20 rows 10 and 13: replies to an emit reach the handler of the event, errors too', async () => {
    const side = await start();
    const { ns, log } = await enter(stage, side, { handlers: { ping: () => {}, boom: () => {} } });
    ns.emit('ping');
    ns.emit('boom');
    expect(await log.take(2)).toEqual(['ping default: pong', 'boom default: ! boom; with semicolon']);
  });

  it('[CL9] #9 a handler of any event of the server answers emits and asks', async () => {
    const side = await start({ default: { [OnAnyEvent]: 'any' } });
    const { client, log } = dial(urlFor(side), { default: {} });
    const ns = await client.connect('default');
    log.rest();
    ns.emit('an_event', 'a_body');
    expect(await log.next()).toBe('an_event default: a_body');
    expect((await ns.ask('another', 'again')).body).toBe('again');
  });

  it('[CL16] #9 a handler of any event of the client answers the server', async () => {
    const side = await start();
    const { ns } = await enter(stage, side, { handlers: { [OnAnyEvent]: (_, { event }) => reply(event) } });
    const answer = await side.does('joe', { op: 'ask', namespace: 'default', event: 'whatever' });
    expect(answer).toBe('whatever default: whatever');
    expect(ns.isConnected).toBe(true);
  });

  it('[CL16] #20 #24 rows 32 and 33: the server asks: an answer, an empty one, an error', async () => {
    const side = await start();
    const fail = (): never => {
      throw new Error('no idea');
    };
    const handlers: Events = { q: async (_, { body }) => reply(`answer to ${body}`), none: () => reply(), fail };
    const { errors } = await enter(stage, side, { handlers });
    const ask = (event: string): Promise<string> =>
      side.does('joe', { op: 'ask', namespace: 'default', event, body: 'life' });
    expect(await ask('q')).toBe('q default: answer to life');
    expect(await ask('none')).toBe('none default: ');
    await expect(ask('fail')).rejects.toThrow('no idea');
    expect(errors).toEqual([new Error('no idea')]);
  });

  it('[CL14] #27 a handler of the client asks the server, and emits meanwhile', async () => {
    const side = await start();
    const handlers: Events = {
      async question(ns) {
        ns.emit('echo', 'while you wait');
        const { body } = await ns.ask('ping');
        return reply(`server said ${String(body)}`);
      },
    };
    const { log } = await enter(stage, side, { handlers });
    const answer = await side.does('joe', { op: 'ask', namespace: 'default', event: 'question' });
    expect(answer).toBe('question default: server said pong');
    expect(await log.take(2)).toEqual(['question default: ', 'echo default: while you wait']);
  });

  it('[CL10] #27 the end of the line rejects what is asked', async () => {
    const side = await start();
    const { ns } = await enterAlone(stage, side);
    const asked = ns.ask('void');
    expect(await side.log.next()).toBe('void default: ');
    await Promise.all([expect(asked).rejects.toBe(ErrWrite), side.kill()]);
  });

  it('[CL3] #27 a closed client rejects everything', async () => {
    const side = await start();
    const { client, ns } = await enter(stage, side);
    const asked = ns.ask('void');
    await Promise.all([expect(asked).rejects.toBe(ErrWrite), client.close()]);
    expect([ns.emit('ping'), client.namespace('default')]).toEqual([false, undefined]);
    await expect(ns.ask('ping')).rejects.toBe(ErrWrite);
    await expect(client.connect('default')).rejects.toBe(ErrWrite);
    await expect(dial(urlFor(side), {}).client.close()).resolves.toBeUndefined();
  });

  it('[CL2] #27 a client that is closed before it is online rejects its promise', async () => {
    const side = await start();
    const { client } = dial(urlFor(side), { default: {} });
    const rejected = [client.ready, client.connect('default')];
    await client.close();
    for (const one of rejected) await expect(one).rejects.toBeInstanceOf(CloseError);
  });
};

const bodies = (stage: Stage): void => {
  const { start } = stage;

  it('[CL16] #28 #20 rows 16 and 17: binary passes both ways, byte for byte', async () => {
    const side = await start();
    const { ns, log } = await enterAlone(stage, side);
    const answer = await ns.ask('echo', bytes);
    expect(answer.body).toEqual(bytes);
    expect(answer.body.constructor).toBe(Uint8Array);
    expect(await side.log.next()).toBe('echo default: <01ff3b02>');
    expect(ns.emitBinary('echo', bytes)).toBe(true);
    expect(await log.next()).toBe('echo default: <01ff3b02>');
    await expect(ns.ask('boom', bytes)).rejects.toThrow('boom; with semicolon');
    expect(await side.does('joe', { op: 'emit', namespace: 'default', event: 'more', body: bytes })).toBe('true');
    expect(await log.next()).toBe('more default: <01ff3b02>');
  });

  it('[CL16] #28 large and empty bodies, of text and of bytes', async () => {
    const side = await start();
    const { ns } = await enter(stage, side);
    for (const body of ['ä€😀'.repeat(2_000), '', new Uint8Array(60_000).fill(0x3b), bytes]) {
      expect((await ns.ask('echo', body)).body).toEqual(body);
    }
    expect((await ns.ask('echo', new Uint8Array(0))).body).toHaveLength(0);
  });

  it('[CL18] #10 native messages beside events', async () => {
    const side = await start(mixedActs);
    const { client, log } = stage.dial(urlFor(side), { '': { [OnNativeMessage]: () => {}, echo: () => {} } });
    const ns = await client.connect('');
    log.rest();
    expect(ns.emit(OnNativeMessage, 'just text')).toBe(true);
    // A Go server sends the message itself back, whatever its handler replies.
    expect(await log.next()).toBe(`OnNativeMessage : ${stage.isOurs ? 'answered' : 'just text'}`);
    expect((await side.log.take(3)).at(-1)).toBe('OnNativeMessage : just text');
    expect((await ns.ask('echo', 'framed')).body).toBe('framed');
  });

  it('[CL18] #11 native messages only: no handshake, both ways', async () => {
    const side = await start(nativeOnlyActs);
    const { client, log } = stage.dial(urlFor(side), { '': { [OnNativeMessage]: () => {} } });
    await client.ready;
    expect(client.namespace('')?.emit(OnNativeMessage, 'hello; world')).toBe(true);
    expect(await log.next()).toBe('OnNativeMessage : re:hello; world');
    expect(await side.log.next()).toBe('OnNativeMessage : hello; world');
  });
};

const programs = (stage: Stage): void => {
  const { start, dial } = stage;

  it('[CL16] #17 namespaces share one object of handlers, which knows in which it is called', async () => {
    const side = await start();
    const seen: string[] = [];
    const shared: Events = { echo: (ns, { body }) => void seen.push(`${ns.namespace} ${body}`) };
    const { client } = dial(urlFor(side), { default: shared, other: shared });
    const [first, second] = [await client.connect('default'), await client.connect('other')];
    first.emit('echo', '1');
    await first.ask('ping');
    second.emit('echo', '2');
    await second.ask('echo');
    expect(seen).toEqual(['default 1', 'other 2']);
  });

  it('[CL16] #18 handlers of several maps, and those added later, are called in that order', async () => {
    const side = await start();
    const seen: string[] = [];
    const note =
      (name: string) =>
      (_: unknown, { body }: { readonly body: unknown }): void => {
        seen.push(`${name} ${body}`);
      };
    const one: Events = { echo: note('option') };
    const two: Events = { ping: note('ping') };
    const { ns } = await enter(stage, side, { rooms: ['r1'], handlers: { ...one, ...two } });
    ns.on('echo', ({ body }) => note('namespace')(ns, { body }));
    const off = ns.room('r1')?.on('echo', ({ body }) => note('room')(ns, { body }));
    ns.room('r1')?.emit('echo', '1');
    ns.emit('ping');
    await ns.ask('ping');
    off?.();
    ns.room('r1')?.emit('echo', '2');
    await ns.ask('ping');
    expect(seen).toEqual(['option 1', 'namespace 1', 'room 1', 'ping pong', 'option 2', 'namespace 2']);
  });
};

const broadcasts = (stage: Stage): void => {
  const { start } = stage;
  const news = { namespace: 'default', event: 'news', body: 'x;y' };
  const inNamespace = 'news default: x;y';
  const inRoom = 'news default/r1: x;y';

  /** Ann and bob in room r1, eve in the namespace only. */
  const startClients = async (handlers: Events = {}) => {
    const side = await start();
    const ann = await enter(stage, side, { id: 'ann', rooms: ['r1'], handlers });
    const bob = await enter(stage, side, { id: 'bob', rooms: ['r1'], handlers });
    const eve = await enter(stage, side, { id: 'eve', handlers });
    return { side, ann, bob, eve };
  };

  it('[CL14] #26 to the namespace: every member', async () => {
    const { side, ann, bob, eve } = await startClients();
    await side.does('ann', { op: 'broadcast', ...news });
    for (const client of [ann, bob, eve]) expect(await client.log.next()).toBe(inNamespace);
  });

  it('[CL14] #26 to the room, except one: every other member', async () => {
    const { side, ann, bob, eve } = await startClients();
    await side.does('ann', { op: 'broadcast', ...news, room: 'r1', except: 'ann' });
    expect(await bob.log.next()).toBe(inRoom);
    for (const client of [ann, bob, eve]) expect(await told(client)).toEqual([]);
  });

  it('[CL14] #14 to one id: that client only', async () => {
    const { side, ann, bob, eve } = await startClients();
    await side.does('bob', { op: 'broadcast', ...news, to: 'bob' });
    expect(await bob.log.next()).toBe(inNamespace);
    for (const client of [ann, bob, eve]) expect(await told(client)).toEqual([]);
  });

  it('[CL16] #15 the server asks one id: that client only', async () => {
    const { side, ann, bob, eve } = await startClients({ q: (ns) => reply(ns.client.id) });
    const answer = await side.does('bob', { op: 'serverAsk', namespace: 'default', event: 'q', to: 'bob' });
    expect(answer).toBe('q default: bob');
    expect(await bob.log.next()).toBe('q default: ');
    for (const client of [ann, bob, eve]) expect(await told(client)).toEqual([]);
  });

  it('[CL16] #20 #26 row 34: an ask that is broadcast again is an event of the others', async () => {
    const { ann, bob, eve } = await startClients();
    // A Go server broadcasts it with its token, which answers the asker.
    const asked = ann.ns.ask('all', 'hello', { timeout: 5_000 }).then(({ body }) => body);
    const answered = stage.isOurs ? ann.log.next() : asked;
    asked.catch(() => {});
    expect(await answered).toBe(stage.isOurs ? 'all default: hello' : 'hello');
    for (const client of [bob, eve]) expect(await client.log.next()).toBe('all default: hello');
    expect(bob.client.counters).toMatchObject({ lateAnswers: 0, strays: 0, invalid: 0 });
  });

  it('[CL14] #26 what the server emits to one client arrives whole and in order', async () => {
    const { side, ann } = await startClients();
    const emits = Array.from({ length: 50 }, (_, nth) => `${nth}`);
    for (const body of emits) await side.does('ann', { op: 'emit', namespace: 'default', event: 'news', body });
    expect(await ann.log.take(50)).toEqual(emits.map((body) => `news default: ${body}`));
  });
};

describeStages((stage) => {
  asks(stage);
  bodies(stage);
  programs(stage);
  broadcasts(stage);
});
