import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, Socket } from 'node:net';
import { setImmediate as nextTick } from 'node:timers/promises';
import { fastPaths } from '../../../dist/actors/runtime/fastPaths.js';
import { reply, Server } from '../../../dist/index.js';
import { withParts } from '../../../dist/server/parts.js';
import { frame, upgrade } from '../peers/clientFrames.js';

/**
 * Writes to sockets whose client reads late, never, or goes away, and prints what came of it as JSON. Run it with
 * `--expose-gc`. The argument tells whether bytes go straight to the handle, to the stream, or whether no shortcut is
 * taken at all.
 */

/** No shortcut is taken. */
const none = { ...fastPaths };
for (const name of Object.keys(none)) Reflect.set(none, name, false);
const paths = { handle: fastPaths, stream: { ...fastPaths, handle: false }, usual: none }[process.argv[2] ?? ''];
if (!paths) throw new Error('handle, stream or usual');
const frames = 200;
const size = 60_000;

/** @type {string[]} */
const warnings = [];
process.on('warning', ({ message }) => warnings.push(message));

/** @type {{ id: string, code: number, text: string }[]} */
const ends = [];
const server = new Server(
  withParts(
    {
      namespaces: { n: { echo: (_, { body }) => reply(body) } },
      idGenerator: ({ url }) => url?.slice(2) ?? '',
      onDisconnect: ({ id }, { code, text }) => ends.push({ id, code, text }),
      limits: { slowConsumerBytes: 20_000_000, slowConsumerTimeout: 60_000, closeTimeout: 60_000 },
    },
    { fastPaths: paths },
  ),
);
const http = createServer();
/** Writes by streams. A spy on one stream would make the server take it for another kind. */
let streamWrites = 0;
let isCounting = false;
const { _write } = Socket.prototype;
Socket.prototype._write = /** @this {Socket} @param {Parameters<typeof _write>} given */ function (...given) {
  if (isCounting) streamWrites++;
  return _write.apply(this, given);
};
server.attach(http);
http.listen(0, '127.0.0.1');
await once(http, 'listening');
const address = http.address();
const port = typeof address === 'object' && address ? address.port : 0;

/** @param {() => unknown} isTrue */
const until = async (isTrue) => {
  while (!isTrue()) await nextTick();
};

class Client {
  /** @type {Buffer[]} */
  received = [];
  size = 0;

  /** @param {string} id */
  constructor(id) {
    this.id = id;
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('error', () => {});
    this.socket.on('data', (bytes) => {
      this.received.push(bytes);
      this.size += bytes.length;
    });
  }

  get text() {
    return Buffer.concat(this.received).toString('latin1');
  }
  get last() {
    return this.received.at(-1)?.toString('latin1') ?? '';
  }

  async open() {
    this.socket.write(upgrade(`/?${this.id}`));
    await until(() => this.text.includes('\r\n\r\n'));
    this.socket.write(Buffer.concat([frame('M'), frame('$1;n;;_OnNamespaceConnect;0;0;')]));
    await until(() => this.text.includes('$1;'));
    this.received = [];
    this.size = 0;
    const conn = server.connections().find(({ id }) => id === this.id);
    if (!conn) throw new Error(`${this.id} is not connected`);
    return { client: this, socket: this.socket, conn };
  }
}

/** @param {string} id */
const dial = (id) => new Client(id).open();

/** Body `n` is one letter, again and again. @param {number} n */
const letter = (n) => String.fromCharCode(97 + (n % 26));
/** @param {{ readonly conn: import('../../../dist/index.js').Conn }} to @param {number} n */
const say = ({ conn }, n) =>
  conn.write({ namespace: 'n', event: `e${n}`, body: Buffer.alloc(size, letter(n)).toString('latin1') });

