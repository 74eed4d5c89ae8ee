import { connect } from 'node:net';
import { frame, upgrade } from '../peers/clientFrames.js';

// Clients in a process of their own. Each sends one ask and then as many small events as fill 64 KiB, in one write, when
// the parent process says so. The arguments are the port of the server and the number of clients.

const [, , port = '', count = ''] = process.argv;
/** The process ends after this, in ms, even if the test has not ended it. */
const lifetime = 300_000;
const ask = frame('$2;default;;wait;0;0;');
const event = frame(';default;;e;0;0;');
const events = Math.floor((65_536 - ask.length) / event.length);
const burst = Buffer.concat([ask, ...Array.from({ length: events }, () => event)]);

/** @returns {Promise<import('node:net').Socket>} */
const dial = () =>
  new Promise((resolve) => {
    const socket = connect({ port: Number(port), host: '127.0.0.1' });
    let received = '';
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      received = (received + bytes.toString('latin1')).slice(-20);
      if (received.endsWith('$1;;;;;;')) resolve(socket);
    });
    socket.write(upgrade());
    socket.write(frame('M'));
    socket.write(frame('$1;default;;_OnNamespaceConnect;0;0;'));
  });

/** @type {import('node:net').Socket[]} */
const clients = [];
while (clients.length < Number(count)) {
  const missing = Math.min(Number(count) - clients.length, 50);
  clients.push(...(await Promise.all(Array.from({ length: missing }, dial))));
}

process.on('message', () => {
  for (const client of clients) client.write(burst);
});
process.on('disconnect', () => process.exit());
setTimeout(() => process.exit(1), lifetime);
process.send?.({ events, bytes: burst.length });
