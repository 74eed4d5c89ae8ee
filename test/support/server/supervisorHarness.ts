import { systemRandom } from '../../../src/actors/runtime/random.js';
import { Supervisor } from '../../../src/actors/supervisor/supervisor.js';
import type { InspectionObserver } from '../../../src/actors/telemetry/inspection.js';
import type { RecorderLimits } from '../../../src/actors/telemetry/recorder.js';
import type { FrameLog } from '../../../src/actors/transport/loggedSocket.js';
import type { UpgradeRequest } from '../../../src/actors/transport/socket.js';
import {
  type Conn,
  type DisconnectReason,
  defaultLimits,
  type Events,
  type Limits,
  type Machines,
  type Namespaces,
  type OwnMachines,
  type ServerFace,
  type Where,
} from '../../../src/index.js';
import { checkOptions } from '../../../src/server/options.js';
import { HandClock } from './fakeClock.js';
import { FakeSocket } from './fakeSocket.js';

/** A clock turned by hand, of which every look takes a little time, so that slices of work come to an end. */
export class TurnedClock extends HandClock {
  constructor(private readonly perLook = 0) {
    super();
  }

  override now(): number {
    this.spend(this.perLook);
    return super.now();
  }

  get isIdle(): boolean {
    return this.immediates === 0;
  }

  /** One turn of the event loop: what was asked for until now runs once. */
  tick(): void {
    this.runImmediates();
  }
}

/** The timers of a house in which somebody is and nothing is waited for: the heartbeat's. */
export const timersAtRest = 1;

/** Every promise that can settle by itself has. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export interface HouseOptions {
  readonly namespaces?: Namespaces;
  readonly events?: Events;
  readonly onConnect?: (conn: Conn) => unknown;
  readonly onDisconnect?: (conn: Conn, reason: DisconnectReason) => unknown;
  readonly limits?: Partial<Limits>;
  readonly machines?: Partial<Machines>;
  readonly syncBroadcaster?: boolean;
  readonly fireDisconnectAlways?: boolean;
  readonly sliceMs?: number;
  readonly debug?: FrameLog;
  readonly inspect?: InspectionObserver;
  readonly recorder?: RecorderLimits;
  /** What every look at the clock takes. */
  readonly perLook?: number;
}

/** Charts of a program's own, through the check of a server, as they go. */
export const kept = (machines: Partial<OwnMachines>): Partial<Machines> =>
  checkOptions({ namespaces: { n: {} }, machines }).machines ?? {};

/** One client of the house: its socket, and its connection once it is let in. */
export interface Guest {
  readonly id: string;
  readonly index: number;
  readonly socket: FakeSocket;
  conn: Conn | undefined;
}

/** A supervisor on fake sockets and a clock that is turned by hand. */
export class House {
  readonly clock: TurnedClock;
  readonly supervisor: Supervisor;
  readonly server: ServerFace;
  readonly errors: { readonly error: unknown; readonly where: Where }[] = [];
  readonly guests: Guest[] = [];

  constructor(options: HouseOptions) {
    this.clock = new TurnedClock(options.perLook);
    this.server = faceOf(() => this.supervisor);
    const limits: Limits = { ...defaultLimits, ...options.limits };
    this.supervisor = new Supervisor({
      server: this.server,
      namespaces: options.namespaces ?? {},
      events: options.events,
      machines: options.machines,
      clock: this.clock,
      random: systemRandom,
      sliceMs: options.sliceMs ?? 4,
      syncBroadcaster: options.syncBroadcaster ?? false,
      fireDisconnectAlways: options.fireDisconnectAlways ?? false,
      onConnect: (conn) => {
        const guest = this.guestOf(conn);
        guest.conn = conn;
        return options.onConnect?.(conn);
      },
      onDisconnect: options.onDisconnect,
      debug: options.debug,
      inspect: options.inspect,
      recorder: options.recorder,
      onError: (error, where) => void this.errors.push({ error, where }),
      limits,
    });
  }

  /** A websocket arrives. Its client has not said anything yet. */
  connect(id: string): Guest {
    const socket = new FakeSocket();
    const guest: Guest = { id, index: this.guests.length, socket, conn: undefined };
    this.guests.push(guest);
    // Nothing else of a request is looked at.
    const request = { url: `/${guest.index}`, headers: {} } as UpgradeRequest;
    this.supervisor.connect({
      id,
      request,
      socket,
      outlet: socket.outlet,
      attach: (listener) => socket.listen(listener),
    });
    return guest;
  }

  /** A client that is let in, in this namespace and these rooms of it. */
  seat(id: string, namespace: string | undefined = undefined, rooms: readonly string[] = []): Guest {
    const guest = this.connect(id);
    guest.socket.say('M');
    if (namespace === undefined) return guest;
    guest.socket.say(`$0;${namespace};;_OnNamespaceConnect;0;0;`);
    for (const room of rooms) guest.socket.say(`$0;${namespace};${room};_OnRoomJoin;0;0;`);
    guest.socket.sent.length = 0;
    return guest;
  }

  guestOf(conn: Conn): Guest {
    const guest = this.guests[Number(conn.request.url?.slice(1))];
    if (!guest) throw new Error(`nobody arrived as ${conn.request.url}`);
    return guest;
  }

  /** Everything that can happen without a client and without time passing, happens. */
  async rest(): Promise<void> {
    do {
      this.clock.tick();
      for (const { socket } of this.guests) socket.pump();
      await settled();
    } while (!this.clock.isIdle);
  }

  /** Everybody goes away. */
  async empty(): Promise<void> {
    for (const { socket } of this.guests) socket.hangUp();
    await this.rest();
  }

  /** What is left of those who have gone: all of it is zero. */
  get remains(): Readonly<Record<string, number>> {
    const { supervisor, clock } = this;
    const namespaces = supervisor.handlers.namespaces;
    return {
      connections: supervisor.total,
      handles: supervisor.connections().length,
      rooms: namespaces.flatMap((namespace) => supervisor.roomNames(namespace)).length,
      members: namespaces.flatMap((namespace) => supervisor.members(namespace, '')).length,
      log: supervisor.pressure.log,
      // Every pending ask and every running handler has a deadline in the sweeper, which sits on one timer.
      timers: clock.timers,
      immediates: clock.isIdle ? 0 : 1,
    };
  }
}

export const nothing = { connections: 0, handles: 0, rooms: 0, members: 0, log: 0, timers: 0, immediates: 0 };

const faceOf = (supervisor: () => Supervisor): ServerFace => ({
  broadcast: (except, ...messages) => supervisor().broadcast(except, messages),
  do: (visit) => supervisor().do(visit),
  ask: (message, options = {}) => supervisor().ask(message, options),
  get totalConnections() {
    return supervisor().total;
  },
  get pressure() {
    return supervisor().pressure;
  },
  connections: () => supervisor().connections(),
  connectionsByNamespace: (namespace) => supervisor().members(namespace, ''),
  roomNames: (namespace) => supervisor().roomNames(namespace),
  members: (namespace, room) => supervisor().members(namespace, room),
  flush: () => supervisor().flush(),
  close: ({ timeout = 10_000 } = {}) => supervisor().drain(timeout),
});
