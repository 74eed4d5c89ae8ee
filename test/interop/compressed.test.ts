import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { chromium as playwright } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { ReceiveQueue } from '../support/async/receiveQueue.js';
import { goPeers, useGo } from '../support/peers/goPeer.js';
import { chromium, describeWith } from '../support/peers/installed.js';
import { useNeffos } from '../support/peers/neffosClient.js';
import { useOurClients } from '../support/peers/ourClient.js';
import { runtimes } from '../support/peers/runtimes.js';
import { recordEvents, type TestServer, useServers } from '../support/server/testServer.js';

const start = useServers();
const dialNeffos = useNeffos();
const dialOurs = useOurClients();
const startGo = useGo();

const body = 'they all hear the same. '.repeat(300);

/** A server that compresses, and what its handler `say` is told. */
const startCompressing = async () => {
  const log = new ReceiveQueue<string>('handlers');
  const events = recordEvents(log, { say: () => {} });
  const testServer = await start({ namespaces: { default: events }, compression: true, origins: 'any' });
  /** Returns the next call of `say`. */
  const heard = async (): Promise<string> => {
    for (;;) {
      const line = await log.next();
      if (line.startsWith('say ')) return line;
    }
  };
  return { ...testServer, heard };
};

const broadcast = ({ server }: Pick<TestServer, 'server'>): void =>
  server.broadcast(null, { namespace: 'default', event: 'said', body });

/** How many messages the server has compressed. */
const compressed = ({ server }: Pick<TestServer, 'server'>): number => server.metrics().compression.messages;

describe('a server that compresses, and clients in this process', () => {
  it('[CP1] [CP2] [CP4] neffos.js, which offers compression', async () => {
    const testServer = await startCompressing();
    const { conn, log } = await dialNeffos(testServer.url, { default: {} }, { perMessageDeflate: { threshold: 0 } });
    const ns = await conn.connect('default');
    log.rest();
    broadcast(testServer);
    expect(await log.next()).toBe(`said default: ${body}`);
    ns.emit('say', body);
    expect(await testServer.heard()).toBe(`say default: ${body}`);
    expect(compressed(testServer)).toBe(1);
  });

  it.each([
    ['that offers compression', true, 1],
    ['that does not', false, 0],
  ])('[CP1] [CP2] [CP4] our client over a ws %s', async (_, perMessageDeflate, messages) => {
    const testServer = await startCompressing();
    class Socket extends WebSocket {
      constructor(url: string | URL) {
        super(url, { perMessageDeflate });
      }
    }
    const { client, log } = dialOurs(testServer.url, { default: {} }, { WebSocket: Socket });
    const ns = await client.connect('default');
    log.rest();
    broadcast(testServer);
    expect(await log.next()).toBe(`said default: ${body}`);
    ns.emit('say', body);
    expect(await testServer.heard()).toBe(`say default: ${body}`);
    expect(compressed(testServer)).toBe(messages);
  });
});

/** A client as a page has it: in `default` it sends `body`, and returns what it is told. */
const program = (url: string): string => `new Promise((resolve, reject) => {
  const ws = new WebSocket(${JSON.stringify(url)});
  ws.onopen = () => ws.send('M');
  ws.onerror = () => reject(new Error('lost'));
  ws.onmessage = ({ data }) => {
    if (data.startsWith('A')) ws.send('$c;default;;_OnNamespaceConnect;0;0;');
    else if (data.startsWith('$c')) ws.send(';default;;say;0;0;' + ${JSON.stringify(body)});
    else resolve(ws.extensions.split(';')[0] + ' ' + data);
  };
})`;

/** Runs a client that is a program; resolves with what it was told. */
const withProgram = async (run: (code: string) => Promise<string>) => {
  const testServer = await startCompressing();
  const told = run(program(testServer.url));
  expect(await testServer.heard()).toBe(`say default: ${body}`);
  broadcast(testServer);
  return { told: (await told).trim(), messages: compressed(testServer) };
};

const told = ` ;default;;said;0;0;${body}`;

describeWith(chromium, 'a server that compresses, and a page', (executablePath) => {
  it('[CP1] [CP2] [CP4] agree to it', async () => {
    const browser = await playwright.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
    try {
      const page = await browser.newPage();
      expect(await withProgram((code) => page.evaluate(code))).toEqual({
        told: `permessage-deflate${told}`.trim(),
        messages: 1,
      });
    } finally {
      await browser.close();
    }
  });
});

const inRuntimes = [
  { peer: runtimes.node22, args: ['-e'], offers: true },
  { peer: runtimes.node24, args: ['-e'], offers: true },
  { peer: runtimes.bun, args: ['-e'], offers: true },
  { peer: runtimes.deno, args: ['eval'], offers: false },
] as const;

for (const { peer, args, offers } of inRuntimes)
  describeWith(peer, `a server that compresses, and ${peer.name}`, (path) => {
    it(`[CP1] [CP2] [CP4] ${offers ? 'agree to it' : 'go without it'}`, async () => {
      const run = async (code: string): Promise<string> => {
        const script = `${code}.then((told) => console.log(told), console.error).then(() => process.exit())`;
        const { stdout } = await promisify(execFile)(path, [...args, script], {
          cwd: fileURLToPath(new URL('.', import.meta.url)),
        });
        return stdout;
      };
      expect(await withProgram(run)).toEqual({
        told: `${offers ? 'permessage-deflate' : ''}${told}`.trim(),
        messages: offers ? 1 : 0,
      });
    });
  });

for (const peer of goPeers)
  describeWith(peer, `a server that compresses, and ${peer.name}`, (path) => {
    it('[CP1] [CP2] go without it', async () => {
      const testServer = await startCompressing();
      const go = startGo(path);
      await go.do('dial', { url: testServer.url, handlers: { default: { said: '' } } });
      await go.do('connect', { namespace: 'default' });
      broadcast(testServer);
      for (let line = ''; line !== `said default: ${body}`; ) line = await go.log.next();
      await go.do('emit', { namespace: 'default', event: 'say', body });
      expect(await testServer.heard()).toBe(`say default: ${body}`);
      expect(compressed(testServer)).toBe(0);
    });
  });
