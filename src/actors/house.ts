import { Audience } from '../broadcast/audience.js';
import { Broadcaster } from '../broadcast/broadcaster.js';
import { namespaceMachine } from '../machines/namespace.js';
import { roomMachine } from '../machines/room.js';
import type { NativeMode } from '../protocol/codec.js';
import { Asks } from './asks.js';
import { Chart } from './chart.js';
import { type Counters, makeCounters } from './counters.js';
import { Doors } from './door.js';
import { type Events, Handlers, type Namespaces } from './handlers.js';
import type { ServerFace } from './handles.js';
import { type ConnectionHooks, Hooks } from './hooks.js';
import type { Clock } from './scheduler.js';
import { Sweeper } from './sweeper.js';
import { Turn } from './turn.js';

/** Bounds; sizes in bytes, times in milliseconds. */
export interface HouseLimits {
  readonly namespaces: number;
  readonly rooms: number;
  readonly nameBytes: number;
  readonly laneMessages: number;
  readonly laneBytes: number;
  readonly handlerTimeout: number;
  readonly closeTimeout: number;
  readonly highWaterMark: number;
  readonly maxLagMessages: number;
  readonly maxLagBytes: number;
  readonly asks: { readonly timeout: number; readonly pending: number };
}

export interface HouseOptions extends ConnectionHooks {
  readonly server: ServerFace;
  readonly namespaces: Namespaces;
  readonly events: Events | undefined;
  readonly limits: HouseLimits;
  readonly clock: Clock;
  /** The longest piece of background work in one turn of the event loop. */
  readonly sliceMs: number;
}

/** What all connections of a server share. */
export interface House {
  readonly server: ServerFace;
  readonly limits: HouseLimits;
  readonly clock: Clock;
  readonly handlers: Handlers;
  readonly hooks: Hooks;
  readonly nativeMode: NativeMode;
  readonly charts: { readonly namespace: Chart; readonly room: Chart };
  readonly asks: Asks;
  readonly audience: Audience;
  readonly broadcaster: Broadcaster;
  readonly turn: Turn;
  readonly sweeper: Sweeper;
  readonly doors: Doors;
  readonly counters: Counters;
}

/** Builds the shared parts of one server. Throws when the handlers are wrong. */
export const furnish = (options: HouseOptions): House => {
  const { server, namespaces, events, limits, clock, sliceMs } = options;
  const counters = makeCounters();
  const handlers = new Handlers(namespaces, events);
  const sweeper = new Sweeper(clock);
  const hooks = new Hooks(options, handlers, sweeper, limits.handlerTimeout, counters);
  const turn = new Turn(clock, sliceMs);
  const audience = new Audience();
  const broadcaster: Broadcaster = new Broadcaster(
    audience,
    () => clock.now(),
    () => turn.wake(broadcaster),
  );
  return {
    server,
    limits,
    clock,
    handlers,
    hooks,
    nativeMode: handlers.isNativeOnly ? 'only' : handlers.takesNative ? 'mixed' : 'none',
    charts: { namespace: new Chart(namespaceMachine), room: new Chart(roomMachine) },
    asks: new Asks(sweeper, limits.asks),
    audience,
    broadcaster,
    turn,
    sweeper,
    doors: new Doors((error) => hooks.report(error, { during: 'chart' })),
    counters,
  };
};
