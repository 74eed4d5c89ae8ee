import {
  type CallContext,
  isMember,
  isWithin,
  type ModelAsk,
  type ModelConnection,
  type PendingDo,
} from './modelTypes.js';
import type { ClientRef, Program, Script } from './program.js';
import { keyOf } from './wire.js';

/** The state of the model, and what a run compares with the server. */
export class ModelState {
  /** Whether handlers of lifecycle events make calls. Off while clients connect at the start. */
  areHandlersOn = false;
  protected readonly peers: ModelConnection[] = [];
  /** The registered connections, in the order of registration. */
  protected registered: ModelConnection[] = [];
  protected readonly waiting: ModelConnection[] = [];
  /** Connections whose `onConnect` is still to be called. */
  protected readonly arriving: ModelConnection[] = [];
  protected readonly pendingDos: PendingDo[] = [];
  protected readonly asks = new Map<string, ModelAsk>();
  /** Answered asks whose sequel is still to run. */
  protected readonly sequels: { readonly label: string; readonly context: CallContext; readonly sequel: Script }[] = [];
  protected lastToken = 0;
  protected lastDo = 0;

  constructor(protected readonly program: Program) {}

  get size(): number {
    return this.peers.length;
  }
  get total(): number {
    return this.registered.length;
  }
  get isDoing(): boolean {
    return this.pendingDos.length > 0;
  }
  linesOf(who: number): readonly string[] {
    return this.peer(who).lines;
  }
  isCut(who: number): boolean {
    return this.peer(who).isCut;
  }
  /** Forced events that have not been reported. */
  get missingEndEvents(): readonly string[] {
    const predicted = this.peers.filter(({ hadJobs }) => !hadJobs);
    return predicted.flatMap(({ index, endEvents }) => endEvents.map((line) => `${index} ${line}`));
  }
  get unfinished(): readonly string[] {
    return [
      ...this.sequels.map(({ label }) => `answered without a sequel: ${label}`),
      ...this.pendingDos.map(({ id }) => `do ${id} has not ended`),
      ...this.arriving.map(({ index }) => `${index} had no onConnect`),
    ];
  }
  membersOf(namespace: string, room: string): number[] {
    return this.audience(namespace, room, undefined).map(({ index }) => index);
  }
  stateOf(who: number): ModelConnection['state'] {
    return this.peer(who).state;
  }
  isIn(who: number, namespace: string, room = ''): boolean {
    return isMember(this.peer(who), namespace, room);
  }
  isPaused(who: number): boolean {
    return this.peer(who).paused !== undefined;
  }
  earlyOf(who: number): number {
    return this.peer(who).early.length;
  }
  /** Whether the server may begin a step of this namespace or room without waiting. */
  mayBegin(who: number, namespace: string, room: string): boolean {
    const { state, paused, pendingSteps } = this.peer(who);
    if (state !== 'open' || paused || pendingSteps.has(keyOf(namespace, ''))) return false;
    return room === ''
      ? ![...pendingSteps.keys()].some((key) => isWithin(key, namespace))
      : !pendingSteps.has(keyOf(namespace, room));
  }
  roomsOf(who: number): number {
    const { memberships, pendingSteps } = this.peer(who);
    const underway = [...pendingSteps.values()].filter(({ kind }) => kind === 'join').length;
    return [...memberships.values()].reduce((sum, rooms) => sum + rooms.size, underway);
  }

  protected audience(namespace: string, room: string, to: string | undefined): ModelConnection[] {
    const open = this.registered.filter(
      (connection) => connection.state === 'open' && isMember(connection, namespace, room),
    );
    return open.filter(({ id }) => to === undefined || id === to);
  }

  protected peer(who: number): ModelConnection {
    const connection = this.peers[who];
    if (!connection) throw new Error(`no connection ${who}`);
    return connection;
  }

  protected resolve(who: ClientRef, self: ModelConnection | undefined): ModelConnection | undefined {
    return who === 'self' ? self : this.peers[who % this.peers.length];
  }
}
