import type { AnyActorRef, AnyMachineSnapshot, AnyStateMachine, EventObject, InspectionEvent } from 'xstate';
import { bodyOf } from '../../protocol/incoming/undecoded.js';
import type { Body } from '../../protocol/message.js';
import { withTransition } from '../charts/implementations.js';
import { guarded } from '../runtime/guard.js';
import type { Mailboxes } from '../runtime/mailbox.js';

/** Receives the inspection events of XState about the actors of a server. */
export type InspectionObserver =
  | ((event: InspectionEvent) => unknown)
  | { readonly next: (event: InspectionEvent) => unknown };

/** Returns whether an observer wants the events of this actor. */
export type ActorFilter = (actor: AnyActorRef) => boolean;

/** Receives every step of every actor, at once and inside its mailbox: so it must not run user code. */
export interface StepListener {
  /** Called for each running actor at subscription, and for each actor that starts later. */
  began?(actor: AnyActorRef): void;
  /** Called after each step. */
  stepped?(actor: AnyActorRef, event: EventObject, before: AnyMachineSnapshot, after: AnyMachineSnapshot): void;
  /** Called for each BROADCAST, COUNT, FRAME, DELIVER or SESSION that bypasses the chart. Its bytes must not be changed. */
  passed?(actor: AnyActorRef, event: EventObject): void;
  /** Returns whether `passed` is to be called for this actor. Default: for all. */
  wantsPassed?(actor: AnyActorRef): boolean;
}

/** A message of a client that bypasses the chart of its connection. */
export interface FrameEvent extends EventObject {
  readonly type: 'FRAME';
  /** The message as it was received. */
  readonly data: Body;
}

/** One write to a connection that bypasses its chart. */
export interface DeliverEvent extends EventObject {
  readonly type: 'DELIVER';
  /** The frames that are written. */
  readonly bytes: Uint8Array;
  /** The number of messages in it. Missing in the events of a chart that handles DELIVER itself. */
  readonly messages?: number;
}

/**
 * A frame of the session layer. Observers receive it, and no chart does. It holds no body, as that may be a token; a
 * verb that this server does not know is `unknown`.
 */
export interface SessionEvent extends EventObject {
  readonly type: 'SESSION';
  /** `in` from the client, `out` to the client. */
  readonly direction: 'in' | 'out';
  /** What the frame is about. */
  readonly verb: string;
}

/** Maximum number of events that observers receive in one tick. */
const eventsPerTick = 500;

/** Finds the running actors of a server. */
export interface ActorDirectory {
  /** Returns every running actor: the root, the link and the connections. Empty until the root has started. */
  running(): Iterable<AnyActorRef>;
  /** Returns whether the actor is, or was, that of a connection. */
  isConnection(actor: AnyActorRef): boolean;
}

/** What an inspection works with. */
export interface InspectionParts {
  /** The mailboxes of all actors. Observers run when they are empty. */
  readonly mailboxes: Mailboxes;
  /** Finds the running actors. */
  readonly directory: Pick<ActorDirectory, 'running'>;
  /** Receives what a listener or observer throws or rejects with. */
  report(error: unknown): void;
  /** Runs a job in the next tick. */
  nextTick(job: () => void): void;
}

/**
 * The listeners and observers of the running actors (IN1). Without any, a step costs one check of a flag. Errors of
 * listeners and observers are reported, and do not reach an actor (IN3).
 */
export class Inspection {
  readonly #listeners = new Set<StepListener>();
  /** Calls that observers have yet to receive. */
  readonly #calls: (() => void)[] = [];
  #isFlushing = false;
  #isOn = false;
  #seesPassed = false;

  constructor(private readonly parts: InspectionParts) {}

  /** Whether there is a listener. */
  get isOn(): boolean {
    return this.#isOn;
  }
  /** Whether a listener wants the events that bypass the charts: frames and deliveries, which are many. */
  get seesPassed(): boolean {
    return this.#seesPassed;
  }

