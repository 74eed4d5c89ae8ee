import { once } from 'node:events';
import { connect } from 'node:net';
import { upgrade } from '../peers/clientFrames.js';
import { close } from './clientFrame.js';
import { closed, type RfcCase, told } from './rfcCase.js';

const names: Readonly<Record<number, string>> = { 0: 'continuation', 1: 'text', 2: 'binary', 9: 'ping', 10: 'pong' };

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
  const frame = isClose
    ? closed(payload.length === 0 ? undefined : payload.readUInt16BE(0))
    : told(names[first ^ 0x80] ?? `first byte ${first}`, payload);
  return { frame, isClose, size };
};

/** How long a client waits for frames that are missing before it closes, in ms. */
const patience = Number(process.env['MUSTER_PATIENCE'] ?? 60_000);

/** Plays a case against the echo server on this port; resolves with the frames that it got, when the server has ended. */
export const play = async ({ writes, closes, gets, differs }: RfcCase, port: number): Promise<string[]> => {
  const socket = connect(port, '127.0.0.1').setNoDelay(true);
  socket.on('error', () => {});
  const ended = once(socket, 'close');
  socket.write(upgrade());
  const [answer]: Buffer[] = await once(socket, 'data');
  if (!answer?.toString('latin1').startsWith('HTTP/1.1 101')) return [String(answer)];

  const frames: string[] = [];
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
    take(answer.subarray(answer.indexOf('\r\n\r\n') + 4));
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
