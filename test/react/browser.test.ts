import { createElement, StrictMode } from 'react';
import { renderToString } from 'react-dom/server';
import { expect, it } from 'vitest';
import { OnNamespaceConnect, OnRoomJoin, OnRoomJoined, OnRoomLeft, type ServerOptions } from '../../src/index.js';
import { chromium, describeWith } from '../support/peers/installed.js';
import { useServers } from '../support/server/testServer.js';
import { useReactPages } from './page/reactPage.js';
import { type Pane, type Scene, SceneView } from './page/scene.js';

describeWith(chromium, 'the React hooks in a browser', (executablePath) => {
  const startServer = useServers();
  const openPage = useReactPages(executablePath);

  /** A server, a page of it, and what the server has seen. `refusal` is what it says to whatever is asked. */
  const open = async (options: Partial<ServerOptions> = {}) => {
    const events: string[] = [];
    const control = { dials: 0, refusal: '' };
    const decide = (): void => {
      if (control.refusal) throw new Error(control.refusal);
    };
    const testServer = await startServer({
      namespaces: {
        chat: {
          [OnNamespaceConnect]: decide,
          [OnRoomJoin]: decide,
          [OnRoomJoined]: (_, { room }) => void events.push(`joined ${room}`),
          [OnRoomLeft]: (_, { room }) => void events.push(`left ${room}`),
          say: (ns, { room, body }) => ns.broadcast({ namespace: 'chat', room, event: 'said', body }),
        },
        news: {},
      },
      origins: 'any',
      onConnect: () => void control.dials++,
      ...options,
    });
    const reactPage = await openPage();
    const { server, url } = testServer;
    const scene = (...panes: Pane[]): Scene => ({ url, panes });
    const shows = (pane: string, part: string): ReturnType<typeof expect.poll> =>
      expect.poll(() => reactPage.read(pane, part));
    const say = (body: string, room = ''): void =>
      server.broadcast(null, { namespace: 'chat', room, event: 'said', body });
    /** Ends every line. The clients dial again at once. */
    const cut = (): void => {
      for (const conn of server.connections()) conn.close(1012, 'retry=0');
    };
    const ns = () => server.connections()[0]?.namespace('chat');
    return { ...testServer, ...reactPage, events, control, scene, shows, say, cut, ns };
  };

  it('[RC1] [RC2] StrictMode opens one client, and unmounting closes it', async () => {
    const { server, control, scene, shows, show, clear, complaints, disconnects } = await open();
    await show(scene({ id: 'a', namespace: 'chat' }));
    await shows('a', 'state').toBe('online');
    await shows('a', 'connected').toBe('true');
    expect(server.totalConnections).toBe(1);
    await clear();
    expect((await disconnects.next()).reason.code).toBe(1000);
    expect(control.dials).toBe(1);
    expect(complaints).toEqual([]);
  });

  it('[RC1] components share the client of a URL and key, until the last has gone', async () => {
    const { server, control, scene, shows, show, replace, clear, disconnects } = await open();
    const a = { id: 'a', namespace: 'chat' };
    await show(scene(a, { id: 'b', namespace: 'news' }, { id: 'c', namespace: 'chat', key: 'other' }));
    for (const id of ['a', 'b', 'c']) await shows(id, 'connected').toBe('true');
    expect(server.totalConnections).toBe(2);
    await show(scene(a));
    await disconnects.next();
    await replace(scene({ ...a, id: 'd' }));
    await shows('d', 'state').toBe('online');
    await clear();
    await disconnects.next();
    expect(control.dials).toBe(2);
  });

  it('[RC1] without a URL nothing is dialed', async () => {
    const { control, show, read, scene, shows } = await open();
    await show({ url: null, panes: [{ id: 'a', namespace: 'chat' }] });
    expect(await read('a', 'state')).toBe('idle');
    expect(await read('a', 'handle')).toBe('false');
    expect(control.dials).toBe(0);
    await show(scene({ id: 'a', namespace: 'chat' }));
    await shows('a', 'state').toBe('online');
  });

  it('[RC1] [RC4] a client and a room of the program itself are neither closed nor left', async () => {
    const { server, events, page, url, scene, shows, show } = await open();
    await page.evaluate(`stage.join('${url}', 'chat', 'own')`);
    const news = { id: 'news', namespace: 'news', isGiven: true };
    await show(scene(news, { id: 'a', namespace: 'chat', room: 'own', isGiven: true }, { ...news, id: 'b' }));
    await shows('a', 'joined').toBe('true');
    await shows('news', 'connected').toBe('true');
    await show(scene());
    await expect.poll(() => server.connections()[0]?.namespace('news')).toBeUndefined();
    expect(events).toEqual(['joined own']);
    expect(server.totalConnections).toBe(1);
  });

  it('[RC2] the reason of the end is shown', async () => {
    const { server, scene, shows, show } = await open();
    await show(scene({ id: 'a', namespace: 'chat' }));
    await shows('a', 'connected').toBe('true');
    server.connections()[0]?.close(4_001, 'signed in elsewhere');
    await shows('a', 'state').toBe('closed');
    await shows('a', 'reason').toBe('4001 signed in elsewhere');
    await shows('a', 'connected').toBe('false');
    await shows('a', 'handle').toBe('false');
  });

  it('[RC3] [RC6] a dial asks the newest token, and a reconnect keeps handles and handlers', async () => {
    const tokens: unknown[] = [];
    const { scene, shows, show, say, cut, page } = await open({
      authenticate: ({ token }) => void tokens.push(token),
    });
    const a = { id: 'a', namespace: 'chat', room: 'alpha', token: 'first' };
    await show(scene(a));
    await shows('a', 'joined').toBe('true');
    await show(scene({ ...a, token: 'second' }));
    cut();
    await shows('a', 'reason').toBe('1012 retry=0');
    await shows('a', 'joined').toBe('true');
    expect(tokens).toEqual(['first', 'second']);
    say('again', 'alpha');
    await shows('a', 'heard').toBe('again');
    expect(await page.evaluate('stage.handlers')).toEqual({ added: 1, left: 1 });
  });

  it('[RC4] components share a room, and the last of them leaves it', async () => {
    const { events, scene, shows, show, replace, ns, say } = await open();
    const pane = (id: string): Pane => ({ id, namespace: 'chat', room: 'alpha' });
    const other = { id: 'other', namespace: 'chat' };
    await show(scene(other, pane('a'), pane('b')));
    for (const id of ['a', 'b']) await shows(id, 'joined').toBe('true');
    say('to both', 'alpha');
    for (const id of ['a', 'b']) await shows(id, 'heard').toBe('to both');
    await show(scene(other, pane('b')));
    say('to one', 'alpha');
    await shows('b', 'heard').toBe('to both to one');
    await replace(scene(other, pane('c')));
    await shows('c', 'joined').toBe('true');
    expect(events).toEqual(['joined alpha']);
    await show(scene(other));
    await expect.poll(() => events).toEqual(['joined alpha', 'left alpha']);
    expect(ns()?.rooms()).toEqual([]);
    await show(scene(other, pane('d')));
    await shows('d', 'joined').toBe('true');
    await show(scene({ ...other, namespace: 'news' }));
    await expect.poll(ns).toBeUndefined();
  });

  it('[RC4] what is emitted before the server has answered arrives', async () => {
    const { scene, shows, show, press, page } = await open();
    await page.context().setOffline(true);
    await show(scene({ id: 'a', namespace: 'chat', room: 'alpha' }));
    await shows('a', 'handle').toBe('true');
    await press('a', 'say');
    await page.context().setOffline(false);
    await shows('a', 'heard').toBe('a');
  });

  it('[RC5] a refusal is shown, until a retry', async () => {
    const { control, scene, shows, show, press } = await open();
    control.refusal = 'closed today';
    await show(scene({ id: 'a', namespace: 'chat' }));
    await shows('a', 'error').toBe('closed today');
    await shows('a', 'handle').toBe('false');
    control.refusal = '';
    await press('a', 'retry');
    await shows('a', 'connected').toBe('true');
    await shows('a', 'error').toBe('');
    control.refusal = 'full';
    await show(scene({ id: 'a', namespace: 'chat', room: 'alpha' }));
    await shows('a', 'room-error').toBe('full');
    control.refusal = '';
    await press('a', 'retry');
    await shows('a', 'joined').toBe('true');
    await shows('a', 'room-error').toBe('');
  });

  it('[RC5] a refusal after a reconnect is shown', async () => {
    const { control, scene, shows, show, cut, press } = await open();
    await show(scene({ id: 'a', namespace: 'chat', room: 'alpha' }));
    await shows('a', 'joined').toBe('true');
    control.refusal = 'no more';
    cut();
    await shows('a', 'error').toBe('no more');
    await shows('a', 'connected').toBe('false');
    await shows('a', 'handle').toBe('false');
    await show(scene({ id: 'a', namespace: 'chat' }));
    control.refusal = '';
    await press('a', 'retry');
    await shows('a', 'connected').toBe('true');
  });

  it('[RC5] being put out by the server is shown', async () => {
    const { scene, shows, show, ns } = await open();
    await show(scene({ id: 'a', namespace: 'chat', room: 'alpha' }, { id: 'b', namespace: 'chat' }));
    await shows('a', 'joined').toBe('true');
    await ns()?.room('alpha')?.leave();
    await shows('a', 'joined').toBe('false');
    await shows('a', 'handle').toBe('false');
    await shows('b', 'connected').toBe('true');
    await ns()?.disconnect();
    await shows('b', 'connected').toBe('false');
    await shows('b', 'handle').toBe('false');
  });

  it('[RC8] a page takes over what a server has rendered, without a mismatch', async () => {
    const { scene, url } = await open();
    const pane: Pane = { id: 'a', namespace: 'chat', room: 'alpha' };
    const shown = scene(pane);
    const html = renderToString(createElement(StrictMode, null, createElement(SceneView, { scene: shown })));
    const { page, read, complaints } = await openPage(html);
    const first = await page.evaluate(`stage.hydrate(${JSON.stringify({ url, panes: [pane] })})`);
    expect(first).toMatch(/^idle/);
    await expect.poll(() => read('a', 'joined')).toBe('true');
    expect(await page.evaluate('stage.complaints')).toEqual([]);
    expect(complaints).toEqual([]);
  });

  it('[RC7] the newest handler is called, without a new subscription, until the component has gone', async () => {
    const { scene, shows, show, say, page } = await open();
    const a = { id: 'a', namespace: 'chat', room: 'alpha' };
    await show(scene({ ...a, prefix: '1:' }, { ...a, id: 'b' }));
    await shows('a', 'joined').toBe('true');
    say('x', 'alpha');
    await shows('a', 'heard').toBe('1:x');
    expect(await page.evaluate('stage.handlers')).toEqual({ added: 2, left: 2 });
    await show(scene({ ...a, prefix: '2:' }, { ...a, id: 'b' }));
    say('y', 'alpha');
    await shows('a', 'heard').toBe('1:x 2:y');
    expect(await page.evaluate('stage.handlers')).toEqual({ added: 2, left: 2 });
    await show(scene({ ...a, id: 'b' }));
    expect(await page.evaluate('stage.handlers')).toEqual({ added: 2, left: 1 });
  });
});
