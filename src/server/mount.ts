import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { type Answer, answerWith, isHere } from './httpResponses.js';

/** What is mounted on a path. */
export interface Mounted {
  /** It takes nobody any more: the path is free for another. */
  readonly isOver: boolean;
  /** Answers somebody who asks whether the server is there, as soon as it could let him in; or ends the socket. */
  probe(socket: Duplex, answer: () => void): void;
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** A GET that asks for no upgrade was answered so. */
  refused(request: IncomingMessage): void;
}

/** What answers plain requests for a path and all below it, and nothing else. */
export interface Page {
  readonly path: string;
  handle(request: IncomingMessage, response: ServerResponse): void;
  /** The server it belongs to has come to its end. */
  close(): void;
}

/** What an http server has of ours. */
interface Mounts {
  readonly paths: Map<string, Mounted>;
  readonly pages: Map<string, Page>;
  /** Our own listeners; all others are the app's. */
  readonly own: Set<unknown>;
}

type Emit = (event: string, ...args: unknown[]) => boolean;

const mountsOf = new WeakMap<HttpServer, Mounts>();

const pathOf = (request: IncomingMessage): string => (request.url ?? '/').split('?', 1)[0] ?? '/';

const send = (response: ServerResponse, { status, headers, body }: Answer): void => {
  // The client may have gone, or the app may have answered, while it waited for its place.
  if (!response.headersSent) response.writeHead(status, headers).end(body);
};

const pageFor = ({ pages }: Mounts, path: string): Page | undefined => {
  for (const page of pages.values()) if (path === page.path || path.startsWith(`${page.path}/`)) return page;
  return undefined;
};

/** Our way of asking an http server is by its events: what is for us is taken before any listener, whenever it was added. */
const begin = (http: HttpServer): Mounts => {
  const mounts: Mounts = { paths: new Map(), pages: new Map(), own: new Set() };
  const hasApp = (event: string): boolean => http.listeners(event).some((listener) => !mounts.own.has(listener));

  const takesRequest = (request: IncomingMessage, response: ServerResponse): boolean => {
    const path = pathOf(request);
    const mounted = mounts.paths.get(path);
    if (mounted === undefined) {
      const page = pageFor(mounts, path);
      page?.handle(request, response);
      return page !== undefined;
    }
    if (request.method === 'HEAD') {
      mounted.probe(request.socket, () => send(response, isHere));
    } else if (hasApp('request')) {
      return false;
    } else {
      const isGet = request.method === 'GET';
      send(response, answerWith(isGet ? 400 : 405));
      if (isGet) mounted.refused(request);
    }
    return true;
  };

  const emit: Emit = http.emit.bind(http);
  const emitting: Emit = (event, ...args) => {
    // What an http server emits with a request.
    const [request, response] = args as [IncomingMessage, ServerResponse];
    return (event === 'request' && takesRequest(request, response)) || emit(event, ...args);
  };
  http.emit = emitting;

  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const mounted = mounts.paths.get(pathOf(request));
    if (mounted) mounted.upgrade(request, socket, head);
    else if (!hasApp('upgrade')) socket.destroy();
  };
  mounts.own.add(onUpgrade);
  http.on('upgrade', onUpgrade);
  return mounts;
};

const mountsOn = (http: HttpServer): Mounts => {
  const mounts = mountsOf.get(http) ?? begin(http);
  mountsOf.set(http, mounts);
  return mounts;
};

const assertFree = ({ paths, pages }: Mounts, path: string): void => {
  const isFree = paths.get(path)?.isOver !== false && !pages.has(path);
  if (!isFree) throw new Error(`path "${path}" of this http server is taken already`);
};

/**
 * Serves exactly this path of an http server, and leaves every other to whoever listens: another of ours, or the app.
 * Throws when another server of ours serves it.
 */
export const mount = (http: HttpServer, path: string, mounted: Mounted): void => {
  const mounts = mountsOn(http);
  assertFree(mounts, path);
  mounts.paths.set(path, mounted);
};

/** Has a page answer on its path of an http server, before the app is asked. Returns how to end it. */
export const mountPage = (http: HttpServer, page: Page): (() => void) => {
  const mounts = mountsOn(http);
  assertFree(mounts, page.path);
  mounts.pages.set(page.path, page);
  return () => {
    if (mounts.pages.get(page.path) === page) mounts.pages.delete(page.path);
  };
};

/** Answers for all paths where nothing is mounted, on an http server that has no app. */
export const answerNotFound = (http: HttpServer): void => {
  const notFound = (_: IncomingMessage, response: ServerResponse): void => send(response, answerWith(404));
  mountsOn(http).own.add(notFound);
  http.on('request', notFound);
};
