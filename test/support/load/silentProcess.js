import { connect } from 'node:net';
import { upgrade } from '../peers/clientFrames.js';

/**
 * Clients in a process of their own that ask for an upgrade and then say nothing: `perSecond` of them, from
 * `localAddress`, with the header X-Forwarded-For if `forwardedFor` is given. It goes on until its parent ends it.
 */

const [port = '', perSecond = '', localAddress = '', forwardedFor] = process.argv.slice(2);
/** Time between two bursts, in ms. */
const interval = 10;
/** The process ends after this, in ms, even if the test has not ended it. */
const lifetime = 120_000;

const headers = forwardedFor ? `X-Forwarded-For: ${forwardedFor}\r\n` : '';
const started = performance.now();
let opened = 0;

const open = () => {
  opened++;
  const socket = connect({ port: Number(port), host: '127.0.0.1', localAddress });
  socket.on('error', () => {});
  socket.resume();
  socket.write(upgrade('/', headers));
};

setInterval(() => {
  const due = ((performance.now() - started) / 1_000) * Number(perSecond);
  // A busy machine catches up a little at a time.
  for (let more = Math.min(due - opened, Number(perSecond) / 20); more >= 1; more--) open();
}, interval);
setTimeout(() => process.exit(), lifetime);
process.on('message', () => process.send?.(opened));
process.on('disconnect', () => process.exit());
