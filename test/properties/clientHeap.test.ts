import { afterEach, expect, test } from 'vitest';
import { ProgramProcess } from '../support/clientModel/programProcess.js';

const count = 2_000;

const programs: ProgramProcess[] = [];
afterEach(() => Promise.all(programs.splice(0).map((program) => program.dispose())));

test('[CL8] an idle client takes little more memory than its socket', async () => {
  const server = await ProgramProcess.compile(new URL('../support/clientModel/stormServer.ts', import.meta.url));
  programs.push(server);
  const clients = await ProgramProcess.compile(new URL('../support/clientModel/idleClients.ts', import.meta.url));
  programs.push(clients);
  // What the programs send.
  const { port } = (await server.start([])).message as { readonly port: number };
  const measure = async (kind: string): Promise<number> => {
    const { message, child } = await clients.start([String(port), String(count), kind], ['--expose-gc']);
    await clients.kill(child);
    return (message as { readonly bytes: number }).bytes;
  };
  const socket = await measure('socket');
  const client = await measure('client');
  const member = await measure('member');
  console.log(
    `heap of one idle client: ${client.toFixed(0)} bytes, of which ${socket.toFixed(0)} are a bare socket; ` +
      `${member.toFixed(0)} in a namespace and a room`,
  );
  expect(client - socket).toBeLessThan(10_240);
  expect(member - client).toBeLessThan(4_096);
}, 120_000);
