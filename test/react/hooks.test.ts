import { expect, it } from 'vitest';
import { OnNamespaceConnect, OnRoomJoin, OnRoomJoined, OnRoomLeft, type ServerOptions } from '../../src/index.js';
import { chromium, describeWith } from '../support/peers/installed.js';
import { useServers } from '../support/server/testServer.js';
import { useReactPages } from './page/reactPage.js';
import type { Pane, Scene } from './page/scene.js';

describeWith(chromium, 'the React hooks in a browser', (executablePath) => {
  const startServer = useServers();
  const openPage = useReactPages(executablePath);

  /** A server, a page of it, and what the server has seen. */
  const open = async (options: Partial<ServerOptions> = {}) => {
    const events: string[] = [];
    let dials = 0;
    const testServer = await startServer({
      namespaces: {
        chat: {
          [OnRoomJoined]: (_, { room }) => void events.push(`joined ${room}`),
          [OnRoomLeft]: (_, { room }) => void events.push(`left ${room}`),
          say: (ns, message) => ns.server.broadcast(null, { ...message, event: 'said' }),
        },
      },
      onConnect: () => void dials++,
      ...options,
    });
    const reactPage = await openPage(testServer.url);
    const { server, url } = testServer;
    const scene = (...panes: Pane[]): Scene => ({ url, panes });
    const shows = (pane: string, part: string): ReturnType<typeof expect.poll> =>
      expect.poll(() => reactPage.read(pane, part));
    const say = (text: string, room = ''): void =>
      server.broadcast(null, { namespace: 'chat', room, event: 'said', body: text });
    return { ...testServer, ...reactPage, events, dials: () => dials, scene, shows, say };
  };

  it('[RC1] [RC2] StrictMode opens one client, and unmounting closes it', async () => {
    const { server, dials, scene, shows, show, clear, complaints, disconnects } = await open();
    await show(scene({ id: 'a', namespace: 'chat' }));
    await shows('a', 'state').toBe('online');
    await shows('a', 'connected').toBe('true');
    expect(server.totalConnections).toBe(1);
    await clear();
    expect((await disconnects.next()).reason.code).toBe(1000);
    expect(dials()).toBe(1);
    expect(complaints).toEqual([]);
  });
});
