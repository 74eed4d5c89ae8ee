import { once } from 'node:events';
import * as neffos from 'neffos.js';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import * as muster from '../../src/client/client.js';
import { ended, useExample } from '../support/docs/exampleProcess.js';
import { useNeffos } from '../support/peers/neffosClient.js';

describe.each(['express', 'fastify'])('beside %s', (framework) => {
  const { start, stopAll } = useExample(framework);
  afterEach(stopAll);
  const dial = useNeffos();

  it('[HS12] the app keeps its routes, and answers 404 to others', async () => {
    const { address } = await start();
    expect(await (await fetch(address)).text()).toBe('Connect a WebSocket to /echo.');
    expect((await fetch(`${address}/elsewhere`)).status).toBe(404);
    expect((await fetch(`${address}/elsewhere`, { method: 'POST' })).status).toBe(404);
  });

  it('[HS12] a probe of the path is answered', async () => {
    const { address } = await start();
    const probe = await fetch(`${address}/echo`, { method: 'HEAD', redirect: 'manual' });
    expect([probe.status, probe.headers.get('location')]).toEqual([302, null]);
  });

  it('[HS1] [AK8] a client of neffos.js talks', async () => {
    const { address } = await start();
    const { conn } = await dial(`${address.replace('http', 'ws')}/echo`, { default: {} });
    const ns = await conn.connect('default');
    expect((await ns.ask('echo', 'hello')).Body).toBe('hello');
    expect(conn).toBeInstanceOf(neffos.Conn);
  });

  it("[CL5] [AK8] Muster's client talks", async () => {
    const { address } = await start();
    await using client = muster.dial(`${address}/echo`, { WebSocket });
    const ns = await client.connect('default');
    expect((await ns.ask('echo', 'hello')).body).toBe('hello');
  });

  it('[HS12] an upgrade on another path is refused', async () => {
    const { address } = await start();
    const ws = new WebSocket(`${address.replace('http', 'ws')}/elsewhere`);
    const [error] = await once(ws, 'error');
    expect(String(error)).toMatch(/hang up|404|closed/);
  });

  it('[DR1] it exits on SIGTERM, after a close frame', async () => {
    const { address, process: child } = await start();
    const ws = new WebSocket(`${address.replace('http', 'ws')}/echo`);
    await once(ws, 'open');
    ws.send('M');
    await once(ws, 'message');
    const end = ended(child);
    child.kill('SIGTERM');
    const [code, reason] = await once(ws, 'close');
    expect([code, String(reason)]).toEqual([1001, 'retry=1000']);
    expect((await end).code).toBe(0);
  });
});
