import { once } from 'node:events';
import { connect } from 'node:net';
import { constants, inflateRawSync } from 'node:zlib';
import { patience } from '../async/patience.js';
import { upgrade } from '../peers/clientFrames.js';
import { close } from './clientFrame.js';
import { agreed, closed, type RfcCase, told } from './rfcCase.js';

const names: Readonly<Record<number, string>> = { 0: 'continuation', 1: 'text', 2: 'binary', 9: 'ping', 10: 'pong' };

/** The bit of a frame's first byte that says that its message is compressed, and what the end of one lacks (RFC 7692). */
const rsv1 = 0x40;
const tail = Buffer.from('0000ffff', 'hex');

/** Describes a frame with a message, or a control frame. */
const describe = (first: number, payload: Buffer): string => {
  const name = names[first & ~(0x80 | rsv1)] ?? `first byte ${first}`;
  if ((first & rsv1) === 0) return told(name, payload);
  const inflated = inflateRawSync(Buffer.concat([payload, tail]), { finishFlush: constants.Z_SYNC_FLUSH });
  return told(`compressed ${name}`, inflated);
};

/** A frame of the server at the start of these bytes; `undefined` while it is not complete. */
const parse = (
  bytes: Buffer,
): { readonly frame: string; readonly isClose: boolean; readonly size: number } | undefined => {
  if (bytes.length < 2) return undefined;
  const [first, second] = [bytes.readUInt8(0), bytes.readUInt8(1)];
  const head = second === 127 ? 10 : second === 126 ? 4 : 2;
  if (bytes.length < head) return undefined;
  const length = head === 10 ? Number(bytes.readBigUInt64BE(2)) : head === 4 ? bytes.readUInt16BE(2) : second;
  const size = head + length;
  if (bytes.length < size) return undefined;
  const payload = bytes.subarray(head, size);
  const isClose = first === 0x88;
  const frame = isClose ? closed(payload.length === 0 ? undefined : payload.readUInt16BE(0)) : describe(first, payload);
  return { frame, isClose, size };
};

/** Plays a case against the echo server on this port; resolves with the frames that it got, when the server has ended. */
export const play = async ({ offers, writes, closes, gets, differs }: RfcCase, port: number): Promise<string[]> => {
  const socket = connect(port, '127.0.0.1').setNoDelay(true);
  socket.on('error', () => {});
  const ended = once(socket, 'close');
  socket.write(upgrade('/', offers && `Sec-WebSocket-Extensions: ${offers}\r\n`));
  const [answer]: Buffer[] = await once(socket, 'data');
  const head = answer?.toString('latin1') ?? '';
  if (!answer || !head.startsWith('HTTP/1.1 101')) return [head];

  const frames = offers === undefined ? [] : [agreed(/^Sec-WebSocket-Extensions: (.*)\r$/m.exec(head)?.[1])];
  // The close frame of the server is the last one.
  const awaited = (differs?.gets ?? gets).length - 1;
  let rest: Buffer = Buffer.alloc(0);
  const complete = new Promise<void>((resolve) => {
    const take = (bytes: Buffer): void => {
      rest = Buffer.concat([rest, bytes]);
      for (let found = parse(rest); found; found = parse(rest)) {
        frames.push(found.frame);
        rest = rest.subarray(found.size);
        // It has failed the connection, and waits for the answer to its close frame.
        if (found.isClose) socket.end(close(1000));
      }
      if (frames.length >= awaited) resolve();
    };
    take(answer.subarray(head.indexOf('\r\n\r\n') + 4));
    socket.on('data', take);
  });
  const write = (bytes: Buffer): Promise<unknown> =>
    new Promise((resolve) => (socket.writable ? socket.write(bytes, resolve) : resolve(undefined)));
  for (const bytes of writes) await write(bytes);
  if (closes) {
    const late = new Promise((resolve) => setTimeout(resolve, patience).unref());
    await Promise.race([complete, ended, late]);
    await write(close(1000));
  }
  await ended;
  return frames;
};
