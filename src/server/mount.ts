import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

type RequestListener = (request: IncomingMessage, response: ServerResponse) => void;

/** What is mounted on a path. */
export interface Mounted {
  isAccepting(): boolean;
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}

/** What an http server has of ours: the paths, and our listeners. */
interface Mounts {
  readonly paths: Set<string>;
  readonly listeners: Set<unknown>;
  /** Does the app listen for requests itself? */
  readonly hasApp: boolean;
}

const mountsOf = new WeakMap<HttpServer, Mounts>();

export const pathOf = (request: IncomingMessage): string => (request.url ?? '/').split('?', 1)[0] ?? '/';

/** Answers what is no upgrade on the path of websockets (HS12). */
const answerPlainly = (request: IncomingMessage, response: ServerResponse): void => {
  const { method } = request;
  if (method === 'HEAD') {
    response.writeHead(302).end();
  } else if (method === 'GET') {
    response.writeHead(400, { 'Content-Type': 'text/plain', 'Sec-WebSocket-Version': '13' }).end('Bad Request\n');
  } else {
    const headers = { Allow: 'GET', 'Content-Type': 'text/plain', 'X-Content-Type-Options': 'nosniff' };
    response.writeHead(405, headers).end('Method Not Allowed\n');
  }
};

/** Serves exactly this path of an http server, and leaves every other to whoever listens: another of ours, or the app. */
export const mount = (http: HttpServer, path: string, mounted: Mounted): void => {
  // node types the listeners of an event as Function; these are what createServer takes.
  const others = http.listeners('request') as RequestListener[];
  const mounts = mountsOf.get(http) ?? { paths: new Set(), listeners: new Set(), hasApp: others.length > 0 };
  mountsOf.set(http, mounts);

  const onRequest: RequestListener = (request, response) => {
    const isOurs = pathOf(request) === path;
    const isProbe = request.method === 'HEAD';
    if (isOurs && isProbe && !mounted.isAccepting()) request.socket.destroy();
    else if (isOurs && (isProbe || !mounts.hasApp)) answerPlainly(request, response);
    else for (const other of others) other.call(http, request, response);
  };
  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const asked = pathOf(request);
    if (asked === path) mounted.upgrade(request, socket, head);
    else if (!mounts.paths.has(asked) && http.listeners('upgrade').every((one) => mounts.listeners.has(one))) {
      socket.destroy();
    }
  };

  mounts.paths.add(path);
  mounts.listeners.add(onUpgrade);
  http.removeAllListeners('request');
  http.on('request', onRequest);
  http.on('upgrade', onUpgrade);
};
