import { setImmediate as macrotask } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { dial } from '../../src/client/client.js';
import type { NSConn } from '../../src/client/handles.js';
import { OnNamespaceConnect } from '../../src/index.js';
import { OnNamespaceConnected, OnNamespaceDisconnect } from '../../src/protocol/message.js';
import { enter } from '../../src/react/membership.js';
import { Sharing } from '../../src/react/shared.js';
import { useServers } from '../support/server/testServer.js';

const startServer = useServers();

/** Something to share that notes what is done with it. */
const shared = () => {
  const done: string[] = [];
  let given = (): string => '';
  const sharing = new Sharing<object, string, string>('idle', ({ key, show, newest }) => {
    done.push(`open ${key} ${newest()}`);
    show('opened');
    given = newest;
    return () => void done.push(`close ${key} ${newest()}`);
  });
  const owner = {};
  const use = (key: string, input = ''): (() => void) => sharing.use(owner, key, { current: input }, () => {});
  return { sharing, owner, use, done, given: () => given() };
};

it('[RC1] [RC4] what is shared is opened for the first and closed one macrotask after the last', async () => {
  const { sharing, owner, use, done } = shared();
  expect(sharing.view(owner, 'a')).toBe('idle');
  const first = use('a');
  const second = use('a');
  expect(sharing.view(owner, 'a')).toBe('opened');
  first();
  await macrotask();
  await macrotask();
  expect(done).toEqual(['open a ']);
  second();
  expect(done).toEqual(['open a ']);
  await expect.poll(() => done).toEqual(['open a ', 'close a ']);
  expect(sharing.view(owner, 'a')).toBe('idle');
  expect(sharing.view(undefined, 'a')).toBe('idle');
});

it('[RC1] [RC4] it stays open for a user of the same macrotask, however often', async () => {
  const { use, done } = shared();
  use('a')();
  use('a')();
  const last = use('a');
  await macrotask();
  await macrotask();
  expect(done).toEqual(['open a ']);
  last();
  await expect.poll(() => done).toEqual(['open a ', 'close a ']);
});

it('[RC1] keys have nothing in common', () => {
  const { sharing, owner, use, done } = shared();
  use('a');
  expect(sharing.view(owner, 'b')).toBe('idle');
  use('b');
  expect(done).toEqual(['open a ', 'open b ']);
});

it('[RC3] what the user that came last has given holds', () => {
  const { use, given } = shared();
  const first = use('a', 'first');
  expect(given()).toBe('first');
  const second = use('a', 'second');
  expect(given()).toBe('second');
  first();
  expect(given()).toBe('second');
  use('a', 'third');
  second();
  expect(given()).toBe('third');
});

/** A client, its server, and a namespace of it as components see it. */
const entered = async () => {
  const control = { refusal: '' };
  const { server, url } = await startServer({
    namespaces: {
      chat: {
        [OnNamespaceConnect]: () => {
          if (control.refusal) throw new Error(control.refusal);
        },
      },
      fence: {},
    },
  });
  const client = dial(url, { WebSocket });
  await client.ready;
  const views: { handle: NSConn | undefined; isIn: boolean; error: unknown; retry: () => void }[] = [];
  const find = (): NSConn | undefined => client.namespace('chat');
  const use = (): (() => void) =>
    enter<NSConn>({
      client,
      events: [OnNamespaceConnected, OnNamespaceDisconnect],
      find,
      namespace: find,
      isIn: (ns) => ns.isConnected,
      enter: () => client.connect('chat'),
      leave: (ns) => ns.disconnect(),
      show: (handle, isIn, error, retry) => views.push({ handle, isIn, error, retry }),
    });
  const seen = (): unknown[] =>
    views.map(({ handle, isIn, error }) => [
      handle !== undefined,
      isIn,
      error instanceof Error ? error.message : error,
    ]);
  return { server, client, control, use, seen, views };
};

it('[RC4] [RC6] a component sees the handle at once, then that it is in, and a reconnect of the same handle', async () => {
  const { server, client, use, seen, views } = await entered();
  use();
  expect(seen()).toEqual([[true, false, undefined]]);
  await expect.poll(seen).toEqual([
    [true, false, undefined],
    [true, true, undefined],
  ]);
  server.connections()[0]?.close(1012, 'retry=0');
  await expect
    .poll(() => seen().slice(2))
    .toEqual([
      [true, false, undefined],
      [true, true, undefined],
    ]);
  expect(new Set(views.map(({ handle }) => handle)).size).toBe(1);
  await client.close();
});

it('[RC4] what components entered is left, and what the program entered is not', async () => {
  const { server, client, use } = await entered();
  const chat = (): unknown => server.connections()[0]?.namespace('chat');
  const leave = use();
  await expect.poll(chat).toBeDefined();
  leave();
  await expect.poll(chat).toBeUndefined();
  await client.connect('chat');
  const leaveOurs = use();
  leaveOurs();
  // The server answers in order.
  await client.connect('fence');
  expect(chat()).toBeDefined();
  await client.close();
});

it('[RC5] a refusal is told, again after each retry, and is taken back', async () => {
  const { client, control, use, seen, views } = await entered();
  control.refusal = 'closed today';
  use();
  await expect.poll(() => seen().at(-1)).toEqual([false, false, 'closed today']);
  views.at(-1)?.retry();
  expect(seen().at(-1)).toEqual([true, false, undefined]);
  await expect.poll(() => seen().at(-1)).toEqual([false, false, 'closed today']);
  control.refusal = '';
  views.at(-1)?.retry();
  await expect.poll(() => seen().at(-1)).toEqual([true, true, undefined]);
  await client.close();
});

it('[RC5] a refusal after a reconnect is told', async () => {
  const { server, client, control, use, seen } = await entered();
  use();
  await expect.poll(() => seen().at(-1)).toEqual([true, true, undefined]);
  control.refusal = 'no more';
  server.connections()[0]?.close(1012, 'retry=0');
  await expect.poll(() => seen().at(-1)).toEqual([false, false, 'no more']);
  await client.close();
});
