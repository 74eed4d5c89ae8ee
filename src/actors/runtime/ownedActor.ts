import {
  Actor,
  type ActorOptions,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type EventObject,
  type Subscription,
} from 'xstate';
import { lendListeners, type Observing, observerOf, ownListeners } from './actorPatches.js';
import type { HotEventHandler, Mailboxes } from './mailbox.js';

type Observer = Observing<AnyMachineSnapshot>;

/**
 * An actor whose events go to its owner first, and whose observers are guarded, as `Mailboxes.intercept` does it for any
 * actor. There are many actors of connections, and methods of a class take no memory of each.
 */
export class OwnedActor<Owner extends HotEventHandler> extends Actor<AnyStateMachine> {
  readonly #mailboxes: Mailboxes;
  #owner: Owner | undefined;

  constructor(logic: AnyStateMachine, options: ActorOptions<AnyStateMachine>, mailboxes: Mailboxes) {
    super(logic, options);
    this.#mailboxes = mailboxes;
    lendListeners(this);
  }

  /** Returns the owner of an actor; `undefined` for any actor that is not owned inside these mailboxes. */
  static ownerOf(actor: object, mailboxes: Mailboxes): HotEventHandler | undefined {
    if (!(#mailboxes in actor) || actor.#mailboxes !== mailboxes) return undefined;
    return actor.#owner;
  }

  /** Passes the events of the actor to its owner first, from now on. */
  own(owner: Owner): void {
    this.#owner = owner;
  }

  /** Passes an event to the owner, or to the mailbox of the actor if the owner does not handle it at once. */
  override send(event: EventObject): void {
    // XState binds the method and may call it before the constructor has returned.
    if (!(#mailboxes in this)) return super.send(event);
    if (this.#owner?.handleHot(event)) return undefined;
    this.#mailboxes.begin();
    try {
      return super.send(event);
    } finally {
      this.#mailboxes.end();
    }
  }

  /** Subscribes an observer that cannot harm the actor (SV16). */
  override subscribe(
    given?: Observer | Observer['next'],
    onError?: Observer['error'],
    onComplete?: Observer['complete'],
  ): Subscription {
    ownListeners(this);
    return super.subscribe(observerOf(this.#mailboxes.report, given, onError, onComplete));
  }

  /** Subscribes a listener to the events that the actor emits. */
  override on(type: string, handler: (emitted: EventObject) => void): Subscription {
    ownListeners(this);
    return super.on(type, handler);
  }
}
