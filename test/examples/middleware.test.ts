import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import withoutTypes from 'ts-blank-space';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { blocksOf } from '../support/docs/docBlocks.js';
import { RawClient } from '../support/peers/rawClient.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
/** Inside of the package, so that the package finds itself by its name. */
const folder = join(root, 'test/.blocks/middleware');
const children: ChildProcess[] = [];
const clients: RawClient[] = [];

beforeAll(() => void mkdirSync(folder, { recursive: true }));
afterAll(async () => {
  for (const client of clients) client.terminate();
  for (const child of children) {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
  rmSync(folder, { recursive: true, force: true });
});

/** Starts the server of a page's block that has this text in it. */
const start = async (page: string, text: string) => {
  const block = blocksOf(page, readFileSync(join(root, page), 'utf8')).find(({ code }) => code.includes(text));
  const file = join(folder, `${children.length}.mjs`);
  const code = block?.language === 'ts' ? withoutTypes(block.code) : block?.code;
  writeFileSync(file, `${code}\nconsole.log('port', (await server.listen(0)).port);\n`);
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    output += part;
  });
  await expect.poll(() => output, { timeout: 10_000 }).toContain('port');
  const port = /port (\d+)/.exec(output)?.[1];
  return {
    printed: () => output.replace(/^port.*\n/, ''),
    async dial(headers: Readonly<Record<string, string>> = {}) {
      const client = await RawClient.dial(`ws://127.0.0.1:${port}/`, headers);
      clients.push(client);
      await client.acknowledge();
      return client;
    },
  };
};
const answerOf = async (client: RawClient, frame: string): Promise<string> =>
  String(await client.ask(frame)).replace(/^.*;0;/, '');
const ann = { 'x-user': 'ann' };

test('[MW1] [MW6] [MW8] the recipes log, limit, let in whoever is signed in, and validate', async () => {
  const { dial, printed } = await start('docs/middleware.md', 'const timed');
  const [user, guest] = [await dial(ann), await dial()];
  for (const client of [user, guest]) await client.connect('chat');
  const say = (client: RawClient, body: string): Promise<string> => answerOf(client, `$1;chat;;say;0;0;${body}`);
  expect(await say(guest, '{"text":"hi"}')).toBe('sign in first');
  expect(await say(user, 'hi')).toBe('invalid payload');
  expect(await say(user, '{"txt":"hi"}')).toBe('a message has a text');
  expect(await say(user, '{"text":"hi"}')).toBe('{"text":"hi"}');
  await expect.poll(printed).toMatch(/^(?:chat say: \d+ ms\n){4}$/);
  const flood = await Promise.all(Array.from({ length: 200 }, () => say(guest, '{}')));
  expect(flood).toContain('too many messages');
});

test('[MW2] [MW8] a lifecycle middleware keeps guests out of every namespace', async () => {
  const { dial, printed } = await start('docs/middleware.md', 'isSystemEvent');
  const connect = '$1;game;;_OnNamespaceConnect;0;0;';
  expect(await answerOf(await dial(), connect)).toBe('sign in first');
  expect(await (await dial(ann)).ask(connect)).toBe('$1;;;;;;');
  await expect.poll(printed).toMatch(/^\S+ _OnNamespaceConnect \n\S+ _OnNamespaceConnected \n$/);
});

test('[MW6] [MW7] joins are limited, and the tabs of a user together', async () => {
  const { dial } = await start('docs/middleware.md', 'only: [OnRoomJoin]');
  const client = await dial(ann);
  await client.connect('chat');
  for (let room = 0; room < 5; room++) await client.join('chat', `${room}`);
  expect(await answerOf(client, '$1;chat;six;_OnRoomJoin;0;0;')).toBe('too many messages');
});

test('[MW5] [MW8] the middleware of a contract refuses by its data', async () => {
  const { dial } = await start('docs/middleware.md', 'isMuted');
  const client = await dial();
  await client.connect('chat');
  expect(await answerOf(client, `;chat;;say;0;0;{"text":"${'x'.repeat(501)}"}`)).toBe('too long');
  expect(await client.ask(';chat;;say;0;0;{"text":"hi"}')).toBe(';chat;;say;0;0;{"text":"hi"}');
});

test('[RM8] a closed room has whom the server puts there', async () => {
  const { dial } = await start('docs/rooms.md', "rooms: 'closed'");
  const client = await dial(ann);
  client.send('$1;inbox;;_OnNamespaceConnect;0;0;');
  expect(await client.next()).toBe('$1;;;;;;');
  const asked = String(await client.next());
  expect(asked).toMatch(/;inbox;user:ann;_OnRoomJoin;0;0;$/);
  client.send(asked);
  expect(await answerOf(client, '$2;inbox;user:joe;_OnRoomJoin;0;0;')).toBe('rooms are closed');
});
