import { type IncomingHttpHeaders, request as sendPlain } from 'node:http';
import { request as sendByTls } from 'node:https';
import { WebSocket } from 'ws';

/** Whom a client trusts, and what it says about itself. */
export interface ClientIdentity {
  /** The certificate that it trusts, beside the usual ones. */
  readonly ca?: string | undefined;
  /** The origin of its page. */
  readonly origin?: string;
}

type WebSocketClass = new (url: string, protocols?: string[], given?: object) => WebSocket;

/** Returns a `WebSocket` class for `dial`. Its objects record each answer that is no upgrade. */
export const webSocketOf = (identity: ClientIdentity, refusals: string[] = []): WebSocketClass =>
  class extends WebSocket {
    constructor(url: string, protocols: string[] = [], given: object = {}) {
      super(url, protocols, { ...given, ...identity });
      this.on('error', ({ message }) => refusals.push(message));
    }
  };

export interface HttpAnswer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Sends a request on a connection of its own. Follows no redirect. */
export const request = (
  url: string,
  {
    method = 'GET',
    ca,
    headers = {},
  }: { method?: string; ca?: string | undefined; headers?: Record<string, string> } = {},
): Promise<HttpAnswer> =>
  new Promise((resolve, reject) => {
    const send = url.startsWith('https:') ? sendByTls : sendPlain;
    const sent = send(url, { method, headers, ca, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body }));
    });
    sent.on('error', reject).end();
  });