/** @param {number} n */
const sizeOf = (n) => 4 + `;n;;e${n};0;0;`.length + size;
/** @param {number} end */
const sizeUpTo = (end) => Array.from({ length: end }, (_, n) => sizeOf(n)).reduce((sum, bytes) => sum + bytes, 0);

/** Returns how many whole frames came, or what is wrong with them. @param {string} text */
const check = (text) => {
  let at = 0;
  for (let n = 0; ; n++) {
    const head = `;n;;e${n};0;0;`;
    const whole = 4 + head.length + size;
    if (text.length - at < whole) return { fault: '', frames: n, rest: text.length - at };
    const payload = text.slice(at + 4, at + whole);
    if (payload !== head + letter(n).repeat(size))
      return { fault: `frame ${n}: ${payload.slice(0, 40)}`, frames: n, rest: 0 };
    at += whole;
  }
};

/**
 * Emits more than the kernel takes, and collects garbage meanwhile.
 *
 * @param {Awaited<ReturnType<typeof dial>>} to
 */
const fill = async (to, most = frames) => {
  to.socket.pause();
  let n = 0;
  while (n < most) {
    say(to, n++);
    if (n % 16 === 0) await nextTick();
    if (n % 64 === 0) globalThis.gc?.();
  }
  await nextTick();
  return n;
};

/** @type {Record<string, unknown>} */
const results = {};

const reader = await dial('reader');
isCounting = true;
for (let n = 0; n < 8; n++) say(reader, n);
await until(() => reader.client.size >= sizeUpTo(8));
isCounting = false;
results['passesTheStream'] = streamWrites === 0;
results['reads'] = check(reader.client.text);

const asker = await dial('asker');
const asks = Array.from({ length: 500 }, (_, n) => frame(`$${n};n;;echo;0;0;body ${n} \u00e9`));
const packets = Buffer.concat(asks);
for (let at = 0; at < packets.length; at += 997) {
  asker.socket.write(packets.subarray(at, at + 997));
  await nextTick();
}
await until(() => asker.client.text.includes('$499;'));
const answers = asker.client.text.match(/\$\d+;n;;echo;0;0;body \d+ /g) ?? [];
results['answers'] = answers.filter((answer, n) => answer === `$${n};n;;echo;0;0;body ${n} `).length;
asker.socket.destroy();
await until(() => ends.some(({ id }) => id === 'asker'));

const late = await dial('late');
const sent = await fill(late);
results['isFull'] = late.conn.pressure > 65_536;
// Memory that was freed by mistake would be used again.
const junk = Array.from({ length: 200 }, () => Buffer.alloc(size, 'Z'));
globalThis.gc?.();
late.socket.resume();
await until(() => late.client.size >= sizeUpTo(sent));
results['late'] = { ...check(late.client.text), junk: junk.length };
await until(() => late.conn.pressure === 0);
say(late, sent);
await until(() => late.client.size >= sizeUpTo(sent + 1));
results['afterwards'] = 'flows';

const closed = await dial('closed');
await fill(closed);
closed.conn.close(4_000, 'bye');
closed.socket.resume();
await until(() => closed.client.last.endsWith('bye'));
const { fault, rest } = check(closed.client.text);
results['closed'] = { fault, rest };
closed.socket.destroy();

const gone = await dial('gone');
await fill(gone);
gone.socket.resetAndDestroy();
await until(() => ends.some(({ id }) => id === 'gone'));
results['lateWrite'] = gone.conn.write({ namespace: 'n', event: 'e', body: '' });

const ended = await dial('ended');
ended.socket.end();
for (let n = 0; n < 20 && !ended.conn.isClosed; n++) {
  say(ended, n);
  await nextTick();
}
await until(() => ends.some(({ id }) => id === 'ended'));

const evicted = await dial('evicted');
await fill(evicted, 3 * frames);
await until(() => ends.some(({ id }) => id === 'evicted'));

results['ends'] = ends;
results['warnings'] = warnings;
console.log(JSON.stringify(results));
process.exit(0);
