import { expect, it } from 'vitest';
import { WebSocket } from 'ws';
import {
  CloseError,
  ErrBadNamespace,
  ErrBadRoom,
  OnNamespaceConnect,
  OnRoomJoin,
  OnRoomJoined,
} from '../../src/client/client.js';
import { withParts } from '../../src/client/line/parts.js';
import { describeStages, enter, enterAlone, type Stage, told, urlFor } from './ourClientSuite.js';

/** The calls of handlers when a client loses what it is in. */
const left = (room: string, flags: string): string[] => [
  `OnRoomLeave default/${room}${flags}`,
  `OnRoomLeft default/${room}${flags}`,
];

const handshake = ({ start, dial, isOurs }: Stage): void => {
  it('[CL2] [CL9] #4 #20 it dials, gets its id and connects, with the events of both sides', async () => {
    const side = await start({ default: { ping: 'reply:pong' }, '': { ping: 'reply:pong' } });
    const { client, log } = dial(urlFor(side), { default: {}, '': {} });
    await client.ready;
    expect([client.id, client.state]).toEqual(['joe', 'online']);
    const empty = await client.connect('');
    const ns = await client.connect('default');
    expect(await client.connect('default')).toBe(ns);
    expect([empty.namespace, ns.namespace]).toEqual(['', 'default']);
    const entered = (name: string, flag = ''): string[] => [
      `OnNamespaceConnect ${name}${flag}`,
      `OnNamespaceConnected ${name}${flag}`,
    ];
    expect(log.rest()).toEqual([...entered('', ' local'), ...entered('default', ' local')]);
    expect(await side.log.take(4)).toEqual([...entered(''), ...entered('default')]);
    expect((await ns.ask('ping')).body).toBe('pong');
    expect((await empty.ask('ping')).body).toBe('pong');
  });

  it('[CL8] #4 what is asked for before the client is online is asked for in order', async () => {
    const side = await start();
    const { client } = dial(urlFor(side), { default: {} });
    const connecting = client.connect('default');
    const ns = client.namespace('default');
    const joining = ns?.joinRoom('r1');
    expect(ns?.emit('ping')).toBe(true);
    expect(await connecting).toBe(ns);
    expect((await joining)?.name).toBe('r1');
    expect(await side.log.take(5)).toEqual([
      'OnNamespaceConnect default',
      'OnNamespaceConnected default',
      'OnRoomJoin default/r1',
      'OnRoomJoined default/r1',
      'ping default: ',
    ]);
  });

  it('[CL8] #5 it connects to a namespace that only the server declares', async () => {
    const side = await start();
    const { client } = dial(urlFor(side), { default: {} });
    const ns = await client.connect('other');
    const heard: unknown[] = [];
    ns.on('echo', ({ body }) => void heard.push(body));
    ns.emit('echo', 'again');
    await expect.poll(() => heard).toEqual(['again']);
  });

  it('[CL8] #6 #20 row 6: a namespace that only the client declares is a bad namespace', async () => {
    const side = await start();
    const { client, log } = dial(urlFor(side), { nope: {} });
    await expect(client.connect('nope')).rejects.toBe(ErrBadNamespace);
    expect(client.namespace('nope')).toBeUndefined();
    expect(log.all).toEqual(['OnNamespaceConnect nope local']);
    expect(client.state).toBe('online');
  });

  it('[CL9] #7 #20 row 7: either side refuses a connect', async () => {
    const side = await start();
    const { client, log } = dial(urlFor(side), {
      deny: {},
      other: {
        [OnNamespaceConnect]() {
          throw new Error('not me');
        },
      },
    });
    await expect(client.connect('deny')).rejects.toThrow('no way');
    await expect(client.connect('other')).rejects.toThrow('not me');
    expect([client.namespace('deny'), client.namespace('other')]).toEqual([undefined, undefined]);
    expect(log.all).toEqual(['OnNamespaceConnect deny local', 'OnNamespaceConnect other local']);
    await side.received();
    expect(side.log.rest()).toEqual(['OnNamespaceConnect deny']);
  });

  it('[CL8] #16 a second connect waits for the first', async () => {
    const side = await start();
    const { client } = dial(urlFor(side), { default: {} });
    await client.ready;
    const [first, second] = await Promise.all([client.connect('default'), client.connect('default')]);
    expect(first).toBe(second);
    expect((await first.ask('ping')).body).toBe('pong');
    await side.received();
    expect(side.log.rest()).toEqual(['OnNamespaceConnect default', 'OnNamespaceConnected default', 'ping default: ']);
  });

  it('[CL4] #19 headers of the upgrade, real and in the URL', async () => {
    const side = await start();
    const headers = { 'X-Id': 'ann' };
    const real = dial(`${side.url}?id=joe`, { default: {} }, { headers });
    await real.client.ready;
    expect(real.client.id).toBe('ann');
    // Without a class of its own the client takes the global one, which cannot send headers.
    const inUrl = dial(
      `${side.url}?id=joe`,
      { default: {} },
      withParts(
        { headers: { 'X-Id': 'bob' } },
        // The class of ws is that of a browser with one more argument.
        { WebSocket: class extends WebSocket {} },
      ),
      true,
    );
    await inUrl.client.ready;
    expect(inUrl.client.id).toBe('bob');
    expect(await side.tries('bob')).toBe(0);
  });

  it('[CL5] [CL2] #21 a refusal of onConnect closes the client with its text', async () => {
    const side = await start();
    const { client } = dial(urlFor(side, 'refused'), { default: {} });
    await expect(client.ready).rejects.toEqual(new CloseError(1008, 'not allowed; sorry'));
    expect(client.state).toBe('closed');
    expect(client.reason).toEqual({ code: 1008, text: 'not allowed; sorry' });
    await expect(client.connect('default')).rejects.toThrow('write closed');
  });

  it('[CL9] #23 the server connects it inside onConnect', async () => {
    const side = await start();
    const { client, log } = dial(urlFor(side, 'invited'), { default: {} });
    const ns = await client.waitServerConnect('default');
    expect(ns.isConnected).toBe(true);
    expect(await side.does('invited', { op: 'invited' })).toBe('done');
    expect(log.rest()).toEqual(['OnNamespaceConnect default', 'OnNamespaceConnected default']);
    expect((await ns.ask('ping')).body).toBe('pong');
    expect(await side.log.take(3)).toEqual([
      'OnNamespaceConnect default local',
      'OnNamespaceConnected default local',
      'ping default: ',
    ]);
  });

  it('[CL9] #23 it refuses to be connected inside onConnect', async () => {
    const side = await start();
    const refuse = (): never => {
      throw new Error('no, thanks');
    };
    const { client } = dial(urlFor(side, 'invited'), { default: { [OnNamespaceConnect]: refuse } });
    await expect(side.does('invited', { op: 'invited' })).rejects.toThrow('no, thanks');
    expect(client.namespace('default')).toBeUndefined();
  });

  it('[CL3] [CL9] #25 it closes: forced events on both sides', async () => {
    const side = await start();
    const { client, log } = await enterAlone({ start, dial, isOurs }, side, { rooms: ['r1'] });
    await client.close();
    const events = [...left('r1', ' forced local'), 'OnNamespaceDisconnect default forced local'];
    expect(await log.take(3)).toEqual(events);
    expect(await side.log.take(3)).toEqual(events);
    expect(client.reason).toEqual({ code: 1000, text: '' });
  });
};

