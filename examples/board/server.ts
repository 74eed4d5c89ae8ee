/**
 * A task board for a team: one page, one server, and one contract that types both ends.
 *
 * Start it with `npm run example:board`, open the printed address in two tabs, and sign in with any name and the
 * password `muster`.
 *
 *   contract.ts   what page and server say to each other: the schemas, and thereby the types
 *   cards.ts      what a change does to the cards; both ends use it
 *   tokens.ts     signed tokens
 *   server.ts     this file: 1. users  2. the board  3. the page and the login  4. start and stop
 *   client/       the page: React over musterjs/react
 *   start.js      bundles server and page with esbuild, and starts the server
 *
 * To make it yours: keep the cards in a database (`cards` below), check passwords against your users (`userOf`), and
 * add an event to the contract: the compiler then shows what is missing at either end.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CloseError, OnNamespaceConnected, OnNamespaceDisconnect, Server } from 'musterjs';
import * as z from 'zod';
import { changed, refusalOf } from './cards.js';
import { app, type Card, type Person } from './contract.js';
import { sign, type User, verify } from './tokens.js';

// ── 1. Users ────────────────────────────────────────────────────────────────────────────────────

const Credentials = z.object({ name: z.string().trim().min(1).max(24), password: z.string().max(200) });

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
const password = digest(process.env['BOARD_PASSWORD'] ?? 'muster');

/** Returns the user of a name and password. Your own users come here: look them up, and count failed attempts. */
function userOf(given: unknown): User | undefined {
  const { success, data } = Credentials.safeParse(given);
  if (!success || !timingSafeEqual(digest(data.password), password)) return undefined;
  return { id: data.name.toLowerCase(), name: data.name };
}

// ── 2. The board ────────────────────────────────────────────────────────────────────────────────

let cards: readonly Card[] = [
  { id: 'welcome', title: 'Drag a card, or focus it and press Alt and an arrow key', column: 'todo' },
  { id: 'second', title: 'Open this page in a second tab', column: 'todo' },
  { id: 'offline', title: 'Go offline, move a card, and come back', column: 'todo' },
  { id: 'limit', title: 'Put a fifth card into this column', column: 'doing' },
  { id: 'start', title: 'Start the board', column: 'done' },
];

const server = new Server({
  contract: app,

  // Runs for every client before it is connected. Code 4401 tells the page that a new login may help.
  authenticate({ token = '' }) {
    const claims = verify(token);
    if (!claims) throw new CloseError(4401, 'Please sign in again.');
    const { expiresAt, id, name } = claims;
    return { user: { id, name }, expiresAt };
  },

  namespaces: {
    board: {
      [OnNamespaceConnected]: tellPeople,
      [OnNamespaceDisconnect]: () => queueMicrotask(tellPeople), // its client still counts now

      load: () => ({ cards: [...cards], people: peopleHere() }),

      // What is thrown rejects the ask, and the page takes its change back.
      change(ns, { data }) {
        const refusal = refusalOf(cards, data);
        if (refusal) throw new Error(refusal);
        cards = changed(cards, data);
        ns.broadcast('changed', data); // arrives before the answer, so nothing flickers
      },

      editing(ns, { data }) {
        ns.conn.set('editing', data);
        tellPeople();
      },
    },
  },
});

/** One entry for each user, however many tabs are open. */
function peopleHere(): Person[] {
  const people = new Map<string, Person>();
  for (const conn of server.connections()) {
    if (!conn.namespace('board')) continue;
    const editing = conn.get<string>('editing') ?? people.get(conn.user.id)?.editing ?? null;
    people.set(conn.user.id, { ...conn.user, editing });
  }
  return [...people.values()];
}

function tellPeople(): void {
  server.broadcast(null, { namespace: 'board', event: 'people', data: peopleHere() });
}

// ── 3. The page and the login ───────────────────────────────────────────────────────────────────

/** An explicit list of files, so that no other file can be requested. This file runs as dist/server.js. */
const files = new Map([
  ['/', { file: '../public/index.html', type: 'text/html' }],
  ['/style.css', { file: '../public/style.css', type: 'text/css' }],
  ['/icon.svg', { file: '../public/icon.svg', type: 'image/svg+xml' }],
  ['/app.js', { file: './app.js', type: 'text/javascript' }],
]);

const httpServer = createServer(async (request, response) => {
  const path = String(request.url).replace(/\?.*/, '');
  const found = files.get(path);
  try {
    if (path === '/login' && request.method === 'POST') return await logIn(request, response);
    if (!found) return answer(response, 404, 'text/plain', 'Not found\n');
    answer(response, 200, found.type, await readFile(new URL(found.file, import.meta.url)));
  } catch (error) {
    console.error(error);
    answer(response, 500, 'text/plain', 'Something went wrong\n');
  }
});

async function logIn(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const user = userOf(await bodyOf(request));
  if (!user) return answer(response, 401, 'application/json', JSON.stringify({ error: 'Wrong name or password.' }));
  answer(response, 200, 'application/json', JSON.stringify({ token: sign(user), user }));
}

/** Returns the JSON of a small request, or `undefined`. */
async function bodyOf(request: IncomingMessage): Promise<unknown> {
  // A form of another site cannot send this type.
  if (request.headers['content-type'] !== 'application/json') return undefined;
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) {
    text += chunk;
    if (text.length > 1_000) return undefined;
  }
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function answer(response: ServerResponse, status: number, type: string, body: string | Buffer): void {
  response.writeHead(status, {
    'Content-Type': `${type}; charset=utf-8`,
    'Content-Security-Policy': "default-src 'self'",
    'X-Content-Type-Options': 'nosniff',
    'Cache-Control': 'no-cache',
  });
  response.end(body);
}

// ── 4. Start and stop ───────────────────────────────────────────────────────────────────────────

const PORT = process.env['PORT'] || '8080';
const port = Number(PORT);
if (!/^\d+$/.test(PORT) || port > 65_535) fail(`PORT must be a number from 0 to 65535, not "${PORT}".`);

server.attach(httpServer, { path: '/live' });

httpServer.once('error', ({ code, message }: NodeJS.ErrnoException) => {
  if (code !== 'EADDRINUSE') fail(message);
  fail(`Port ${port} is already in use. Choose another one: PORT=${port + 1} npm run example:board`);
});

httpServer.listen(port, '127.0.0.1', () => {
  // A server that listens on a port has an address with that port.
  const address = httpServer.address() as AddressInfo;
  console.log(`Muster board: http://${address.address}:${address.port}`);
});

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, stop);

async function stop(): Promise<void> {
  await server.close(); // pending messages go out, then a close frame
  httpServer.close(() => process.exit(0));
  httpServer.closeAllConnections();
}

function fail(reason: string): never {
  console.error(reason);
  process.exit(1);
}
