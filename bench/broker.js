// A redis-server that ends with this process and keeps no data: node bench/broker.js
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createClient } from 'redis';
import { answerRequests, writeLine } from './line.js';
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
// SIGKILL is safe: the server keeps no data.
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