const namespaces = (stage: Stage): void => {
  const { start, dial } = stage;

  it('[CL9] #25 it disconnects: order and flags on both sides', async () => {
    const side = await start();
    const { client, ns, log } = await enterAlone(stage, side, { rooms: ['r1'] });
    await ns.disconnect();
    expect(client.namespace('default')).toBeUndefined();
    expect(log.rest()).toEqual([...left('r1', ' forced local'), 'OnNamespaceDisconnect default local']);
    expect(await side.log.take(3)).toEqual(['OnNamespaceDisconnect default', ...left('r1', ' forced')]);
    expect((await client.connect('default')).isConnected).toBe(true);
  });

  it('[CL9] #20 row 35: the server refuses a disconnect, and nothing has changed', async () => {
    const side = await start();
    const { client } = dial(urlFor(side), { stays: {} });
    const ns = await client.connect('stays');
    await expect(ns.disconnect()).rejects.toThrow('stay');
    expect(client.namespace('stays')).toBe(ns);
    expect(ns.isConnected).toBe(true);
  });

  it('[CL9] #24 the server connects it, and takes it out again: order and flags on both sides', async () => {
    const side = await start();
    const { client, log } = dial(urlFor(side), { default: {} });
    await client.ready;
    expect(await side.does('joe', { op: 'connect', namespace: 'default' })).toBe('done');
    expect(await log.take(2)).toEqual(['OnNamespaceConnect default', 'OnNamespaceConnected default']);
    expect(await side.log.take(2)).toEqual(['OnNamespaceConnect default local', 'OnNamespaceConnected default local']);
    const ns = client.namespace('default');
    await ns?.joinRoom('r1');
    log.rest();
    await side.log.take(2);
    expect(await side.does('joe', { op: 'disconnect', namespace: 'default' })).toBe('done');
    expect(await log.take(3)).toEqual([...left('r1', ' forced'), 'OnNamespaceDisconnect default']);
    expect(await side.log.take(3)).toEqual([...left('r1', ' forced local'), 'OnNamespaceDisconnect default local']);
    expect(client.namespace('default')).toBeUndefined();
    expect(ns?.emit('ping')).toBe(false);
  });

  it('[CL9] #24 it refuses to be connected, and does not know a namespace', async () => {
    const side = await start();
    const refuse = (): never => {
      throw new Error('no, thanks');
    };
    const { client } = dial(urlFor(side), { default: { [OnNamespaceConnect]: refuse } });
    await client.ready;
    await expect(side.does('joe', { op: 'connect', namespace: 'default' })).rejects.toThrow('no, thanks');
    await expect(side.does('joe', { op: 'connect', namespace: 'other' })).rejects.toThrow('bad namespace');
    expect(client.namespace('default')).toBeUndefined();
  });
};

