import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { BackgroundTasks } from '../../../src/actors/runtime/background.js';
import { TickCounter } from '../../../src/actors/runtime/clock.js';
import { fastPaths } from '../../../src/actors/runtime/fastPaths.js';
import { Gathering } from '../../../src/actors/runtime/gathering.js';
import type { SocketListener, UpgradedSocket } from '../../../src/actors/transport/socket.js';
import { makeHandshake } from '../../../src/server/socket/handshake.js';
import { FakeClock } from '../server/fakeClock.js';
import { bounds, type Stream } from './streams.js';

/** Lets the events that are ready be handled. Streams that wait for it at the same time share it. */
let nextTick: Promise<void> | undefined;
const tick = (): Promise<void> => {
  nextTick ??= new Promise((resolve) =>
    setImmediate(() => {
      nextTick = undefined;
      resolve();
    }),
  );
  return nextTick;
};

const upgrade = (): IncomingMessage => {
  const request = new IncomingMessage(new Socket());
  request.method = 'GET';
  request.headers = {
    upgrade: 'websocket',
    'sec-websocket-key': Buffer.alloc(16).toString('base64'),
    'sec-websocket-version': '13',
  };
  return request;
};
const request = upgrade();

/** A socket whose peer is the test, and whose kernel takes all at once. */
class Line extends Duplex {
  constructor(private readonly onWrite: (bytes: Buffer) => void) {
    super();
  }
  override _read(): void {}
  override _write(bytes: Buffer, _: string, done: () => void): void {
    this.onWrite(bytes);
    done();
  }
}

export interface Player {
  readonly line: Duplex;
  readonly socket: UpgradedSocket;
  readonly clock: FakeClock;
  /** What the server has seen and sent, in order. Adjacent writes are one. */
  readonly log: string[];
  /** Called for each message. */
  onMessage: (data: string | Uint8Array) => void;
  /** Lets the event loop go on: immediates, then what Node has put off. */
  settle(ticks?: number): Promise<void>;
  /** Does so until nothing more happens. */
  rest(): Promise<void>;
  /** Adds to the log what was written since its last line. */
  flush(): void;
}

/** Ticks in which nothing happens when all has happened: streams put off what they do by a tick or two. */
const quietTicks = 3;

const limits = { ...bounds, messageTimeout: 10_000, slowConsumerTimeout: 10_000 };

/** Returns a function that upgrades sockets of one server, with our own parser or with `ws` alone. */
export const makeLines = (ownParser = true, payload: number = limits.payload) => {
  const clock = new FakeClock();
  // The log tells what is sent between two messages.
  const background = new BackgroundTasks(clock, 4, new Gathering(false));
  const counters = { pings: 0, pongs: 0, skippedPings: 0, lateWrites: 0 };
  const handshake = makeHandshake(
    { ...limits, payload, protocols: [], counters },
    { clock, ticks: new TickCounter(clock), background, fastPaths: { ...fastPaths, ownParser } },
    (error) => {
      throw error;
    },
  );
  return async (log: string[] = []): Promise<Player> => {
    const written: Buffer[] = [];
    const flush = (): void => {
      if (written.length > 0) log.push(`sends ${Buffer.concat(written.splice(0)).toString('hex')}`);
    };
    const note = (line: string): void => {
      flush();
      log.push(line);
    };
    let isUp = false;
    const line = new Line((bytes) => {
      // The first write is the 101.
      if (isUp) written.push(Buffer.from(bytes));
    });
    line.on('error', () => {});
    const socket = await new Promise<UpgradedSocket>((resolve) => handshake(request, line, Buffer.alloc(0), resolve));
    isUp = true;
    const player: Player = {
      line,
      socket,
      clock,
      log,
      onMessage: () => {},
      async settle(ticks = 3) {
        for (let count = 0; count < ticks; count++) {
          await tick();
          clock.runImmediates();
        }
      },
      async rest() {
        for (let quiet = 0; quiet < quietTicks; quiet++) {
          const before = log.length + written.length + line.readableLength;
          const isBusy = clock.immediates > 0;
          await player.settle(1);
          if (isBusy || log.length + written.length + line.readableLength !== before) quiet = -1;
        }
      },
      flush,
    };
    const listener: SocketListener = {
      socketOnMessage(data, isText) {
        const isBinary = typeof data !== 'string' && !isText;
        note(`${isBinary ? 'binary' : 'text'} ${Buffer.from(data).toString(isBinary ? 'hex' : 'utf8')}`);
        player.onMessage(data);
      },
      filled: () => {},
      socketOnDrain: () => {},
      socketOnClosing: (code, text, cause) => note(`closing ${code} ${text} ${cause}`),
      socketOnClose: (code, text, cause) =>
        note(`closed ${code} ${text} ${cause} after ${counters.pings} pings, ${counters.pongs} pongs`),
    };
    socket.listen(listener);
    // The socket begins to flow.
    await tick();
    return player;
  };
};

/** Plays a stream against a server. Returns what it has seen and sent. */
export const play = async ({ steps, ending, payload }: Stream, ownParser: boolean): Promise<readonly string[]> => {
  const player = await makeLines(ownParser, payload)();
  const { line, socket, clock, log } = player;
  let pauseIn = Number.POSITIVE_INFINITY;
  let slowIn = Number.POSITIVE_INFINITY;
  player.onMessage = () => {
    if (--pauseIn < 0) {
      pauseIn = Number.POSITIVE_INFINITY;
      socket.isReading = false;
    }
    if (--slowIn < 0) {
      slowIn = Number.POSITIVE_INFINITY;
      clock.spend(11);
    }
  };
  for (const step of steps) {
    switch (step.kind) {
      case 'bytes':
        // It is unmasked where it lies.
        if (!line.destroyed) line.push(Buffer.from(step.bytes));
        break;
      case 'pause':
        if (step.after === 0) socket.isReading = false;
        else pauseIn = step.after;
        break;
      case 'resume':
        socket.isReading = true;
        break;
      case 'slow':
        slowIn = step.after;
        break;
      case 'tick':
        await player.settle(1);
        break;
    }
  }
  return finish(player, ending, log);
};

const finish = async (player: Player, ending: Stream['ending'], log: readonly string[]): Promise<readonly string[]> => {
  const { line, socket } = player;
  player.onMessage = () => {};
  // A reset may come while the server does not read.
  if (ending === 'reset') line.destroy(new Error('reset'));
  socket.isReading = true;
  await player.rest();
  if (ending === 'close') socket.close(1001, 'over');
  if (ending === 'destroy') socket.destroy();
  else if (!line.destroyed) line.push(null);
  await player.rest();
  line.destroy();
  await player.rest();
  player.flush();
  if (!log.at(-1)?.startsWith('closed')) throw new Error(`it is not over: ${log.at(-1)}`);
  // Bytes that waited are parsed after a reset, when nothing can be sent any more.
  return ending === 'reset' ? log.filter((line) => !/^(sends|closing)/.test(line)) : log;
};
