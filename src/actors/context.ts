import { Throttle } from '../broadcast/throttle.js';
import type { ContractShape } from '../contract/definitions.js';
import type { Limits } from '../limits.js';
import { connectionMachine } from '../machines/connection.js';
import { linkMachine } from '../machines/link.js';
import { namespaceMachine } from '../machines/namespace.js';
import { roomMachine } from '../machines/room.js';
import { supervisorMachine } from '../machines/supervisor.js';
import type { NativeMode } from '../protocol/codec.js';
import { toldOf } from '../protocol/errors.js';
import { FrameDecoder } from '../protocol/incoming/decoder.js';
import { type AskTarget, PendingAsks } from './api/asks.js';
import { Callbacks, type ConnectionCallbacks } from './api/callbacks.js';
import { ContractGate } from './api/contractGate.js';
import { Handlers, type Namespaces } from './api/handlers.js';
import type { ServerFace } from './api/serverFace.js';
import { SteppedMachine } from './charts/steppedMachine.js';
import { BackgroundTasks, RunQueue } from './runtime/background.js';
import { type Clock, TickCounter, TickQuota } from './runtime/clock.js';
import { Deadlines } from './runtime/deadlines.js';
import { type FastPaths, fastPaths } from './runtime/fastPaths.js';
import { Gathering } from './runtime/gathering.js';
import { Mailboxes } from './runtime/mailbox.js';
import type { Random } from './runtime/random.js';
import { type AuthenticationHooks, Authenticator } from './sessions/authenticator.js';
import { type Counters, Meters, makeCounters } from './telemetry/counters.js';
import { type ActorDirectory, Inspection } from './telemetry/inspection.js';
import { Recorder, type RecorderLimits } from './telemetry/recorder.js';
import { type FrameLog, LoggedSocket } from './transport/loggedSocket.js';
import { type Arrival, type UpgradeRequest, wrapArrival } from './transport/socket.js';
import { TimeoutSocket } from './transport/timeoutSocket.js';

/** The charts that a server runs. */
export interface Machines {
  /** The chart of the root actor. */
  readonly supervisor: typeof supervisorMachine;
  /** The chart of each connection. */
  readonly connection: typeof connectionMachine;
  /** The chart of each namespace of a connection. */
  readonly namespace: typeof namespaceMachine;
  /** The chart of each room of a connection. */
  readonly room: typeof roomMachine;
  /** The chart of the link to the broker. */
  readonly link: typeof linkMachine;
}

/** What a context is made from. */
export interface ContextOptions extends ConnectionCallbacks, AuthenticationHooks {
  /** Charts to run in place of the usual ones. */
  readonly machines?: Partial<Machines> | undefined;
  /** The server, as handlers see it. */
  readonly server: ServerFace;
  /** The contract of some namespaces, if there is one. */
  readonly contract?: ContractShape | undefined;
  /** Whether data that the program sends is validated too. */
  readonly checkOutgoing?: boolean;
  /** The handlers of each declared namespace. */
  readonly namespaces: Namespaces;
  /** The handlers of the empty namespace. */
  readonly events: unknown;
  /** Middleware around all handlers. */
  readonly use?: unknown;
  /** Returns the address of a client. Default: none is known. */
  readonly addressOf?: (request: UpgradeRequest) => string | undefined;
  /** All limits. */
  readonly limits: Limits;
  /** The source of time, timers and ticks. */
  readonly clock: Clock;
  /** The source of random numbers. */
  readonly random: Random;
  /** The shortcuts that are taken. Default: all. */
  readonly fastPaths?: FastPaths;
  /** Whether clients are told the text of every error of the program (SV26). Default true. */
  readonly exposeErrors?: boolean;
  /** Maximum time of background work in one tick, in ms. */
  readonly sliceMs: number;
  /** Receives a note of every frame. When it is set, unused return values of handlers are reported too. */
  readonly debug: FrameLog | undefined;
  /** How much is recorded of each connection. Default: nothing. */
  readonly recorder: RecorderLimits | undefined;
}

/** What all parts of one server share. */
export interface ServerContext {
  /** The server, as handlers see it. */
  readonly server: ServerFace;
  /** All limits. */
  readonly limits: Limits;
  /** The source of time, timers and ticks. */
  readonly clock: Clock;
  /** The source of random numbers. */
  readonly random: Random;
  /** The shortcuts that are taken. */
  readonly fastPaths: FastPaths;
  /** The handlers of the program. */
  readonly handlers: Handlers;
  /** The contract, if there is one. */
  readonly contract: ContractGate | undefined;
  /** The hooks of the program. */
  readonly callbacks: Callbacks;
  /** Returns what a client is told of an error of the program (SV26). */
  told(error: unknown): unknown;
  /** Says who clients are, if the program wants that. */
  readonly authenticator: Authenticator | undefined;
  /** Whether clients send native messages. */
  readonly nativeMode: NativeMode;
  /** The charts that run. */
  readonly machines: Machines;
  /** The charts of memberships, to be stepped. */
  readonly stepped: { readonly namespace: SteppedMachine; readonly room: SteppedMachine };
  /** All asks that wait for an answer. */
  readonly asks: PendingAsks;
  /** The targets of asks of whole audiences that wait for an answer. */
  readonly audienceAsks: Set<AskTarget>;
  /** Inboxes whose sockets are paused. */
  readonly fullInboxes: Set<{ checkBounds(): void }>;
  /** All deadlines, behind one timer. */
  readonly deadlines: Deadlines;
  /** Background work, in slices. */
  readonly background: BackgroundTasks;
  /** Counts ticks. */
  readonly ticks: TickCounter;
  /** The frames that the inboxes may still handle in this tick, all together (LM9). */
  readonly allFrames: TickQuota;
  /** Decodes what clients send. */
  readonly decoder: FrameDecoder;
  /** Inboxes that have more to do than fits into one tick. */
  readonly runQueue: RunQueue;
  /** Pauses connections whose handlers broadcast faster than messages are delivered. */
  readonly throttle: Throttle;
  /** The mailboxes of all actors. */
  readonly mailboxes: Mailboxes;
  /** The listeners and observers of all actors. */
  readonly inspection: Inspection;
  /** Records the last steps of connections, if the program wants that. */
  readonly recorder: Recorder | undefined;
  /** Every drop, close and refusal, by reason. */
  readonly counters: Counters;
  /** What is measured beside the counters. */
  readonly meters: Meters;
  /** Returns the address of a client, if it is known. */
  addressOf(request: UpgradeRequest): string | undefined;
  /** Returns the arrival with its socket decorated: by timeouts and by the log of `debug`, as the options want. */
  wrapSocket(arrival: Arrival): Arrival;
}

