import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Maximum number of headers of a request. */
const mostHeaders = 100;

/** Returns an http server that ends requests without complete headers after `headersTimeout` ms (LM8). */
export const createHttp = (headersTimeout: number): HttpServer => {
  const http = createServer({
    headersTimeout,
    requestTimeout: headersTimeout,
    connectionsCheckingInterval: Math.min(headersTimeout / 2, 2_000),
  });
  http.maxHeadersCount = mostHeaders;
  return http;
};

/** Listens. Resolves when the port is open, and rejects if it cannot be opened. */
export const listenOn = (http: HttpServer, port: number, host: string): Promise<void> =>
  new Promise<void>((resolve, reject) => {
    http.once('error', reject);
    http.listen(port, host, () => {
      http.off('error', reject);
      resolve();
    });
  });

/** Returns the port of a server that listens; 0 if it was closed at once. */
export const portOf = (http: HttpServer): number =>
  // A server that listens on a port has an address of this kind.
  (http.address() as AddressInfo | null)?.port ?? 0;
