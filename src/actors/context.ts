import { Throttle } from '../broadcast/throttle.js';
import type { Limits } from '../limits.js';
import { connectionMachine } from '../machines/connection.js';
import { linkMachine } from '../machines/link.js';
import { namespaceMachine } from '../machines/namespace.js';
import { roomMachine } from '../machines/room.js';
import { supervisorMachine } from '../machines/supervisor.js';
import type { NativeMode } from '../protocol/codec.js';
import { type AskTarget, PendingAsks } from './api/asks.js';
import { Callbacks, type ConnectionCallbacks } from './api/callbacks.js';
import { type Events, Handlers, type Namespaces } from './api/handlers.js';
import type { ServerFace } from './api/serverFace.js';
import { BackgroundTasks, RunQueue } from './runtime/background.js';
import type { Clock } from './runtime/clock.js';
import { TickCounter } from './runtime/clock.js';
import { Deadlines } from './runtime/deadlines.js';
import { Mailboxes } from './runtime/mailbox.js';
import type { Random } from './runtime/random.js';
import { SteppedMachine } from './runtime/steppedMachine.js';
import { type Counters, Meters, makeCounters } from './telemetry/counters.js';
import { Inspection } from './telemetry/inspection.js';
import { type FrameLog, LoggedSocket } from './transport/loggedSocket.js';
import { type Arrival, wrapArrival } from './transport/socket.js';
import { TimeoutSocket } from './transport/timeoutSocket.js';

/** The charts that a server runs. */
export interface Machines {
  readonly supervisor: typeof supervisorMachine;
  readonly connection: typeof connectionMachine;
  readonly namespace: typeof namespaceMachine;
  readonly room: typeof roomMachine;
  /** Of the way to the broker. */
  readonly link: typeof linkMachine;
}

export interface ContextOptions extends ConnectionCallbacks {
  /** Charts to run in place of the usual ones. */
  readonly machines?: Partial<Machines> | undefined;
  readonly server: ServerFace;
  readonly namespaces: Namespaces;
  readonly events: Events | undefined;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly random: Random;
  /** The longest piece of background work in one turn of the event loop, in milliseconds. */
  readonly sliceMs: number;
  /** Hears of every frame, and of what handlers return in vain. */
  readonly debug: FrameLog | undefined;
}

/** What all connections of a server share. */
export interface ServerContext {
  readonly server: ServerFace;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly random: Random;
  readonly handlers: Handlers;
  readonly callbacks: Callbacks;
  readonly nativeMode: NativeMode;
  readonly machines: Machines;
  readonly stepped: { readonly namespace: SteppedMachine; readonly room: SteppedMachine };
  readonly asks: PendingAsks;
  /** Asks of whole audiences that wait for an answer. */
  readonly audienceAsks: Set<AskTarget>;
  /** Lanes whose sockets are paused. */
  readonly fullInboxes: Set<{ checkBounds(): void }>;
  readonly deadlines: Deadlines;
  readonly background: BackgroundTasks;
  readonly ticks: TickCounter;
  /** Lanes that have more to do than one turn of the event loop has room for. */
  readonly runQueue: RunQueue;
  /** Holds back who broadcasts more than is given out. */
  readonly throttle: Throttle;
  readonly mailboxes: Mailboxes;
  readonly inspection: Inspection;
  readonly counters: Counters;
  readonly meters: Meters;
  /** The socket as it has to be: watched, if the program wants so. */
  wrapSocket(arrival: Arrival): Arrival;
}

/** Puts around a socket what the program wants its clients' sockets to have, and nothing else. */
const socketWrapper =
  (
    { limits, debug }: ContextOptions,
    nativeMode: NativeMode,
    deadlines: Deadlines,
    callbacks: Callbacks,
    mailboxes: Mailboxes,
  ) =>
  (arrival: Arrival): Arrival => {
    const isPaced = limits.readTimeout > 0 || limits.writeTimeout > 0;
    const paced = isPaced ? wrapArrival(arrival, new TimeoutSocket(arrival.socket, deadlines, limits)) : arrival;
    if (!debug) return paced;
    const log: FrameLog = (note) =>
      mailboxes.runOrDefer(() => callbacks.guarded(() => debug(note), { during: 'debug' }));
    return wrapArrival(paced, new LoggedSocket(paced.socket, paced.id, nativeMode, log));
  };

/** Builds the shared parts of one server. Throws when the handlers are wrong. */
export const createContext = (options: ContextOptions): ServerContext => {
  const { server, namespaces, events, limits, clock, random } = options;
  const counters = makeCounters();
  const handlers = new Handlers(namespaces, events);
  const deadlines = new Deadlines(clock);
  const background = new BackgroundTasks(clock, options.sliceMs);
  const runQueue = new RunQueue(
    () => clock.now(),
    (task) => background.wake(task),
  );
  const meters = new Meters();
  const isTalkative = options.debug !== undefined;
  const now = (): number => clock.now();
  const callbacks = new Callbacks(
    options,
    handlers,
    deadlines,
    limits.handlerTimeout,
    counters,
    isTalkative,
    meters,
    now,
  );
  const nativeMode = handlers.isNativeOnly ? 'only' : handlers.takesNative ? 'mixed' : 'none';
  const failed = (error: unknown): void => callbacks.report(error, { during: 'chart' });
  const mailboxes = new Mailboxes(failed);
  const machines: Machines = {
    supervisor: supervisorMachine,
    connection: connectionMachine,
    namespace: namespaceMachine,
    room: roomMachine,
    link: linkMachine,
    ...options.machines,
  };
  return {
    server,
    limits,
    clock,
    random,
    handlers,
    callbacks,
    nativeMode,
    machines,
    stepped: {
      namespace: new SteppedMachine(machines.namespace, failed),
      room: new SteppedMachine(machines.room, failed),
    },
    asks: new PendingAsks(deadlines, limits, random),
    audienceAsks: new Set(),
    fullInboxes: new Set(),
    deadlines,
    background,
    ticks: new TickCounter(clock),
    runQueue,
    throttle: new Throttle(limits, (inbox) => runQueue.add(inbox)),
    mailboxes,
    inspection: new Inspection(
      mailboxes,
      (error) => callbacks.report(error, { during: 'inspect' }),
      (job) => clock.setImmediate(job),
    ),
    counters,
    meters,
    wrapSocket: socketWrapper(options, nativeMode, deadlines, callbacks, mailboxes),
  };
};
