import { EventEmitter, once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { systemRandom } from '../../src/actors/runtime/random.js';
import { Server } from '../../src/index.js';
import { partsOf, withParts } from '../../src/server/parts.js';
import type { Transport } from '../../src/server/socket/handshake.js';
import { FakeClock } from '../support/server/fakeClock.js';
import { FakeSocket } from '../support/server/fakeSocket.js';

const line = (): Duplex => new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() });

/** A request for an upgrade, as far as a server looks at it. */
const request = (): IncomingMessage =>
  Object.assign(new EventEmitter(), { method: 'GET', url: '/', headers: {} }) as unknown as IncomingMessage;

describe('the parts of a server', () => {
  test('a server uses the given clock, random numbers and transport', async () => {
    const clock = new FakeClock();
    const socket = new FakeSocket();
    const opened = new EventEmitter();
    const transport: Transport = (_options, given) => {
      expect(given.clock).toBe(clock);
      return (_request, _socket, _head, done) => {
        done(socket);
        opened.emit('upgrade');
      };
    };
    const random = { ...systemRandom, uuid: () => 'first-of-its-name' };
    const options = { namespaces: { chat: {} }, limits: { ackTimeout: 700 } };
    const server = new Server(withParts(options, { clock, random, transport }));
    const upgraded = once(opened, 'upgrade');
    server.handleUpgrade(request(), line(), Buffer.alloc(0));
    await upgraded;
    expect(server.totalConnections).toBe(1);
    expect(socket.sent).toEqual([]);
    clock.advance(699);
    expect(socket.sent).toEqual([]);
    clock.advance(1);
    expect(socket.sent).toEqual([{ kind: 'close', code: 1008, text: 'not acknowledged in time' }]);
  });

  test('ids come from the given random numbers', async () => {
    const clock = new FakeClock();
    const socket = new FakeSocket();
    const transport: Transport = () => (_request, _socket, _head, done) => done(socket);
    const random = { ...systemRandom, uuid: () => 'first-of-its-name' };
    const server = new Server(withParts({ namespaces: { chat: {} } }, { clock, random, transport }));
    server.handleUpgrade(request(), line(), Buffer.alloc(0));
    await expect.poll(() => server.totalConnections).toBe(1);
    socket.receive('M');
    await expect.poll(() => server.connections().map(({ id }) => id)).toEqual(['first-of-its-name']);
  });

  test('without any it has those of the machine', () => {
    expect(partsOf({}).random).toBe(systemRandom);
  });
});
