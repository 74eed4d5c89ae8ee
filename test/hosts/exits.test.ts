import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { dialAcknowledged, frame, useTcpClients } from '../support/peers/tcpClient.js';

const program = fileURLToPath(new URL('../support/hosts/exits.js', import.meta.url));

useTcpClients();
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill();
});

describe.each(['handle', 'stream'])('a process that exits, with sockets that are written to by the %s', (way) => {
  it.each(['inHandler', 'later', 'onExit'])('[BC15] writes what waits first: %s', async (event) => {
    const child = fork(program, [way]);
    children.push(child);
    const [port]: unknown[] = await once(child, 'message');
    const client = await dialAcknowledged({ url: `http://127.0.0.1:${String(port)}` });
    client.socket.write(frame('$1;default;;_OnNamespaceConnect;0;0;'));
    await client.waitFor('$1;;;;;;');
    client.socket.write(frame(`;default;;${event};0;0;`));
    await client.closed;
    expect(client.text().match(/;bye;0;0;(one|two)/g)).toEqual([';bye;0;0;one', ';bye;0;0;two']);
  });
});
