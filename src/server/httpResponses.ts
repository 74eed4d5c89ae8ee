import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

/** An answer of plain http: to what is no upgrade, or to one that is refused. */
export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

const text = { 'Content-Type': 'text/plain; charset=utf-8' };

/** What every answer of a status says beside its text. */
const more: Readonly<Record<number, Readonly<Record<string, string>>>> = {
  400: { 'Sec-WebSocket-Version': '13' },
  405: { Allow: 'GET', 'X-Content-Type-Options': 'nosniff' },
};

export const answerWith = (status: number, message?: string): Answer => ({
  status,
  body: message || `${STATUS_CODES[status] ?? 'Refused'}\n`,
  headers: { ...text, ...more[status] },
});

/** To a client that looks whether the server is there: it is, and leads nowhere else. */
export const isHere: Answer = { status: 302, body: '', headers: {} };

/** Writes an answer to a socket that asks for an upgrade, and ends it. */
export const respond = (socket: Duplex, { status, body, headers }: Answer): void => {
  if (socket.destroyed) return;
  const all = { Connection: 'close', ...headers, 'Content-Length': Buffer.byteLength(body) };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  const start = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Refused'}`;
  socket.once('finish', () => socket.destroy());
  socket.end(`${[start, ...lines].join('\r\n')}\r\n\r\n${body}`);
};
