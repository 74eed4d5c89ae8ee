import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server } from '../server/server.js';
import { ActorNames } from './actorNames.js';
import { assetAt } from './assets.js';
import { readCommand, runCommand } from './commands.js';
import { Charts } from './draw/charts.js';
import { Feed } from './feed.js';
import { type Authorize, isSameOrigin, type Purpose } from './sameOrigin.js';
import { search } from './search.js';
import { tellStately } from './statelyStream.js';

export { type DrawOptions, draw, drawMermaid } from './draw/draw.js';
export type { Authorize } from './sameOrigin.js';
export { type StatelyMessage, toStately } from './stately/messages.js';

export interface InspectorOptions {
  /** Asked for every request, and for a page that stays open every now and then: only `true` lets it look. */
  readonly authorize: Authorize;
  /** Where the page is, on every http server that the Server is attached to. */
  readonly path?: string;
}

/** A page that shows a running server. */
export interface Inspector {
  readonly path: string;
  /** How many pages are open; with none nothing of the server is watched. */
  readonly viewers: number;
  /** Answers a request that is for the path, or below it, where the Server is attached to no http server. */
  handle(request: IncomingMessage, response: ServerResponse): void;
  /** Takes the page away. */
  close(): void;
}

/** Nothing but the page's own files runs in it or is asked by it. */
const headers = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'Cache-Control': 'no-store',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
};

const json = 'application/json; charset=utf-8';
const plain = 'text/plain; charset=utf-8';

const send = (response: ServerResponse, status: number, body: string | Buffer = '', type = plain): void => {
  if (!response.headersSent) response.writeHead(status, { 'Content-Type': type });
  response.end(body);
};

/** On one page, and only there, another host's is shown: it gets what the browser hands it, and nothing else. */
const forStately = {
  'Content-Security-Policy': `${headers['Content-Security-Policy']}; frame-src https://stately.ai`,
  // What is shown there opens windows of its own.
  'Cross-Origin-Opener-Policy': 'unsafe-none',
};

const purposes: Readonly<Record<string, Purpose>> = {
  '/stream': 'data',
  '/stately-stream': 'data',
  '/search': 'data',
  '/charts': 'data',
  '/deed': 'deed',
};

class Inspecting implements Inspector {
  readonly #names: ActorNames;
  readonly #feed: Feed;
  readonly #charts: Charts;
  readonly #unmount: () => void;
  #isOver = false;

  constructor(
    private readonly server: Server,
    private readonly authorize: Authorize,
    readonly path: string,
  ) {
    this.#names = new ActorNames(server.watching.random);
    this.#feed = new Feed(server, this.#names);
    this.#charts = new Charts(server.watching.machines);
    this.#unmount = server.serve(this);
  }

  get viewers(): number {
    return this.#feed.viewers;
  }

  close(): void {
    this.#isOver = true;
    this.#unmount();
    this.#feed.close();
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    this.#answer(request, response).catch((error: unknown) => {
      this.server.pageFailed(error);
      send(response, 500, 'The inspector has failed; onError was told why.\n');
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [whole = '', asked] = (request.url ?? '').split('?', 2);
    const path = whole.startsWith(this.path) ? whole.slice(this.path.length) : whole;
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    const purpose = Object.hasOwn(purposes, path) ? (purposes[path] ?? 'page') : 'page';
    const isAllowed = isSameOrigin(request, purpose) && (await this.#allows(request));
    // It may have been taken away while it was decided whether somebody may look.
    if (this.#isOver) return send(response, 404, 'Not Found\n');
    if (!isAllowed) return send(response, 403, 'Forbidden\n');
    const method = purpose === 'deed' ? 'POST' : 'GET';
    if (request.method !== method) {
      response.setHeader('Allow', method);
      return send(response, 405, 'Method Not Allowed\n');
    }
    return this.#serve(path, new URLSearchParams(asked), request, response);
  }

  async #serve(
    path: string,
    asked: URLSearchParams,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const { server } = this;
    const follows = asked.get('follow') ?? '';
    if (path === '/stream' || path === '/stately-stream') return this.#stream(path, follows, request, response);
    if (path === '/charts') return send(response, 200, JSON.stringify(await this.#charts.all()), json);
    if (path === '/deed') return send(response, runCommand(server, this.#names, await readCommand(request)));
    if (path === '/search') {
      const found = search(server, this.#names, {
        text: asked.get('text') ?? '',
        namespace: asked.get('namespace'),
        room: asked.get('room') ?? '',
        state: asked.get('state') ?? '',
        withPlaces: asked.get('places') !== 'no',
      });
      return send(response, 200, JSON.stringify(found), json);
    }
    if (path === '') {
      // The names of the page's files are relative to this.
      const query = asked.size === 0 ? '' : `?${asked}`;
      response.setHeader('Location', `${this.path.slice(this.path.lastIndexOf('/') + 1)}/${query}`);
      return send(response, 308);
    }
    if (path === '/' && asked.get('ui') === 'stately') {
      return this.#toStately(follows, response);
    }
    // A page that comes back to another process has to say whom it meant.
    if (path === '/stately' && follows !== this.#names.whole(follows)) return this.#toStately(follows, response);
    if (path === '/stately') for (const [name, value] of Object.entries(forStately)) response.setHeader(name, value);
    const asset = assetAt(path);
    return asset ? send(response, 200, asset.body, asset.type) : send(response, 404, 'Not Found\n');
  }

  #toStately(follows: string, response: ServerResponse): void {
    response.setHeader('Location', `stately?follow=${encodeURIComponent(this.#names.whole(follows))}`);
    // Not for ever: another process has other names.
    send(response, 307);
  }

  #stream(
    path: '/stream' | '/stately-stream',
    follows: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    if (this.#feed.isFull) return send(response, 503, 'Too many are looking already\n');
    // It may have gone while it was decided whether it may look.
    if (response.destroyed) return undefined;
    const mayStay = () => this.#mayStay(request);
    if (path === '/stream') return this.#feed.join(response, follows, mayStay);
    return this.#feed.welcome(response, tellStately(this.server, response, this.#names.actorOf(follows), mayStay));
  }

  /** One that cannot be asked may not. */
  #mayStay(request: IncomingMessage): Promise<boolean> {
    return this.#allows(request).catch((error: unknown) => {
      this.server.pageFailed(error);
      return false;
    });
  }

  async #allows(request: IncomingMessage): Promise<boolean> {
    return (await this.authorize(request)) === true;
  }
}

const pathPattern = /^(\/[\w.~-]+)+$/;

/**
 * Serves a page, on the http servers that this Server is attached to, that shows who is connected and what the charts
 * do. `authorize` says who may look, and close connections; there is no page without it.
 */
export const inspector = (server: Server, { authorize, path = '/inspector' }: InspectorOptions): Inspector => {
  if (typeof authorize !== 'function') {
    throw new TypeError('inspector needs authorize: a function (request) that says who may look');
  }
  if (!pathPattern.test(path)) {
    throw new TypeError(`the inspector's path begins with / and ends with a name, like /inspector, not "${path}"`);
  }
  return new Inspecting(server, authorize, path);
};
