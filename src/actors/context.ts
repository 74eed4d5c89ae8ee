import { Brake } from '../broadcast/throttle.js';
import type { Limits } from '../limits.js';
import { connectionMachine } from '../machines/connection.js';
import { linkMachine } from '../machines/link.js';
import { namespaceMachine } from '../machines/namespace.js';
import { roomMachine } from '../machines/room.js';
import { supervisorMachine } from '../machines/supervisor.js';
import type { NativeMode } from '../protocol/codec.js';
import { Asks, type Respondents } from './api/asks.js';
import { type ConnectionHooks, Hooks } from './api/callbacks.js';
import { type Events, Handlers, type Namespaces } from './api/handlers.js';
import type { ServerFace } from './api/handles.js';
import { Backlog, Turn } from './runtime/background.js';
import type { Clock } from './runtime/clock.js';
import { Pulse } from './runtime/clock.js';
import { Sweeper } from './runtime/deadlines.js';
import { Doors } from './runtime/mailbox.js';
import { Chart } from './runtime/steppedMachine.js';
import { type Counters, Meters, makeCounters } from './telemetry/counters.js';
import { Inspection } from './telemetry/inspection.js';
import { type FrameLog, LoggedSocket } from './transport/loggedSocket.js';
import { type Arrival, arrivingThrough } from './transport/socket.js';
import { PacedSocket } from './transport/timeoutSocket.js';

/** The charts that a server runs. */
export interface Machines {
  readonly supervisor: typeof supervisorMachine;
  readonly connection: typeof connectionMachine;
  readonly namespace: typeof namespaceMachine;
  readonly room: typeof roomMachine;
  /** Of the way to the broker. */
  readonly link: typeof linkMachine;
}

export interface HouseOptions extends ConnectionHooks {
  /** Charts to run in place of the usual ones. */
  readonly machines?: Partial<Machines> | undefined;
  readonly server: ServerFace;
  readonly namespaces: Namespaces;
  readonly events: Events | undefined;
  readonly limits: Limits;
  readonly clock: Clock;
  /** The longest piece of background work in one turn of the event loop, in milliseconds. */
  readonly sliceMs: number;
  /** Hears of every frame, and of what handlers return in vain. */
  readonly debug: FrameLog | undefined;
}

/** What all connections of a server share. */
export interface House {
  readonly server: ServerFace;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly handlers: Handlers;
  readonly hooks: Hooks;
  readonly nativeMode: NativeMode;
  readonly machines: Machines;
  readonly charts: { readonly namespace: Chart; readonly room: Chart };
  readonly asks: Asks;
  /** Asks of whole audiences that wait for an answer. */
  readonly inquiries: Set<Respondents>;
  /** Lanes whose sockets are paused. */
  readonly fullLanes: Set<{ review(): void }>;
  readonly sweeper: Sweeper;
  readonly turn: Turn;
  readonly pulse: Pulse;
  /** Lanes that have more to do than one turn of the event loop has room for. */
  readonly backlog: Backlog;
  /** Holds back who broadcasts more than is given out. */
  readonly brake: Brake;
  readonly doors: Doors;
  readonly inspection: Inspection;
  readonly counters: Counters;
  readonly meters: Meters;
  /** The socket as it has to be: watched, if the program wants so. */
  outfit(arrival: Arrival): Arrival;
}

/** Puts around a socket what the program wants its clients' sockets to have, and nothing else. */
const outfitter =
  ({ limits, debug }: HouseOptions, nativeMode: NativeMode, sweeper: Sweeper, hooks: Hooks, doors: Doors) =>
  (arrival: Arrival): Arrival => {
    const isPaced = limits.readTimeout > 0 || limits.writeTimeout > 0;
    const paced = isPaced ? arrivingThrough(arrival, new PacedSocket(arrival.socket, sweeper, limits)) : arrival;
    if (!debug) return paced;
    const log: FrameLog = (note) => doors.outside(() => hooks.guarded(() => debug(note), { during: 'debug' }));
    return arrivingThrough(paced, new LoggedSocket(paced.socket, paced.id, nativeMode, log));
  };

/** Builds the shared parts of one server. Throws when the handlers are wrong. */
export const furnish = (options: HouseOptions): House => {
  const { server, namespaces, events, limits, clock } = options;
  const counters = makeCounters();
  const handlers = new Handlers(namespaces, events);
  const sweeper = new Sweeper(clock);
  const turn = new Turn(clock, options.sliceMs);
  const backlog = new Backlog(
    () => clock.now(),
    (walk) => turn.wake(walk),
  );
  const meters = new Meters();
  const isTalkative = options.debug !== undefined;
  const now = (): number => clock.now();
  const hooks = new Hooks(options, handlers, sweeper, limits.handlerTimeout, counters, isTalkative, meters, now);
  const nativeMode = handlers.isNativeOnly ? 'only' : handlers.takesNative ? 'mixed' : 'none';
  const failed = (error: unknown): void => hooks.report(error, { during: 'chart' });
  const doors = new Doors(failed);
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
    handlers,
    hooks,
    nativeMode,
    machines,
    charts: { namespace: new Chart(machines.namespace, failed), room: new Chart(machines.room, failed) },
    asks: new Asks(sweeper, limits),
    inquiries: new Set(),
    fullLanes: new Set(),
    sweeper,
    turn,
    pulse: new Pulse(clock),
    backlog,
    brake: new Brake(limits, (lane) => backlog.add(lane)),
    doors,
    inspection: new Inspection(
      doors,
      (error) => hooks.report(error, { during: 'inspect' }),
      (job) => clock.setImmediate(job),
    ),
    counters,
    meters,
    outfit: outfitter(options, nativeMode, sweeper, hooks, doors),
  };
};
