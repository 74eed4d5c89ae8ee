import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

/** A plain http answer, to a request without upgrade or to a refused upgrade. */
export interface Answer {
  /** Http status. */
  readonly status: number;
  /** Body, as text. */
  readonly body: string;
  /** Headers, less `Content-Length`. */
  readonly headers: Readonly<Record<string, string>>;
}

const text = { 'Content-Type': 'text/plain; charset=utf-8' };

/** Headers that every answer of a status has, beside the content type. */
const more: Readonly<Record<number, Readonly<Record<string, string>>>> = {
  400: { 'Sec-WebSocket-Version': '13' },
  426: { Connection: 'close, Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13' },
  405: { Allow: 'GET', 'X-Content-Type-Options': 'nosniff' },
};

/** Returns the answer for a status. Default body: the standard text of the status. */
export const answerWith = (status: number, message?: string): Answer => ({
  status,
  body: message || `${STATUS_CODES[status] ?? 'Refused'}\n`,
  headers: { ...text, ...more[status] },
});

/** Answer to `HEAD`, by which a client checks that the server is there: 302 without a location (HS12). */
export const isHere: Answer = { status: 302, body: '', headers: {} };

/** Writes an answer to the socket of an upgrade request and closes the socket. */
export const respond = (socket: Duplex, { status, body, headers }: Answer): void => {
  if (socket.destroyed) return;
  const all = { Connection: 'close', ...headers, 'Content-Length': Buffer.byteLength(body) };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  const start = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Refused'}`;
  socket.once('finish', () => socket.destroy());
  socket.end(`${[start, ...lines].join('\r\n')}\r\n\r\n${body}`);
};
