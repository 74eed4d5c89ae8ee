import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { type Answer, answerWith, isHere } from './httpResponses.js';

/** A server mounted on a path of an http server. */
export interface Mounted {
  /** Whether it takes no more connections. Its path may then be mounted again. */
  readonly isOver: boolean;
  /** Calls `answer` for a `HEAD` request once an upgrade need not wait, or destroys the socket (HS12, HS15). */
  probe(request: IncomingMessage, socket: Duplex, answer: () => void): void;
  /** Takes over the socket of an upgrade request. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Reports a `GET` without upgrade, which was answered with 400 (HS12). */
  refused(request: IncomingMessage): void;
}

/** A page that answers plain requests for its path and everything below it (IN10). */
export interface Page {
  /** Path of the page. */
  readonly path: string;
  /** Answers a request. */
  handle(request: IncomingMessage, response: ServerResponse): void;
  /** Closes the page. Called when its server is closed. */
  close(): void;
}

/** The servers, pages and listeners of Muster on one http server. */
interface Mounts {
  readonly paths: Map<string, Mounted>;
  readonly pages: Map<string, Page>;
  /** Listeners of Muster. All others belong to the app. */
  readonly own: Set<unknown>;
  /** Makes the http server what it was before. */
  end(): void;
}

type Emit = (event: string, ...args: unknown[]) => boolean;

const mountsOf = new WeakMap<HttpServer, Mounts>();

const pathOf = ({ url = '/' }: IncomingMessage): string => {
  const end = url.indexOf('?');
  return end === -1 ? url : url.slice(0, end);
};

const send = (response: ServerResponse, { status, headers, body }: Answer): void => {
  // While the request waited, the client may have disconnected or the app may have answered.
  if (!response.headersSent) response.writeHead(status, headers).end(body);
};

const pageFor = ({ pages }: Mounts, path: string): Page | undefined => {
  for (const page of pages.values()) if (path === page.path || path.startsWith(`${page.path}/`)) return page;
  return undefined;
};

/**
 * Replaces `http.emit`, so that Muster receives requests and upgrades for its paths before all listeners, whenever these
 * were added (HS12).
 */
const begin = (http: HttpServer): Mounts => {
  const mounts: Mounts = { paths: new Map(), pages: new Map(), own: new Set(), end: () => end() };
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
      mounted.probe(request, request.socket, () => send(response, isHere));
    } else if (hasApp('request')) {
      return false;
    } else {
      const isGet = request.method === 'GET';
      send(response, answerWith(isGet ? 400 : 405));
      if (isGet) mounted.refused(request);
    }
    return true;
  };

  const takesUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): boolean => {
    const mounted = mounts.paths.get(pathOf(request));
    mounted?.upgrade(request, socket, head);
    return mounted !== undefined;
  };

  /** Returns whether an event is for Muster. An http server emits these two with these arguments. */
  const takes = (event: string, args: readonly unknown[]): boolean => {
    if (event === 'request') return takesRequest(...(args as [IncomingMessage, ServerResponse]));
    return event === 'upgrade' && takesUpgrade(...(args as [IncomingMessage, Duplex, Buffer]));
  };

  const before = Object.getOwnPropertyDescriptor(http, 'emit');
  const emit: Emit = http.emit.bind(http);
  const emitting: Emit = (event, ...args) => takes(event, args) || emit(event, ...args);
  http.emit = emitting;

  // Without a listener, an http server emits no upgrade.
  const onUpgrade = (_: IncomingMessage, socket: Duplex): void => {
    if (!hasApp('upgrade')) socket.destroy();
  };
  mounts.own.add(onUpgrade);
  http.on('upgrade', onUpgrade);

  const end = (): void => {
    http.off('upgrade', onUpgrade);
    mountsOf.delete(http);
    // Where another one has replaced it since, this one stays below it, and passes everything on.
    if (http.emit !== emitting) return;
    Reflect.deleteProperty(http, 'emit');
    if (before) Object.defineProperty(http, 'emit', before);
  };
  return mounts;
};

const mountsOn = (http: HttpServer): Mounts => {
  const mounts = mountsOf.get(http) ?? begin(http);
  mountsOf.set(http, mounts);
  return mounts;
};

const endIfEmpty = ({ paths, pages, end }: Mounts): void => {
  if (paths.size === 0 && pages.size === 0) end();
};

const assertFree = ({ paths, pages }: Mounts, path: string): void => {
  const isFree = paths.get(path)?.isOver !== false && !pages.has(path);
  if (!isFree) throw new Error(`path "${path}" of this http server is taken already`);
};

/**
 * Mounts a server on exactly this path of an http server. Other paths stay with their own listeners (HS12).
 * @throws {Error} when the path is taken.
 */
export const mount = (http: HttpServer, path: string, mounted: Mounted): void => {
  const mounts = mountsOn(http);
  assertFree(mounts, path);
  mounts.paths.set(path, mounted);
};

/**
 * Mounts a page on its path of an http server, ahead of the app (IN10). Returns a function that removes it.
 * @throws {Error} when the path is taken.
 */
export const mountPage = (http: HttpServer, page: Page): (() => void) => {
  const mounts = mountsOn(http);
  assertFree(mounts, page.path);
  mounts.pages.set(page.path, page);
  return () => {
    if (mounts.pages.get(page.path) !== page) return;
    mounts.pages.delete(page.path);
    endIfEmpty(mounts);
  };
};

/** Gives all paths of a server on an http server back to the app. After the last one nothing of Muster is left (HS12). */
export const unmount = (http: HttpServer, mounted: Mounted): void => {
  const mounts = mountsOf.get(http);
  if (!mounts) return;
  for (const [path, one] of mounts.paths) if (one === mounted) mounts.paths.delete(path);
  endIfEmpty(mounts);
};

/** Answers 404 on every path without a mount, on an http server without an app. */
export const answerNotFound = (http: HttpServer): void => {
  const notFound = (_: IncomingMessage, response: ServerResponse): void => send(response, answerWith(404));
  mountsOn(http).own.add(notFound);
  http.on('request', notFound);
};
