import type { AnyActorRef } from 'xstate';
import type { Broadcaster } from '../../broadcast/broadcaster.js';
import { TakenEvents } from '../charts/takenEvents.js';
import { Connection } from '../connection/connection.js';
import type { ConnectionListener } from '../connection/lifecycle.js';
import { type ConnectionLogic, connectionLogic, guardedLogic } from '../connection/logic.js';
import type { ServerContext } from '../context.js';
import { type SharedOptions, shareOptions } from '../runtime/actorPatches.js';
import { OwnedActor } from '../runtime/ownedActor.js';
import { inspectedLogic } from '../telemetry/inspection.js';
import type { Arrival } from '../transport/socket.js';

/** Creates connections together with their actors, and finds the connection of an actor. */
export class ConnectionFactory {
  readonly #logic: ConnectionLogic;
  /** What the actors of all connections are created with. */
  #shared: SharedOptions | undefined;
  #lastId = 0;

  constructor(
    private readonly context: ServerContext,
    private readonly broadcaster: Broadcaster,
  ) {
    const of = (actor: AnyActorRef): Connection => this.connectionOf(actor);
    const frames = new TakenEvents(context.mailboxes);
    const logic = guardedLogic(connectionLogic(context, of, frames), context, of, frames);
    this.#logic = inspectedLogic(logic, context.inspection);
  }

  /** Returns the connection of an actor, closed or not; `undefined` for any other actor. */
  find(actor: AnyActorRef): Connection | undefined {
    // The factory alone makes owned actors, and each is owned by its connection.
    return OwnedActor.ownerOf(actor, this.context.mailboxes) as Connection | undefined;
  }

  /**
   * Returns the connection of an actor, closed or not.
   *
   * @throws {Error} when it is not the actor of a connection of this server
   */
  connectionOf(actor: AnyActorRef): Connection {
    const connection = this.find(actor);
    if (!connection) throw new Error(`actor ${actor.id} is no connection of this supervisor`);
    return connection;
  }

  /** Creates a connection and its actor, a child of `root`, without starting it. */
  create(
    arrival: Arrival,
    root: AnyActorRef,
    listener: ConnectionListener<Connection>,
    isReachable: boolean,
  ): Connection {
    const { context } = this;
    this.#shared ??= { parent: root, src: 'connection' };
    const id = `connection-${++this.#lastId}`;
    const input = { id: arrival.id, isNativeOnly: context.nativeMode === 'only', isReachable };
    const options = { parent: root, src: 'connection', id, input };
    const actor = new OwnedActor<Connection>(this.#logic, options, context.mailboxes);
    const connection = new Connection(arrival, actor, context, listener, this.broadcaster);
    actor.own(connection);
    return connection;
  }

  /** Starts the actor of a connection. */
  start({ actor }: Connection): void {
    const { inspection, mailboxes } = this.context;
    if (inspection.isOn) inspection.began(actor);
    mailboxes.enter(() => actor.start());
    if (this.#shared) shareOptions(actor, this.#shared);
  }
}
