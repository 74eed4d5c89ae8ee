import { expect, test } from 'vitest';
import { isSystemEvent } from '../../../src/index.js';
import { fromClient } from '../../../src/protocol/session.js';
import type { FakeSocket } from '../../support/server/fakeSocket.js';
import { SupervisorHarness } from '../../support/server/supervisorHarness.js';
import { hello, pong } from '../../support/sessions/hinted.js';
import { HintedServer } from '../../support/sessions/hintedServer.js';

/** The options of a server with few messages in a tick, and what it has handled. */
const counting = () => {
  const handled: string[] = [];
  const note = (_: unknown, { event }: { readonly event: string }): void => {
    if (!isSystemEvent(event)) handled.push(event);
  };
  return { handled, options: { limits: { framesPerTick: 2 }, namespaces: { n: { _OnAnyEvent: note } } } };
};

/** Gives the socket a text message. Returns whether the next may come. */
const give = ({ texts }: FakeSocket, text: string): boolean | undefined => {
  const bytes = Buffer.from(`#${text}#`);
  return texts?.takeText(bytes, 1, bytes.length - 1);
};

const clients = [
  [
    'a plain client',
    async () => {
      const { handled, options } = counting();
      const harness = new SupervisorHarness(options);
      const { socket } = harness.open('a', 'n');
      await harness.settle();
      return { handled, socket };
    },
  ],
  [
    'a client of the session layer',
    async () => {
      const { handled, options } = counting();
      const host = new HintedServer(options);
      const client = await host.dial();
      await host.send(client, hello(), 'M', '$1;n;;_OnNamespaceConnect;0;0;');
      return { handled, socket: client.socket };
    },
  ],
] as const;

test.each(clients)('[LM9] %s has as many messages handled in a slice as the socket says', async (_, open) => {
  const { handled, socket } = await open();
  const event = (name: string): boolean | undefined => give(socket, `;n;;${name};0;0;`);
  socket.texts?.beginSlice(2);
  expect([event('a'), event('b'), event('c')]).toEqual([true, false, false]);
  socket.texts?.endSlice();
  expect(handled).toEqual(['a', 'b']);
  socket.texts?.beginSlice(2);
  socket.texts?.endSlice();
  expect(handled).toEqual(['a', 'b', 'c']);
  expect([event('d'), event('e')]).toEqual([true, false]);
});

test('[SS12] [LM9] a frame of the session layer is none of the messages', async () => {
  const [, open] = clients[1];
  const { handled, socket } = await open();
  socket.sent.length = 0;
  expect(give(socket, fromClient('ping', '0'))).toBe(true);
  expect([handled, socket.lines]).toEqual([[], [`t ${pong}`]]);
});
