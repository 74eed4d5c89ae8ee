// What a client sends, byte for byte. Plain JavaScript, as processes import it without a compiler.

/** Returns an upgrade request. @param {string} [path] @param {string} [headers] */
export const upgrade = (path = '/', headers = '') =>
  `GET ${path} HTTP/1.1\r\nHost: loopback\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${headers}\r\n`;

/** Returns a masked client frame, with a mask of zeros. @param {string | Buffer} payload */
export const frame = (payload, { opcode = 1, isLast = true } = {}) => {
  const body = typeof payload === 'string' ? Buffer.from(payload) : payload;
  const head = body.length < 126 ? [body.length | 0x80] : [126 | 0x80, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from([(isLast ? 0x80 : 0) | opcode, ...head, 0, 0, 0, 0]), body]);
};
