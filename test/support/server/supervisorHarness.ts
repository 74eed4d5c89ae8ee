import { typed } from '../../../src/actors/api/vocabulary.js';
import { type FastPaths, fastPaths } from '../../../src/actors/runtime/fastPaths.js';
import { systemRandom } from '../../../src/actors/runtime/random.js';
import { Supervisor } from '../../../src/actors/supervisor/supervisor.js';
import type { InspectionObserver } from '../../../src/actors/telemetry/inspection.js';
import type { RecorderLimits } from '../../../src/actors/telemetry/recorder.js';
import type { FrameLog } from '../../../src/actors/transport/loggedSocket.js';
import type { Arrival, SocketListener, UpgradeRequest } from '../../../src/actors/transport/socket.js';
import type { ContractShape } from '../../../src/contract/definitions.js';
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
  type Use,
  type Where,
} from '../../../src/index.js';
import { checkOptions } from '../../../src/server/checkOptions.js';
import { FakeClock } from './fakeClock.js';
import { FakeSocket } from './fakeSocket.js';
import { GatheredSocket } from './gatheredSocket.js';

/** A fake clock on which each read takes time, so that slices end. */
export class TickingClock extends FakeClock {
  constructor(private readonly msPerRead = 0) {
    super();
  }

  override now(): number {
    this.spend(this.msPerRead);
    return super.now();
  }

  get isIdle(): boolean {
    return this.immediates === 0;
  }

  /** Runs one tick: every immediate that is set now runs once. */
  tick(): void {
    this.runImmediates();
  }
}

/** Timers of a supervisor with clients and no pending work: the heartbeat's. */
export const idleTimers = 1;

/** The shortcuts of each harness that is made from now on. A suite that sets them resets them. */
export const harnessPaths: { current: FastPaths } = { current: fastPaths };

/** Resolves after every promise that needs no timer has settled. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export interface HarnessOptions {
  readonly contract?: ContractShape;
  readonly namespaces?: Namespaces;
  readonly events?: Events;
  readonly use?: readonly Use[];
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
  /** Time that each read of the clock takes, in ms. */
  readonly msPerRead?: number;
  /** Whether frames that belong together are held back for one write (BC15). */
  readonly gathers?: boolean;
  /** Whether the steps of charts are memoised. As `harnessPaths` says, if it is not given. */
  readonly memo?: boolean;
}

/** Returns a program's charts as the check of the options leaves them. */
export const checkedMachines = (machines: Partial<OwnMachines>): Partial<Machines> =>
  checkOptions({ namespaces: { n: {} }, machines }).machines ?? {};

/** One client of the harness: its socket, and its connection from `onConnect` on. */
export interface FakeClient {
  readonly id: string;
  readonly index: number;
  readonly socket: FakeSocket;
  conn: Conn | undefined;
}

/** A supervisor on fake sockets and a fake clock. */
export class SupervisorHarness {
  readonly clock: TickingClock;
  readonly supervisor: Supervisor;
  readonly server: ServerFace;
  readonly errors: { readonly error: unknown; readonly where: Where }[] = [];
  readonly clients: FakeClient[] = [];

  readonly #gathers: boolean;

  constructor(options: HarnessOptions) {
    this.#gathers = options.gathers ?? false;
    this.clock = new TickingClock(options.msPerRead);
    this.server = faceOf(() => this.supervisor);
    const limits: Limits = { ...defaultLimits, ...options.limits };
    this.supervisor = new Supervisor({
      server: this.server,
      contract: options.contract,
      namespaces: options.namespaces ?? {},
      ...{ events: options.events, use: options.use },
      machines: options.machines,
      clock: this.clock,
      random: systemRandom,
      fastPaths: { ...harnessPaths.current, ...(options.memo === undefined ? {} : { memo: options.memo }) },
      sliceMs: options.sliceMs ?? 4,
      syncBroadcaster: options.syncBroadcaster ?? false,
      fireDisconnectAlways: options.fireDisconnectAlways ?? false,
      onConnect: (conn) => {
        const client = this.clientOf(conn);
        client.conn = conn;
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

  /** Connects a socket. Its client has sent nothing yet. */
  connect(id: string): FakeClient {
    const socket = new FakeSocket();
    const client: FakeClient = { id, index: this.clients.length, socket, conn: undefined };
    this.clients.push(client);
    const attach = (listener: SocketListener): void => socket.listen(listener);
    // The supervisor reads nothing else of a request.
    const request = { url: `/${client.index}`, headers: {} } as UpgradeRequest;
    this.supervisor.connect({
      id,
      request,
      ...(this.#gathers ? this.#gathered(socket) : { socket, outlet: socket.outlet, attach }),
    });
    return client;
  }

  /** Connects a client and opens it, in this namespace and these rooms of it. Clears what it has been sent. */
  open(id: string, namespace: string | undefined = undefined, rooms: readonly string[] = []): FakeClient {
    const client = this.connect(id);
    client.socket.receive('M');
    if (namespace === undefined) return client;
    client.socket.receive(`$0;${namespace};;_OnNamespaceConnect;0;0;`);
    for (const room of rooms) client.socket.receive(`$0;${namespace};${room};_OnRoomJoin;0;0;`);
    client.socket.sent.length = 0;
    return client;
  }

  #gathered(fake: FakeSocket): Pick<Arrival, 'socket' | 'outlet' | 'attach'> {
    const socket = new GatheredSocket(fake, this.supervisor.background.gathering);
    return { socket, outlet: socket.outlet, attach: socket.attach };
  }

  clientOf(conn: Conn): FakeClient {
    const client = this.clients[Number(conn.request.url?.slice(1))];
    if (!client) throw new Error(`no client connected to ${conn.request.url}`);
    return client;
  }

  /** Runs ticks and pumps sockets until no immediate is set. No time passes. */
  async settle(): Promise<void> {
    do {
      this.clock.tick();
      for (const { socket } of this.clients) socket.pump();
      await settled();
    } while (!this.clock.isIdle);
  }

  /** Disconnects every client. */
  async disconnectAll(): Promise<void> {
    for (const { socket } of this.clients) socket.disconnect();
    await this.settle();
  }

  /** What the supervisor holds. Equals `noResources` after every client has disconnected. */
  get resources(): Readonly<Record<string, number>> {
    const { supervisor, clock } = this;
    const namespaces = supervisor.handlers.namespaces;
    return {
      connections: supervisor.total,
      handles: supervisor.connections().length,
      rooms: namespaces.flatMap((namespace) => supervisor.roomNames(namespace)).length,
      members: namespaces.flatMap((namespace) => supervisor.members(namespace, '')).length,
      log: supervisor.pressure.log,
      // Deadlines of asks and handlers share one timer.
      timers: clock.timers,
      immediates: clock.isIdle ? 0 : 1,
    };
  }
}

export const noResources = { connections: 0, handles: 0, rooms: 0, members: 0, log: 0, timers: 0, immediates: 0 };

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
  connectionsByNamespace: (namespace) => typed(supervisor().members(namespace, '')),
  roomNames: (namespace) => supervisor().roomNames(namespace),
  members: (namespace, room) => typed(supervisor().members(namespace, room)),
  flush: () => supervisor().flush(),
  close: ({ timeout = 10_000 } = {}) => supervisor().drain(timeout),
});