  /** Passes on that an actor is about to start. */
  began(actor: AnyActorRef): void {
    for (const { began } of this.#listeners) if (began) this.#guarded(() => began(actor));
  }
  /** Passes on a step of an actor. */
  stepped(actor: AnyActorRef, event: EventObject, before: AnyMachineSnapshot, after: AnyMachineSnapshot): void {
    for (const { stepped } of this.#listeners) if (stepped) this.#guarded(() => stepped(actor, event, before, after));
  }
  /** Passes on an event that has bypassed the chart of an actor. */
  passed(actor: AnyActorRef, event: EventObject): void {
    this.#show(actor, () => event);
  }
  /** Passes on a message of a client. Decodes it, and makes an event, only if a listener wants those of this actor. */
  received(actor: AnyActorRef, data: Body, isText: boolean | undefined): void {
    if (this.#seesPassed) this.#show(actor, (): FrameEvent => ({ type: 'FRAME', data: bodyOf(data, isText) }));
  }
  /** Passes on a frame of the session layer. Makes no event when no listener wants one. */
  session(actor: AnyActorRef, direction: 'in' | 'out', verb: string): void {
    if (!this.#seesPassed) return;
    const event: SessionEvent = { type: 'SESSION', direction, verb };
    this.passed(actor, event);
  }
  /** Passes on a write to a connection. Makes no event when no listener wants those of this connection. */
  delivered(actor: AnyActorRef, bytes: Uint8Array, messages: number): void {
    this.#show(actor, (): DeliverEvent => ({ type: 'DELIVER', bytes, messages }));
  }

  /** Calls `began` for each running actor, and then the listener for each step. Returns a function that ends this. */
  subscribe(listener: StepListener): () => void {
    const { began } = listener;
    this.#listeners.add(listener);
    this.#review();
    // In one mailbox run, so that calls deferred by the listener come after all of these.
    if (began) {
      this.parts.mailboxes.enter(() => {
        for (const actor of [...this.parts.directory.running()]) this.#guarded(() => began(actor));
      });
    }
    return () => {
      this.#listeners.delete(listener);
      this.#review();
    };
  }

  /**
   * Calls an observer with the inspection events of the actors that it wants, in order. It runs when every mailbox is
   * empty, as all code of the program does (IN2). Returns a function that ends this.
   */
  observe(observer: InspectionObserver, wants: ActorFilter): () => void {
    const next = typeof observer === 'function' ? observer : (event: InspectionEvent) => observer.next(event);
    let isOver = false;
    /** The actors whose first event, `@xstate.actor`, the observer has received. */
    const known = new WeakSet<AnyActorRef>();
    const isWanted = (actor: AnyActorRef): boolean => {
      if (isOver) return false;
      try {
        return wants(actor);
      } catch (error) {
        this.parts.report(error);
        return false;
      }
    };
    const emit = (event: InspectionEvent): void =>
      this.#enqueue(() => {
        if (!isOver) this.#guarded(() => next(event));
      });
    const introduce = (actorRef: AnyActorRef): void => {
      if (known.has(actorRef)) return;
      known.add(actorRef);
      emit({ type: '@xstate.actor', rootId: rootOf(actorRef), actorRef });
    };
    const show = (actorRef: AnyActorRef, event: EventObject): void => {
      introduce(actorRef);
      emit({ type: '@xstate.event', rootId: rootOf(actorRef), actorRef, sourceRef: undefined, event });
    };
    const end = this.subscribe({
      began: (actor) => {
        if (isWanted(actor)) introduce(actor);
      },
      stepped: (actorRef, event, _before, snapshot) => {
        if (!isWanted(actorRef)) return;
        show(actorRef, event);
        emit({ type: '@xstate.snapshot', rootId: rootOf(actorRef), actorRef, event, snapshot });
      },
      wantsPassed: isWanted,
      passed: show,
    });
    return () => {
      isOver = true;
      end();
    };
  }

  /** Makes an event for each listener that wants those of this actor, and passes it on. */
  #show(actor: AnyActorRef, make: () => EventObject): void {
    for (const { passed, wantsPassed } of this.#listeners) {
      if (passed && wantsPassed?.(actor) !== false) this.#guarded(() => passed(actor, make()));
    }
  }

  /** Defers a call, so that a step and its consequences come before the observers that receive it. */
  #enqueue(call: () => void): void {
    this.#calls.push(call);
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    this.parts.mailboxes.defer(() => this.#flush());
  }

  /** Makes a bounded number of calls: an observer that causes the events it receives must not block the event loop. */
  #flush(): void {
    const { mailboxes, nextTick } = this.parts;
    let at = 0;
    for (let call = this.#calls[at]; call && at < eventsPerTick; call = this.#calls[at]) {
      at++;
      call();
    }
    this.#calls.splice(0, at);
    this.#isFlushing = this.#calls.length > 0;
    if (this.#isFlushing) nextTick(() => mailboxes.runOrDefer(() => this.#flush()));
  }

  #review(): void {
    const all = [...this.#listeners];
    this.#isOn = all.length > 0;
    this.#seesPassed = all.some(({ passed }) => passed !== undefined);
  }

  #guarded(call: () => unknown): void {
    guarded(call, this.parts.report);
  }
}

const rootOf = ({ _parent, sessionId }: AnyActorRef): string => _parent?.sessionId ?? sessionId;

/** Returns the logic of an actor whose steps are passed on to an inspection. */
export const inspectedLogic = <Machine extends AnyStateMachine>(machine: Machine, inspection: Inspection): Machine =>
  withTransition(machine, (snapshot, event, scope) => {
    const next = machine.transition(snapshot, event, scope);
    if (inspection.isOn) inspection.stepped(scope.self, event, snapshot, next);
    return next;
  });
