// A redis-server that ends with this process and keeps no data: node bench/broker.js
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from 'redis';
import { freePort } from './daemon.js';
import { answerRequests, writeLine } from './line.js';
import { startRedisServer } from './redis.js';

const port = await freePort();
const folder = mkdtempSync(join(tmpdir(), 'muster-bench-redis-'));
const { child, ready } = startRedisServer(port, folder);
// SIGKILL is safe: the server keeps no data.
process.once('exit', () => {
  child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
await ready;

const url = `redis://127.0.0.1:${port}`;
const client = createClient({ url });
// The client loses its connection when the server ends.
client.on('error', () => {});
await client.connect();

answerRequests({
  /** Returns the number of connections, without this process's own. */
  async connections() {
    const list = String(await client.sendCommand(['CLIENT', 'LIST']));
    return { connections: list.trim().split('\n').length - 1 };
  },
});
writeLine({ ready: true, url });
