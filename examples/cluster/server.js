// @ts-check
/**
 * An example of more than one process: a Redis, and two Muster servers that share a room through it.
 * Start it with `node examples/cluster/server.js` and open one of the printed addresses. This file starts and
 * stops the servers; node/server.js is the code of each.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { Broker } from './broker.js';

/** @typedef {import('node:child_process').ChildProcess} ChildProcess */

/** The running nodes. @type {Map<string, ChildProcess>} */
const nodes = new Map();
/** The nodes that accept requests. @type {Set<ChildProcess>} */
const ready = new Set();
let isStopping = false;

const wanted = Number(process.env['PORT'] || 8081);
const ports = { A: await freePort(wanted), B: await freePort(wanted && wanted + 1) };
const addresses = Object.entries(ports).map(([name, port]) => ({ name, address: `http://127.0.0.1:${port}` }));

// REDIS_URL names a running Redis. Without it the example runs one of its own.
const broker = process.env['REDIS_URL'] ? undefined : new Broker(await freePort(0), tellNodes);
await broker?.start().catch((error) => {
  const isMissing = error.code === 'ENOENT';
  console.error(isMissing ? 'This example needs Redis, and redis-server is not installed.' : error.message);
  console.error('Install it, or name a running one: REDIS_URL=redis://127.0.0.1:6379 node examples/cluster/server.js');
  process.exit(1);
});

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => stop(0));

for (const name of Object.keys(ports)) startNode(name);

/** @param {string} name */
function startNode(name) {
  const node = fork(fileURLToPath(new URL('./node/server.js', import.meta.url)), {
    env: {
      ...process.env,
      NODE_NAME: name,
      NODES: JSON.stringify(addresses),
      REDIS_URL: process.env['REDIS_URL'] || broker?.url,
    },
  });
  nodes.set(name, node);
  node.once('exit', (code) => {
    nodes.delete(name);
    stop(code || 1); // no effect if the example is stopping already
  });
  node.on('message', async (said) => {
    if (said === 'ready') return tellReady(node);
    // The button on the page.
    if (said === 'stop redis') await broker?.stop();
    if (said === 'start redis') await broker?.start().catch((error) => console.error(error.message));
  });
}

/** @param {ChildProcess} node */
function tellReady(node) {
  ready.add(node);
  tellNodes();
  if (ready.size < addresses.length) return;
  for (const { name, address } of addresses) console.log(`Muster, node ${name}: ${address}`);
}

function tellNodes() {
  if (!broker) return;
  for (const node of nodes.values()) if (node.connected) node.send({ isRunning: broker.isRunning });
}

/** Stops the nodes before Redis, because they publish while they close. @param {number} code */
async function stop(code) {
  if (isStopping) return;
  isStopping = true;
  for (const node of nodes.values()) node.kill('SIGTERM');
  await Promise.all([...nodes.values()].map((node) => once(node, 'exit')));
  await broker?.stop();
  process.exit(code);
}

/** Returns this port, or any free one if it is in use. @param {number} port @returns {Promise<number>} */
function freePort(port) {
  const probe = createServer();
  return new Promise((resolve, reject) => {
    probe.once('error', (/** @type {NodeJS.ErrnoException} */ error) =>
      error.code === 'EADDRINUSE' ? freePort(0).then(resolve, reject) : reject(error),
    );
    probe.listen(port, '127.0.0.1', () => {
      const { port: found } = /** @type {import('node:net').AddressInfo} */ (probe.address());
      probe.close(() => resolve(found));
    });
  });
}
