import { expect, it } from 'vitest';
import type { ClientState, Recovery } from '../../src/client/client.js';
import { useGateways } from './gateway.js';
import { describeStages, enter, type Stage } from './ourClientSuite.js';

const openGateway = useGateways();

/** The calls of handlers during one outage, with what the server's events lack. */
const outage = (local: string): string[] => [
  'OnRoomLeave default/r1 forced local',
  'OnRoomLeft default/r1 forced local',
  'OnNamespaceDisconnect default forced local',
  `OnNamespaceConnect default${local}`,
  `OnNamespaceConnected default${local}`,
  `OnRoomJoin default/r1${local}`,
  `OnRoomJoined default/r1${local}`,
];

/** A client in room r1 whose way to the server can be cut. */
const settle = async (stage: Stage) => {
  const side = await stage.start();
  const gateway = await openGateway(side.url);
  const recoveries: Recovery[] = [];
  const states: ClientState[] = [];
  const entered = await enter(stage, gateway, {
    rooms: ['r1'],
    options: { onReconnect: (recovery) => recoveries.push(recovery) },
  });
  entered.client.subscribe((state) => states.push(state));
  await side.log.take(4);
  gateway.seen.rest();
  return { side, gateway, recoveries, states, ...entered };
};

const returns = (stage: Stage): void => {
  it('[CL8] [CL12] #30 its line is cut: it is in its namespaces and rooms again, by the same objects', async () => {
    const { side, gateway, recoveries, client, ns, log } = await settle(stage);
    const room = ns.room('r1');
    gateway.cut(0);
    expect(await log.take(7)).toEqual(outage(' local'));
    const server = await side.log.take(7);
    // The Go server may learn of the loss after the new line.
    expect([...server].sort()).toEqual([...outage('')].sort());
    await expect.poll(() => recoveries).toHaveLength(1);
    expect(recoveries).toEqual([
      { recovered: false, because: 'no-session', reason: { code: 1006, text: '' }, inDoubt: 0, unsent: 0, refused: [] },
    ]);
    expect(client.namespace('default')).toBe(ns);
    expect([ns.room('r1'), room?.isJoined]).toEqual([room, true]);
    expect((await ns.ask('ping')).body).toBe('pong');
    // It does not probe with HEAD.
    expect(gateway.seen.rest()).toEqual(['GET 101']);
    expect(await side.tries('joe')).toBe(1);
  });

  it('[CL8] [CL12] #30 #19 the server is killed and another one started: the client comes back', async () => {
    const { side, gateway, recoveries, states, ns, log } = await settle(stage);
    const room = ns.room('r1');
    gateway.cut(2);
    await side.kill();
    await expect.poll(() => states.filter((state) => state === 'dialing').length).toBeGreaterThan(1);
    const next = await stage.start();
    gateway.moveTo(next.url);
    await expect.poll(() => recoveries).toHaveLength(1);
    expect(log.rest()).toEqual(outage(' local'));
    expect(await next.log.take(4)).toEqual(outage('').slice(3));
    expect(room?.emit('echo', 'here again')).toBe(true);
    expect(await log.next()).toBe('echo default/r1: here again');
    expect(Number(await next.tries('joe'))).toBeGreaterThan(1);
    expect(states.at(-1)).toBe('online');
  });

  it('[CL11] #30 what is emitted and asked during an outage goes out behind the entries, in order', async () => {
    const { side, gateway, states, ns } = await settle(stage);
    gateway.cut(1);
    await expect.poll(() => states).toContain('waiting');
    expect(ns.emit('void', '1')).toBe(true);
    expect(ns.room('r1')?.emit('void', '2')).toBe(true);
    const asked = ns.ask('ping');
    expect(ns.emit('void', '3')).toBe(true);
    expect((await asked).body).toBe('pong');
    await side.received();
    const events = ['void default: 1', 'void default/r1: 2', 'ping default: ', 'void default: 3'];
    await expect
      .poll(() => side.log.all.filter((line) => line.startsWith('void') || line.startsWith('ping')))
      .toEqual(events);
  });

  it('[CL8] #30 a room that was left and a namespace that was disconnected are not entered again', async () => {
    const { side, gateway, recoveries, client, ns, log } = await settle(stage);
    await ns.joinRoom('r2');
    await ns.room('r1')?.leave();
    const other = await client.connect('other');
    await other.disconnect();
    log.rest();
    gateway.cut(0);
    await expect.poll(() => recoveries).toHaveLength(1);
    expect(log.rest()).toEqual(outage(' local').map((line) => line.replace('r1', 'r2')));
    expect(ns.rooms().map(({ name }) => name)).toEqual(['r2']);
    expect(client.namespace('other')).toBeUndefined();
    await side.received();
  });

  it('[CL8] #30 what the server put it into it leaves to the server, by the same object', async () => {
    const { side, gateway, recoveries, ns } = await settle(stage);
    expect(await side.does('joe', { op: 'join', namespace: 'default', room: 'srv' })).toBe('done');
    const room = ns.room('srv');
    gateway.cut(0);
    await expect.poll(() => recoveries).toHaveLength(1);
    expect([ns.room('r1')?.isJoined, room?.isJoined, room?.emit('echo', 'early')]).toEqual([true, false, false]);
    expect(await side.does('joe', { op: 'join', namespace: 'default', room: 'srv' })).toBe('done');
    expect([ns.room('srv'), room?.isJoined]).toEqual([room, true]);
    expect(recoveries[0]?.refused).toEqual([]);
  });

  it('[CL12] #30 a room that is refused after a reconnect is told, and out', async () => {
    const { side, gateway, recoveries, ns } = await settle(stage);
    const room = ns.room('r1');
    const next = await stage.start({ default: { _OnRoomJoin: 'refuse:r1=full now', ping: 'reply:pong' } });
    gateway.moveTo(next.url);
    gateway.cut(0);
    await expect.poll(() => recoveries).toHaveLength(1);
    expect(recoveries[0]?.refused).toEqual([{ namespace: 'default', room: 'r1', error: new Error('full now') }]);
    expect([ns.isConnected, ns.room('r1'), room?.emit('echo')]).toEqual([true, undefined, false]);
    expect((await ns.ask('ping')).body).toBe('pong');
    await side.received();
  });
};

describeStages(returns);
