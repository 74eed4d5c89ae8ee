import type { AnyActorRef, AnyMachineSnapshot, AnyStateMachine, EventObject, InspectionEvent } from 'xstate';
import type { Body } from '../../protocol/message.js';
import { guarded } from '../runtime/guard.js';
import type { Mailboxes } from '../runtime/mailbox.js';

/** Told what happens in the actors of a server, in the words of xstate's inspection. */
export type InspectionObserver =
  | ((event: InspectionEvent) => unknown)
  | { readonly next: (event: InspectionEvent) => unknown };

/** Says of which actors an observer wants to hear. */
export type ActorFilter = (actor: AnyActorRef) => boolean;

/** Told of every step of every actor, while it is taken. */
export interface StepListener {
  began?(actor: AnyActorRef): void;
  stepped?(actor: AnyActorRef, event: EventObject, before: AnyMachineSnapshot, after: AnyMachineSnapshot): void;
  /** An event went past the chart of an actor: BROADCAST, COUNT, FRAME or DELIVER. Its bytes are everybody's. */
  passed?(actor: AnyActorRef, event: EventObject): void;
  /** … of which actors it wants to know that; of all, when it does not say. */
  wantsPassed?(actor: AnyActorRef): boolean;
}

/** What a client says, past the chart of its connection. */
export interface FrameEvent extends EventObject {
  readonly type: 'FRAME';
  readonly data: Body;
}

/** What a connection is given past its chart, in one write. */
export interface DeliverEvent extends EventObject {
  readonly type: 'DELIVER';
  readonly bytes: Uint8Array;
  /** So many messages are in it; a chart that has deliveries to itself is not told. */
  readonly messages?: number;
}

/** So much observers are told in one turn of the event loop. */
const newsAtOnce = 500;

/**
 * Whoever watches the running system (IN1). Nobody does, mostly: then a step costs a look at a flag. Whoever throws is
 * reported, and harms nobody (IN3).
 */
export class Inspection {
  readonly #listeners = new Set<StepListener>();
  /** What observers have still to be told. */
  readonly #news: (() => void)[] = [];
  #isTelling = false;
  /** Somebody watches. */
  isOn = false;
  /** Somebody wants to see also what goes past the charts: frames and deliveries, which are many. */
  seesPassed = false;
  /** Told when that changes. */
  onPassing: (seesPassed: boolean) => void = () => {};
  /** The actors that there are. */
  living: () => Iterable<AnyActorRef> = () => [];

  constructor(
    private readonly mailboxes: Mailboxes,
    private readonly report: (error: unknown) => void,
    /** Runs this in the next turn of the event loop. */
    private readonly later: (job: () => void) => void,
  ) {}

