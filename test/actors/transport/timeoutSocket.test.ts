import { describe, expect, test } from 'vitest';
import { Deadlines } from '../../../src/actors/runtime/deadlines.js';
import { SocketWrapper } from '../../../src/actors/transport/socket.js';
import { TimeoutSocket } from '../../../src/actors/transport/timeoutSocket.js';
import type { DisconnectReason } from '../../../src/index.js';
import { frame } from '../../../src/protocol/frame.js';
import { FakeClock } from '../../support/server/fakeClock.js';
import { FakeSocket } from '../../support/server/fakeSocket.js';
import { SupervisorHarness } from '../../support/server/supervisorHarness.js';

const open = (limits: { readTimeout?: number; writeTimeout?: number; inboxMessages?: number }) => {
  const reasons: DisconnectReason[] = [];
  const harness = new SupervisorHarness({
    namespaces: { n: { hang: () => new Promise<void>(() => {}) } },
    onDisconnect: (_, reason) => void reasons.push(reason),
    limits: { pingInterval: 1_000_000, handlerTimeout: 1_000_000, slowConsumerTimeout: 1_000_000, ...limits },
  });
  return { harness, reasons, client: harness.open('a', 'n') };
};

describe('readTimeout', () => {
  test('[LM4] a client that sends no message in time is closed, and no other', async () => {
    const { harness, reasons, client } = open({ readTimeout: 1_000 });
    const other = harness.open('b', 'n');
    harness.clock.advance(900);
    other.socket.receive(';n;;x;0;0;');
    client.socket.received += 6;
    harness.clock.advance(200);
    expect(client.socket.lines).toEqual(['close 1001 read timeout']);
    expect(other.socket.lines).toEqual([]);
    client.socket.disconnect(1001, 'read timeout');
    await harness.settle();
    expect(reasons).toMatchObject([{ code: 1001, text: 'read timeout' }]);
  });

  test('[LM4] a paused client is not judged', () => {
    const { harness, client } = open({ readTimeout: 1_000, inboxMessages: 1 });
    client.socket.receive('$1;n;;hang;0;0;', ';n;;x;0;0;', ';n;;x;0;0;');
    expect(client.socket.isReading).toBe(false);
    harness.clock.advance(5_000);
    expect(client.socket.lines).toEqual([]);
  });

  test('[LM4] [SV3] without it no connection is closed, and no timer is left at the end', async () => {
    const patient = open({});
    patient.harness.clock.advance(900_000);
    expect(patient.client.socket.lines).toEqual([]);
    const { harness } = open({ readTimeout: 1_000, writeTimeout: 1_000 });
    await harness.disconnectAll();
    expect(harness.clock.timers).toBe(0);
  });
});

describe('writeTimeout', () => {
  test('[LM5] written bytes have to leave in time', async () => {
    const { harness, reasons, client } = open({ writeTimeout: 1_000 });
    client.socket.stall();
    client.conn?.namespace('n')?.emit('x');
    harness.clock.advance(999);
    expect(client.socket.isDestroyed).toBe(false);
    harness.clock.advance(1);
    expect(client.socket.isDestroyed).toBe(true);
    await harness.settle();
    expect(reasons).toMatchObject([{ code: 1006, text: 'write timeout' }]);
  });

  test('[LM5] a socket that is never empty, and always on the move, is well', () => {
    const { harness, client } = open({ writeTimeout: 1_000 });
    client.socket.stall();
    for (let written = 0; written < 10; written++) {
      client.conn?.namespace('n')?.emit('x');
      harness.clock.advance(600);
      client.socket.drain(true);
      client.conn?.namespace('n')?.emit('y');
      harness.clock.advance(300);
    }
    expect(client.socket.isDestroyed).toBe(false);
    harness.clock.advance(2_000);
    expect(client.socket.isDestroyed).toBe(true);
  });

  test('[LM5] [CP2] what a socket compresses has to leave in time, too', () => {
    /** Stands for a socket whose client agreed to compression. */
    class CompressingSocket extends SocketWrapper {
      override write(bytes: Uint8Array): boolean {
        return super.write(bytes.subarray(0, 3));
      }
    }
    const clock = new FakeClock();
    const fake = new FakeSocket();
    const socket = new TimeoutSocket(new CompressingSocket(fake), new Deadlines(clock), {
      readTimeout: 0,
      writeTimeout: 1_000,
    });
    fake.stall();
    for (let written = 0; written < 3; written++) {
      socket.write(frame('x'.repeat(100)));
      clock.advance(400);
    }
    expect(fake.isDestroyed).toBe(true);
  });
});
