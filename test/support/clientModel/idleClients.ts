// Clients in a process of their own that connect and then do nothing. It tells how much heap each of them takes.

import { WebSocket } from 'ws';
import { dial } from '../../../src/client/client.js';

const [port = '', count = '0', kind = ''] = process.argv.slice(2);
const url = `ws://127.0.0.1:${port}/`;
const total = Number(count);
process.on('disconnect', () => process.exit(0));

/** Everything that is kept, so that nothing of it is collected. */
const kept: unknown[] = [];
const openSocket = (): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(url, { perMessageDeflate: false });
    kept.push(socket);
    socket.on('open', () => socket.send('M'));
    socket.on('message', () => resolve());
    socket.on('error', reject);
  });
const openClient = async (): Promise<void> => {
  const client = dial(url, { WebSocket, namespaces: { chat: {} } });
  kept.push(client);
  await client.ready;
};
const openMember = async (): Promise<void> => {
  const client = dial(url, { WebSocket, namespaces: { chat: { said: () => {} } } });
  kept.push(client, await (await client.connect('chat')).joinRoom('lobby'));
};
const open = kind === 'socket' ? openSocket : kind === 'client' ? openClient : openMember;

const dialMany = async (many: number): Promise<void> => {
  for (let left = many; left > 0; left -= 50) await Promise.all(Array.from({ length: Math.min(50, left) }, open));
};
/** Heap in use, in bytes, once nothing more is to be collected. */
const heap = async (): Promise<number> => {
  for (let rounds = 0; rounds < 4; rounds++) {
    globalThis.gc?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return process.memoryUsage().heapUsed;
};

await dialMany(200);
const before = await heap();
await dialMany(total);
process.send?.({ bytes: ((await heap()) - before) / total });
