import { type AnyActorRef, createActor, type EventObject } from 'xstate';
import { ErrWrite } from '../../protocol/errors.js';
import type { Except } from '../api/serverFace.js';
import type { AnyOutgoing } from '../api/vocabulary.js';
import { useIndexedScheduler } from '../charts/scheduler.js';
import type { Cluster } from '../cluster/cluster.js';
import type { ServerContext } from '../context.js';
import { watchInspectors } from '../runtime/actorPatches.js';
import { ignoreRejection } from '../runtime/guard.js';
import { type HotEventHandler, handlesItself } from '../runtime/mailbox.js';
import { inspectedLogic } from '../telemetry/inspection.js';
import type { Arrival } from '../transport/socket.js';
import type { Arrivals } from './arrivals.js';
import type { DoQueue, Visitor } from './doQueue.js';
import type { Drain } from './drain.js';
import { hotMessageOf, type RootTasks, supervisorLogic } from './logic.js';
import type { Publisher } from './publisher.js';
import type { Registry } from './registry.js';

/** The running root actor. */
export type RootActor = AnyActorRef;

/** A message that the root actor takes from the program (DO6). */
export type SupervisorMessage =
  | { readonly type: 'BROADCAST'; readonly except: Except; readonly messages: readonly AnyOutgoing[] }
  | { readonly type: 'DO'; readonly visit: Visitor; readonly done?: (failure?: unknown) => void }
  | { readonly type: 'COUNT'; readonly reply: (count: number) => void };

/** A message that bypasses the mailbox of the root actor, unless its chart handles it itself. */
export type HotMessage = Extract<SupervisorMessage, { type: 'BROADCAST' | 'COUNT' }>;

/** The parts of a server that its root actor directs. */
export interface RootParts {
  readonly context: ServerContext;
  readonly arrivals: Arrivals;
  readonly registry: Registry;
  readonly cluster: Cluster;
  readonly publisher: Publisher;
  readonly doQueue: DoQueue;
  readonly drain: Drain;
}

/** The root actor of a server: the parent of every connection's actor and of the link's. */
export class Root implements HotEventHandler, RootTasks {
  /** The running actor. */
  readonly actor: AnyActorRef;

  /** Starts the actor. */
  constructor(private readonly parts: RootParts) {
    const { machines, inspection, clock, mailboxes } = parts.context;
    const logic = supervisorLogic(machines.supervisor, this, parts);
    this.actor = createActor(inspectedLogic(logic, inspection), { id: 'supervisor' });
    watchInspectors(this.actor.system);
    inspection.began(this.actor);
    useIndexedScheduler(this.actor.system, clock);
    this.actor.subscribe({ error: (error) => this.report(error) });
    mailboxes.intercept(this.actor, this);
    this.actor.start();
  }

  /** Whether the actor has stopped. */
  get isOver(): boolean {
    return this.actor.getSnapshot().status !== 'active';
  }
  /** Whether new connections are registered: until the server drains, or the actor has stopped. */
  get isAccepting(): boolean {
    return !this.isOver && this.actor.getSnapshot().hasTag('accepting');
  }

  /** Registers an arrival, holds it while a `do` runs (DO2), or refuses it (DR1). */
  connect(arrival: Arrival): void {
    if (this.isOver) this.parts.arrivals.refuse(arrival);
    else this.actor.send({ type: 'CONNECT', arrival });
  }

  /**
   * Visits every connection once, in the order of registration (DO1). Rejects with an AggregateError of the failures of
   * visits (DO3), or with `ErrWrite` when the server drains (DR1).
   *
   * @throws {TypeError} when `visit` is not a function
   */
  do(visit: Visitor): Promise<void> {
    if (typeof visit !== 'function') throw new TypeError(`do takes a function (conn), got ${typeof visit}`);
    const visited = new Promise<void>((resolve, reject) => {
      const done = (failure?: unknown): void => (failure === undefined ? resolve() : reject(failure));
      if (this.isOver) done(ErrWrite);
      else this.actor.send({ type: 'DO', visit, done });
    });
    return ignoreRejection(visited);
  }

  /** Handles a BROADCAST or COUNT at once, even while the actor is busy, unless its chart handles it itself. */
  handleHot(event: EventObject): boolean {
    const message = hotMessageOf(event);
    if (!message) return false;
    const { context, publisher } = this.parts;
    if (handlesItself(this.actor.getSnapshot(), message.type)) {
      // An error of the program goes to the sender, not to the chart.
      if (message.type === 'BROADCAST') publisher.check(message.messages);
      return false;
    }
    if (context.inspection.seesPassed) context.inspection.passed(this.actor, event);
    if (message.type === 'BROADCAST') this.#publish(message.except, message.messages);
    else this.#reply(message);
    return true;
  }

  /** Publishes the messages of a BROADCAST, or replies to a COUNT once the mailboxes are empty. */
  perform(message: HotMessage): void {
    if (message.type === 'BROADCAST') this.#publish(message.except, message.messages);
    else this.parts.context.mailboxes.defer(() => this.#reply(message));
  }

  /** Ends everything after the actor was stopped from outside: rejects every `do`, fails every connection. */
  onStopped(stopChild: (actor: AnyActorRef) => void): void {
    const { context, arrivals, registry, cluster, doQueue } = this.parts;
    const { mailboxes } = context;
    for (const actor of [...registry.actors, ...cluster.actors]) stopChild(actor);
    doQueue.refuse(ErrWrite, (settle) => mailboxes.defer(settle));
    mailboxes.defer(() => {
      registry.failAll();
      arrivals.refuseHeld();
      arrivals.destroyLingering();
    });
    mailboxes.defer(() => cluster.kill());
  }

  /** Reports an error of the chart. */
  report(error: unknown): void {
    this.parts.context.callbacks.report(error, { during: 'supervisor' });
  }

  /** Replies to a COUNT. What the reply throws or rejects with is no concern of the sender (DO6). */
  #reply({ reply }: Extract<HotMessage, { type: 'COUNT' }>): void {
    if (typeof reply !== 'function') throw new TypeError(`COUNT takes a function reply (count), got ${typeof reply}`);
    const { context, registry } = this.parts;
    context.callbacks.guarded(() => reply(registry.total), { during: 'count' });
  }

  #publish(except: Except, messages: readonly AnyOutgoing[]): void {
    const { context, publisher } = this.parts;
    if (this.isOver) context.counters.broadcastsAfterClose += messages.length;
    else publisher.broadcast(except, messages);
  }
}