const rooms = (stage: Stage): void => {
  const { start, dial } = stage;

  it('[CL8] [CL9] #12 #25 it joins and leaves: events of both sides', async () => {
    const side = await start();
    const { ns, log } = await enterAlone(stage, side);
    const room = await ns.joinRoom('r1');
    expect([room.name, room.isJoined]).toEqual(['r1', true]);
    expect(await ns.joinRoom('r1')).toBe(room);
    expect(log.rest()).toEqual(['OnRoomJoin default/r1 local', 'OnRoomJoined default/r1 local']);
    expect(await side.log.take(2)).toEqual(['OnRoomJoin default/r1', 'OnRoomJoined default/r1']);
    room.emit('echo', 'hi');
    expect(await log.next()).toBe('echo default/r1: hi');
    expect(await side.log.next()).toBe('echo default/r1: hi');
    await room.leave();
    expect(log.rest()).toEqual(left('r1', ''));
    expect(await side.log.take(2)).toEqual(left('r1', ''));
    expect([room.isJoined, ns.room('r1'), room.emit('echo')]).toEqual([false, undefined, false]);
  });

  it('[CL9] #12 #30 it leaves every room', async () => {
    const side = await start();
    const { ns, log } = await enterAlone(stage, side, { rooms: ['ra', 'rb'] });
    await ns.leaveAll();
    expect(log.rest()).toEqual([...left('ra', ' local'), ...left('rb', ' local')]);
    expect(await side.log.take(4)).toEqual([...left('ra', ''), ...left('rb', '')]);
    expect(ns.rooms()).toEqual([]);
  });

  it('[CL9] #20 rows 23 and 24: the server refuses a join and a leave', async () => {
    const side = await start();
    const { ns } = await enter(stage, side, { rooms: ['sticky'] });
    await expect(ns.joinRoom('secret')).rejects.toThrow('room denied');
    expect(ns.room('secret')).toBeUndefined();
    const sticky = ns.room('sticky');
    await expect(sticky?.leave()).rejects.toThrow('cannot leave');
    expect([ns.room('sticky'), sticky?.isJoined]).toEqual([sticky, true]);
    await expect(ns.joinRoom('')).rejects.toBe(ErrBadRoom);
  });

  it('[CL9] #20 a join that the client itself refuses is taken back', async () => {
    const side = await start();
    const refuse = (): never => {
      throw new Error('changed my mind');
    };
    const { ns } = await enterAlone(stage, side, { handlers: { [OnRoomJoin]: refuse } });
    await expect(ns.joinRoom('r1')).rejects.toThrow('changed my mind');
    expect(ns.room('r1')).toBeUndefined();
    expect(await side.log.take(4)).toEqual(['OnRoomJoin default/r1', 'OnRoomJoined default/r1', ...left('r1', '')]);
  });

  it('[CL9] #24 the server puts it into a room and out again; it refuses another', async () => {
    const side = await start();
    const refuseNo = (_: unknown, { room }: { readonly room: string }): void => {
      if (room === 'no') throw new Error('not there');
    };
    const { ns, log } = await enterAlone(stage, side, { handlers: { [OnRoomJoin]: refuseNo } });
    await expect(side.does('joe', { op: 'join', namespace: 'default', room: 'no' })).rejects.toThrow('not there');
    expect(log.rest()).toEqual(['OnRoomJoin default/no']);
    expect(await side.does('joe', { op: 'join', namespace: 'default', room: 'srv' })).toBe('done');
    expect(ns.rooms().map(({ name }) => name)).toEqual(['srv']);
    expect(log.rest()).toEqual(['OnRoomJoin default/srv', 'OnRoomJoined default/srv']);
    expect(await side.does('joe', { op: 'leave', namespace: 'default', room: 'srv' })).toBe('done');
    expect(log.rest()).toEqual(left('srv', ''));
    expect(ns.rooms()).toEqual([]);
  });

  it('[CL9] [CL14] #13 a handler of the server joins it: what is emitted to the room finds it there', async () => {
    const side = await start();
    // A Go server takes what comes before the answer to its own ask for that answer.
    const event = stage.isOurs ? OnRoomJoined : 'entered';
    const client = await enter(stage, side, {
      handlers: { [event]: (ns, { room }) => void ns.room(room)?.emit('echo', 'hello') },
    });
    expect((await client.ns.ask('enter', 'srv')).body).toBe('in');
    expect(await client.log.take(4)).toEqual([
      'OnRoomJoin default/srv',
      'OnRoomJoined default/srv',
      'entered default/srv: srv',
      'echo default/srv: hello',
    ]);
    expect(await told(client)).toEqual([]);
  });

  it('[CL8] #3 names with separators survive both ways', async () => {
    const side = await start();
    const { client, log } = dial(urlFor(side), { 'contains;semi': {} });
    const ns = await client.connect('contains;semi');
    const room = await ns.joinRoom(';this;for sure;');
    log.rest();
    room.emit('echo', 'x;y');
    expect(await log.next()).toBe('echo contains;semi/;this;for sure;: x;y');
    expect(await side.log.take(5)).toContain('OnRoomJoined contains;semi/;this;for sure;');
    expect(ns.room(';this;for sure;')).toBe(room);
  });
};

describeStages((stage) => {
  handshake(stage);
  namespaces(stage);
  rooms(stage);
});