/** Returns whether frames of the session layer are looked for on an arrival. */
const hasSessionLayer = ({ opening }: Arrival): boolean => opening !== undefined && opening !== 'native';

/** Returns what decorates the sockets of arrivals. Without timeouts and `debug` it decorates none. */
const socketWrapper =
  (
    { limits, debug }: ContextOptions,
    nativeMode: NativeMode,
    deadlines: Deadlines,
    callbacks: Callbacks,
    mailboxes: Mailboxes,
  ) =>
  (arrival: Arrival): Arrival => {
    const hasTimeouts = limits.readTimeout > 0 || limits.writeTimeout > 0;
    const timed = hasTimeouts ? wrapArrival(arrival, new TimeoutSocket(arrival.socket, deadlines, limits)) : arrival;
    if (!debug) return timed;
    const log: FrameLog = (note) =>
      mailboxes.runOrDefer(() => callbacks.guarded(() => debug(note), { during: 'debug' }));
    return wrapArrival(timed, new LoggedSocket(timed.socket, timed.id, nativeMode, log, hasSessionLayer(timed)));
  };

/**
 * Creates what all parts of one server share. The directory is not used before an actor of the server starts.
 *
 * @throws {TypeError} when the handlers are wrong
 */
export const createContext = (options: ContextOptions, directory: ActorDirectory): ServerContext => {
  const { server, namespaces, events, limits, clock, random, authenticate, sameUser, exposeErrors = true } = options;
  const now = (): number => clock.now();
  const counters = makeCounters();
  const meters = new Meters();
  const contract =
    options.contract &&
    new ContractGate(options.contract, options.checkOutgoing ?? false, {
      report: (error, namespace, during) => callbacks.report(error, { during, namespace }),
      countInvalid: () => counters.invalidPayloads++,
      within: (decoding) => callbacks.within(decoding),
    });
  const deadlines = new Deadlines(clock);
  const handlers = new Handlers(namespaces, events, contract, {
    use: options.use,
    host: {
      now,
      after: (ms, expire) => deadlines.after(ms, expire),
      counters,
      failed: (error, during, ns) => callbacks.failed(error, during, ns),
    },
  });
  const { fastPaths: paths = fastPaths } = options;
  const gathering = new Gathering(paths.gather);
  const background = new BackgroundTasks(clock, options.sliceMs, gathering);
  const runQueue = new RunQueue(now, (task) => background.wake(task), gathering);
  const recorder = options.recorder && new Recorder(options.recorder, clock, random, directory);
  const callbacks: Callbacks = new Callbacks(
    options,
    handlers,
    deadlines,
    limits.handlerTimeout,
    counters,
    options.debug !== undefined,
    meters,
    now,
    recorder,
  );
  const ticks = new TickCounter(clock);
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
    fastPaths: paths,
    handlers,
    contract,
    callbacks,
    told: (error) => toldOf(error, exposeErrors),
    authenticator: authenticate && new Authenticator(authenticate, sameUser, clock, exposeErrors),
    nativeMode,
    machines,
    stepped: {
      namespace: new SteppedMachine(machines.namespace, failed, paths.memo),
      room: new SteppedMachine(machines.room, failed, paths.memo),
    },
    asks: new PendingAsks(deadlines, limits, random),
    audienceAsks: new Set(),
    fullInboxes: new Set(),
    deadlines,
    background,
    ticks,
    allFrames: new TickQuota(ticks, limits.allFramesPerTick),
    decoder: new FrameDecoder(nativeMode),
    runQueue,
    throttle: new Throttle(limits, (inbox) => runQueue.add(inbox)),
    mailboxes,
    inspection: new Inspection({
      mailboxes,
      directory,
      report: (error) => callbacks.report(error, { during: 'inspect' }),
      nextTick: (job) => clock.setImmediate(job),
    }),
    recorder,
    counters,
    meters,
    addressOf: options.addressOf ?? (() => undefined),
    wrapSocket: socketWrapper(options, nativeMode, deadlines, callbacks, mailboxes),
  };
};
