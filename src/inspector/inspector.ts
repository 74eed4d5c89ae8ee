import type { IncomingMessage, ServerResponse } from 'node:http';
import { typed } from '../actors/api/vocabulary.js';
import type { ContractShape } from '../contract/definitions.js';
import type { Server } from '../server/server.js';
import { ActorNames } from './actorNames.js';
import { assetAt } from './assets.js';
import { readCommand, runCommand } from './commands.js';
import { Charts } from './draw/charts.js';
import { Feed } from './feed.js';
import { type Authorize, isSameOrigin, type Purpose } from './sameOrigin.js';
import { search } from './search.js';
import { openStatelyStream } from './statelyStream.js';

export { type DrawOptions, draw, drawMermaid } from './draw/draw.js';
export type { Authorize } from './sameOrigin.js';
export { type StatelyMessage, toStately } from './stately/messages.js';

/** Options of `inspector`. */
export interface InspectorOptions {
  /**
   * Called for every request, and every 15 s for an open page (IN10). Only `true` gives access. Access includes closing
   * connections.
   */
  readonly authorize: Authorize;
  /** Path of the page, on every HTTP server that the Server attaches to or creates. Default `/inspector`. */
  readonly path?: string;
}

/** The inspector of a running server. */
export interface Inspector {
  /** Path of the page. */
  readonly path: string;
  /** Number of open pages. With 0, the inspector observes nothing (IN13). */
  readonly viewers: number;
  /** Answers a request for the path or below it. Needed only if the Server is attached to no HTTP server. */
  handle(request: IncomingMessage, response: ServerResponse): void;
  /** Removes the page and closes all open ones. */
  close(): void;
}

/** The headers of every response. The page may run and request its own files only (IN11). */
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

/** The headers of the page that frames Stately's inspector. The frame receives messages from the browser only. */
const forStately = {
  'Content-Security-Policy': `${headers['Content-Security-Policy']}; frame-src https://stately.ai`,
  // Stately's inspector opens windows.
  'Cross-Origin-Opener-Policy': 'unsafe-none',
};

const purposes: Readonly<Record<string, Purpose>> = {
  '/stream': 'data',
  '/stately-stream': 'data',
  '/search': 'data',
  '/charts': 'data',
  '/command': 'command',
};

class InspectorPage implements Inspector {
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
      send(response, 500, 'The inspector failed. onError received the error.\n');
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [whole = '', query] = (request.url ?? '').split('?', 2);
    const path = whole.startsWith(this.path) ? whole.slice(this.path.length) : whole;
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    const purpose = Object.hasOwn(purposes, path) ? (purposes[path] ?? 'page') : 'page';
    const isAllowed = isSameOrigin(request, purpose) && (await this.#allows(request));
    // The inspector may have been closed while `authorize` ran.
    if (this.#isOver) return send(response, 404, 'Not Found\n');
    if (!isAllowed) return send(response, 403, 'Forbidden\n');
    const method = purpose === 'command' ? 'POST' : 'GET';
    if (request.method !== method) {
      response.setHeader('Allow', method);
      return send(response, 405, 'Method Not Allowed\n');
    }
    return this.#serve(path, new URLSearchParams(query), request, response);
  }

  async #serve(
    path: string,
    query: URLSearchParams,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const { server } = this;
    const follows = query.get('follow') ?? '';
    if (path === '/stream' || path === '/stately-stream') return this.#stream(path, follows, request, response);
    if (path === '/charts') return send(response, 200, JSON.stringify(await this.#charts.all()), json);
    if (path === '/command') return send(response, runCommand(server, this.#names, await readCommand(request)));
    if (path === '/search') {
      const found = search(server, this.#names, {
        text: query.get('text') ?? '',
        namespace: query.get('namespace'),
        room: query.get('room') ?? '',
        state: query.get('state') ?? '',
        withPlaces: query.get('places') !== 'no',
      });
      return send(response, 200, JSON.stringify(found), json);
    }
    if (path === '') {
      // The page's files have relative names, so its address must end with a slash.
      const suffix = query.size === 0 ? '' : `?${query}`;
      response.setHeader('Location', `${this.path.slice(this.path.lastIndexOf('/') + 1)}/${suffix}`);
      return send(response, 308);
    }
    if (path === '/' && query.get('ui') === 'stately') {
      return this.#toStately(follows, response);
    }
    // A typed id is completed in the address, so that a reload after a restart does not follow another connection.
    if (path === '/stately' && follows !== this.#names.complete(follows)) return this.#toStately(follows, response);
    if (path === '/stately') for (const [name, value] of Object.entries(forStately)) response.setHeader(name, value);
    const asset = assetAt(path);
    return asset ? send(response, 200, asset.body, asset.type) : send(response, 404, 'Not Found\n');
  }

  #toStately(follows: string, response: ServerResponse): void {
    response.setHeader('Location', `stately?follow=${encodeURIComponent(this.#names.complete(follows))}`);
    // A temporary redirect: the reference holds for this process only.
    send(response, 307);
  }

  #stream(
    path: '/stream' | '/stately-stream',
    follows: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    if (this.#feed.isFull) return send(response, 503, 'The inspector has too many viewers\n');
    // The client may have disconnected while `authorize` ran.
    if (response.destroyed) return undefined;
    const isAuthorized = () => this.#isAuthorized(request);
    if (path === '/stream') return this.#feed.open(response, follows, isAuthorized);
    const actorId = this.#names.actorOf(follows);
    return this.#feed.add(response, openStatelyStream(this.server, response, actorId, isAuthorized));
  }

  /** Resolves with whether a request is still authorized; false if `authorize` fails. */
  #isAuthorized(request: IncomingMessage): Promise<boolean> {
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
 * Serves a page that shows the connections of a running server and the states of its charts (IN10-IN14). The page is on
 * every HTTP server that the Server attaches to or creates.
 *
 * @throws {TypeError} if `authorize` is missing, or `path` is no path that ends with a name.
 * @example
 * const page = inspector(server, { authorize: (request) => isAdmin(request.headers.cookie) });
 * console.log(page.path, page.viewers);
 */
export const inspector = <Sent, App extends ContractShape, User, Chart>(
  server: Server<Sent, App, User, Chart>,
  { authorize, path = '/inspector' }: InspectorOptions,
): Inspector => {
  if (typeof authorize !== 'function') {
    throw new TypeError('inspector needs authorize: a function (request) that returns whether to allow it');
  }
  if (!pathPattern.test(path)) {
    throw new TypeError(`the inspector's path begins with / and ends with a name, like /inspector, not "${path}"`);
  }
  return new InspectorPage(typed(server), authorize, path);
};
