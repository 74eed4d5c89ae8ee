import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { createElement } from 'react';
import { renderToString } from 'react-dom/server';
import { afterEach, expect, expectTypeOf, it, vi } from 'vitest';
import { z } from 'zod';
import type { Client, ClientState, Message } from '../../src/client/client.js';
import { ask, contract, event, fromServer } from '../../src/contract/contract.js';
import { useClient, useEvent, useNamespace, useRoom } from '../../src/react/react.js';
import { SceneView } from './page/scene.js';

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

it('[RC8] a server renders `idle`, dials nothing and leaves no timer', () => {
  const dialed: string[] = [];
  vi.stubGlobal(
    'WebSocket',
    class {
      constructor(url: string) {
        dialed.push(url);
      }
    },
  );
  vi.useFakeTimers();
  const panes = [
    { id: 'a', namespace: 'chat', room: 'alpha', token: 'secret' },
    { id: 'b', namespace: 'chat' },
  ];
  const html = renderToString(createElement(SceneView, { scene: { url: 'ws://test/live', panes } }));
  expect(html.match(/class="state">[a-z]+/g)).toEqual(['class="state">idle', 'class="state">idle']);
  expect(html.match(/class="(?:connected|joined|handle)">[a-z]+/g)?.every((part) => part.endsWith('>false'))).toBe(
    true,
  );
  expect(vi.getTimerCount()).toBe(0);
  expect(dialed).toEqual([]);
});

it('[RC9] the hooks add at most 1.5 KB to a page that has React and the client', async () => {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('../../src/react/react.ts', import.meta.url))],
    bundle: true,
    minify: true,
    format: 'esm',
    write: false,
    external: ['react'],
    plugins: [
      {
        name: 'the client is there',
        setup: ({ onResolve }) =>
          onResolve({ filter: /\/client\/(?:runtime|line\/parts)\.js$/ }, () => ({
            path: 'musterjs/client',
            external: true,
          })),
      },
    ],
  });
  const size = gzipSync(outputFiles[0]?.contents ?? '').length;
  expect(size).toBeGreaterThan(500);
  expect(size).toBeLessThanOrEqual(1_500);
});

const app = contract({
  board: {
    edit: event(z.object({ task: z.string() })),
    edited: fromServer(z.object({ task: z.string(), by: z.string() })),
    stats: ask(z.void(), z.object({ open: z.number() })),
  },
});

const typesOnly = (_: () => unknown): void => {};

it('[RC2] [RC4] [RC7] the contract types what the hooks return and handle', () => {
  typesOnly(() => {
    const { client, state } = useClient('/live', { contract: app, auth: () => 'token', key: 'ann' });
    expectTypeOf(client).toEqualTypeOf<Client<typeof app, never> | undefined>();
    expectTypeOf(state).toEqualTypeOf<ClientState>();
    const { ns: board, error } = useNamespace(client, 'board');
    expectTypeOf(error).toEqualTypeOf<unknown>();
    const { room } = useRoom(board, 'alpha');
    board?.emit('edit', { task: '1' });
    expectTypeOf(board?.ask('stats')).toEqualTypeOf<Promise<{ open: number }> | undefined>();
    useEvent(room, 'edited', ({ data }) => void expectTypeOf(data).toEqualTypeOf<{ task: string; by: string }>());
    useEvent(board, 'edit', ({ data }) => void data.task.length);
    // @ts-expect-error no such namespace
    useNamespace(client, 'bord');
    // @ts-expect-error no such event
    useEvent(room, 'edits', () => {});
    // @ts-expect-error wrong data
    useEvent(room, 'edited', ({ data }) => void data.title);
    // @ts-expect-error wrong data
    room?.emit('edit', { task: 1 });
  });
});

it('[RC2] [RC4] [RC7] without a contract any event has a body', () => {
  typesOnly(() => {
    const { client } = useClient('/live');
    const { ns: chat } = useNamespace(client, 'chat');
    const { room } = useRoom(chat, undefined);
    useEvent(room, 'said', (message) => void expectTypeOf(message).toEqualTypeOf<Message>());
    expectTypeOf(useClient(client).client).toEqualTypeOf(client);
  });
});
