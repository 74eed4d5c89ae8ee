// A redis-server that lives as long as this process, and leaves nothing behind: node bench/broker.js
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from 'redis';
import { freePort } from './daemon.js';
import { obey, say } from './line.js';
import { startRedisServer } from './redis.js';

const port = await freePort();
const folder = mkdtempSync(join(tmpdir(), 'muster-bench-redis-'));
const { child, ready } = startRedisServer(port, folder);
// However this process comes to its end: nothing is kept there that a signal could spoil.
process.once('exit', () => {
  child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
await ready;

const url = `redis://127.0.0.1:${port}`;
const client = createClient({ url });
// It ends with the server, and has nobody to tell.
client.on('error', () => {});
await client.connect();

obey({
  /** How many connections there are, this one aside. */
  async connections() {
    const list = String(await client.sendCommand(['CLIENT', 'LIST']));
    return { connections: list.trim().split('\n').length - 1 };
  },
});
say({ ready: true, url });
