// A redis-server that lives as long as this process, and leaves nothing behind: node bench/broker.js
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createClient } from 'redis';
import { obey, say } from './line.js';
import { redisServer } from './redis.js';

/** @returns {Promise<number>} */
const freePort = () =>
  new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });

const port = await freePort();
const folder = mkdtempSync(join(tmpdir(), 'muster-bench-redis-'));
const settings = { port, bind: '127.0.0.1', dir: folder, save: '', appendonly: 'no', daemonize: 'no' };
const server = spawn(
  redisServer(),
  Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]),
  { stdio: ['ignore', 'pipe', 'inherit'] },
);
// However this process comes to its end: nothing is kept there that a signal could spoil.
process.once('exit', () => {
  server.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

let log = '';
await new Promise((resolve, reject) => {
  server.once('error', reject);
  server.once('exit', (code) => reject(new Error(`redis-server ended (${code}) ${log}`)));
  createInterface({ input: server.stdout }).on('line', (line) => {
    log = `${log}${line}\n`.slice(-2_000);
    if (line.includes('Ready to accept connections')) resolve(undefined);
  });
});

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