  began(actor: AnyActorRef): void {
    for (const { began } of this.#listeners) if (began) this.#guarded(() => began(actor));
  }
  stepped(actor: AnyActorRef, event: EventObject, before: AnyMachineSnapshot, after: AnyMachineSnapshot): void {
    for (const { stepped } of this.#listeners) if (stepped) this.#guarded(() => stepped(actor, event, before, after));
  }
  passed(actor: AnyActorRef, event: EventObject): void {
    for (const { passed, wantsPassed } of this.#listeners) {
      if (passed && wantsPassed?.(actor) !== false) this.#guarded(() => passed(actor, event));
    }
  }
  received(actor: AnyActorRef, data: Body): void {
    if (!this.seesPassed) return;
    const event: FrameEvent = { type: 'FRAME', data };
    this.passed(actor, event);
  }
  /** Of most of whom this happens to nobody wants to know. */
  delivered(actor: AnyActorRef, bytes: Uint8Array, messages: number): void {
    for (const { passed, wantsPassed } of this.#listeners) {
      if (!passed || wantsPassed?.(actor) === false) continue;
      const event: DeliverEvent = { type: 'DELIVER', bytes, messages };
      this.#guarded(() => passed(actor, event));
    }
  }

  /** Hears of the actors that live, and from then on of every step. Returns how to end it. */
  listen(listener: StepListener): () => void {
    const { began } = listener;
    this.#listeners.add(listener);
    this.#review();
    // What it does about one of them comes after all of them, and it is not missed.
    if (began) {
      this.mailboxes.enter(() => {
        for (const actor of [...this.living()]) this.#guarded(() => began(actor));
      });
    }
    return () => {
      this.#listeners.delete(listener);
      this.#review();
    };
  }

  /**
   * Shows an observer what those actors do that it asks for, in the words of xstate's inspection and in order; it runs
   * when every mailbox is empty, as all code of the program's does (IN2).
   */
  observe(observer: InspectionObserver, wants: ActorFilter): () => void {
    const hear = typeof observer === 'function' ? observer : (event: InspectionEvent) => observer.next(event);
    let isOver = false;
    /** Those whom it knows: an observer hears of an actor first that it lives. */
    const known = new WeakSet<AnyActorRef>();
    const isWanted = (actor: AnyActorRef): boolean => {
      if (isOver) return false;
      try {
        return wants(actor);
      } catch (error) {
        this.report(error);
        return false;
      }
    };
    const tell = (event: InspectionEvent): void =>
      this.#tell(() => {
        if (!isOver) this.#guarded(() => hear(event));
      });
    const introduce = (actorRef: AnyActorRef): void => {
      if (known.has(actorRef)) return;
      known.add(actorRef);
      tell({ type: '@xstate.actor', rootId: rootOf(actorRef), actorRef });
    };
    const show = (actorRef: AnyActorRef, event: EventObject): void => {
      introduce(actorRef);
      tell({ type: '@xstate.event', rootId: rootOf(actorRef), actorRef, sourceRef: undefined, event });
    };
    const end = this.listen({
      began: (actor) => {
        if (isWanted(actor)) introduce(actor);
      },
      stepped: (actorRef, event, _before, snapshot) => {
        if (!isWanted(actorRef)) return;
        show(actorRef, event);
        tell({ type: '@xstate.snapshot', rootId: rootOf(actorRef), actorRef, event, snapshot });
      },
      wantsPassed: isWanted,
      passed: show,
    });
    return () => {
      isOver = true;
      end();
    };
  }

  /** Not at once: what is told of goes first, and so does what others are told of it. */
  #tell(news: () => void): void {
    this.#news.push(news);
    if (this.#isTelling) return;
    this.#isTelling = true;
    this.mailboxes.defer(() => this.#tellNews());
  }

  /** Observers that cause what they are told of would hold the event loop for ever. */
  #tellNews(): void {
    let at = 0;
    for (let news = this.#news[at]; news && at < newsAtOnce; news = this.#news[at]) {
      at++;
      news();
    }
    this.#news.splice(0, at);
    this.#isTelling = this.#news.length > 0;
    if (this.#isTelling) this.later(() => this.mailboxes.runOrDefer(() => this.#tellNews()));
  }

  #review(): void {
    const all = [...this.#listeners];
    this.isOn = all.length > 0;
    const saw = this.seesPassed;
    this.seesPassed = all.some(({ passed }) => passed !== undefined);
    if (saw !== this.seesPassed) this.onPassing(this.seesPassed);
  }

  #guarded(tell: () => unknown): void {
    guarded(tell, this.report);
  }
}

const rootOf = ({ _parent, sessionId }: AnyActorRef): string => _parent?.sessionId ?? sessionId;

/** The logic of an actor whose steps are shown to whoever watches. */
export const inspectedLogic = <Machine extends AnyStateMachine>(machine: Machine, inspection: Inspection): Machine => {
  const transition: AnyStateMachine['transition'] = (snapshot, event, scope) => {
    const next = machine.transition(snapshot, event, scope);
    if (inspection.isOn) inspection.stepped(scope.self, event, snapshot, next);
    return next;
  };
  return Object.create(machine, { transition: { value: transition } });
};
