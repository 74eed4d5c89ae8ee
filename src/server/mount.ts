import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

type RequestListener = (request: IncomingMessage, response: ServerResponse) => void;

/** What is mounted on a path. */
export interface Mounted {
  /** Answers somebody who asks whether the server is there, as soon as it could let him in; or ends the socket. */
  probe(socket: Duplex, answer: () => void): void;
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

/** Answers what is neither a probe nor an upgrade on the path of websockets (HS12). */
const answerPlainly = (request: IncomingMessage, response: ServerResponse): void => {
  if (request.method === 'GET') {
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
    if (isOurs && request.method === 'HEAD') mounted.probe(request.socket, () => response.writeHead(302).end());
    else if (isOurs && !mounts.hasApp) answerPlainly(request, response);
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
