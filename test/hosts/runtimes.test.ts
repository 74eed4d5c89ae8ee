import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { describeWith, type Peer } from '../support/peers/installed.js';
import { useOurClients } from '../support/peers/ourClient.js';
import { RawClient } from '../support/peers/rawClient.js';
import { runtimes } from '../support/peers/runtimes.js';
import { request } from '../support/peers/secureClient.js';

const program = fileURLToPath(new URL('../support/hosts/server.js', import.meta.url));
const root = fileURLToPath(new URL('../..', import.meta.url));

/** What starts a program in each runtime. */
const kinds: readonly { readonly peer: Peer; readonly args: readonly string[] }[] = [
  { peer: runtimes.node22, args: [] },
  { peer: runtimes.node24, args: [] },
  { peer: runtimes.bun, args: ['run'] },
  // The packages are those of npm.
  { peer: runtimes.deno, args: ['run', '--allow-all', '--node-modules-dir=manual'] },
];

for (const { peer, args } of kinds)
  describeWith(peer, `a server in ${peer.name}`, (path) => {
    const dial = useOurClients();
    let child: ChildProcess;
    let address: string;
    const url = (): string => `${address.replace('http', 'ws')}/live`;

    beforeAll(async () => {
      const server = spawn(path, [...args, program], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
      child = server;
      // It prints its port.
      const [port] = (await once(createInterface(server.stdout), 'line')) as [string];
      address = `http://localhost:${port}`;
    }, 60_000);
    afterAll(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    });

    const enter = async () => {
      const { client, log } = dial(url(), { default: {} });
      return { client, log, ns: await client.connect('default') };
    };

    it('[HS12] the app keeps its routes, and a probe is answered', async () => {
      expect(await request(`${address}/page`)).toMatchObject({ status: 200, body: 'the app' });
      expect((await request(`${address}/live`, { method: 'HEAD' })).status).toBe(302);
    });

    it('[HS1] [AK8] [BC1] [SV2] clients ask, hear a broadcast, and get errors', async () => {
      const [one, other] = await Promise.all([enter(), enter()]);
      expect((await one.ns.ask('echo', 'x'.repeat(60_000))).body).toHaveLength(60_000);
      one.ns.emit('say', 'hello');
      await expect.poll(() => other.log.all).toContain('say default: hello');
      await expect(one.ns.ask('fail')).rejects.toThrow('no');
    });

    it('[HS13] a foreign origin is refused', async () => {
      await expect(RawClient.dial(url(), { origin: 'https://elsewhere.example' })).rejects.toThrow('403');
    });

    it('[LM3] a client that answers pings stays, and its own pings are answered', async () => {
      const ws = new WebSocket(url());
      const client = RawClient.over(ws);
      let pings = 0;
      ws.on('ping', () => pings++);
      await once(ws, 'open');
      await client.acknowledge();
      await expect.poll(() => pings).toBeGreaterThan(4);
      await client.ping();
      expect((await client.close()).code).toBe(1000);
    });

    it('[LM3] a client that does not answer them is ended', async () => {
      const ws = new WebSocket(url(), { autoPong: false });
      const client = RawClient.over(ws);
      await once(ws, 'open');
      await client.acknowledge();
      expect((await client.closed).code).toBe(1006);
    });

    it('[LM1] a message above the limit is closed with 1009', async () => {
      const client = await (await RawClient.dial(url())).inDefault();
      client.send('x'.repeat(70_000));
      expect((await client.closed).code).toBe(1009);
    });

    it('[DR1] it ends on SIGTERM, after a close frame', async () => {
      const client = await (await RawClient.dial(url())).inDefault();
      const exit = once(child, 'exit');
      child.kill('SIGTERM');
      expect(await client.closed).toEqual({ code: 1001, reason: 'retry=1000' });
      expect((await exit)[0]).toBe(0);
    });
  });
