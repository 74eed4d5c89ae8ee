import { type Broadcaster, type Skipped, skipsNone } from '../../broadcast/broadcaster.js';
import type { OutgoingMessage } from '../../protocol/message.js';
import { assertMembers, assertOutgoing } from '../../protocol/outgoing.js';
import type { AskOptions } from '../api/asks.js';
import { Conn } from '../api/conn.js';
import { NSConn } from '../api/nsConn.js';
import { Room } from '../api/room.js';
import { type Except, Exclusion } from '../api/serverFace.js';
import type { AnyOutgoing } from '../api/vocabulary.js';
import type { Cluster } from '../cluster/cluster.js';
import { Incoming } from '../cluster/incoming.js';
import type { ServerContext } from '../context.js';
import { ignoreRejection } from '../runtime/guard.js';
import type { AudienceAsks } from './audienceAsks.js';
import type { ConnectionFactory } from './connectionFactory.js';

/** The multiple of `maxLog` above which messages of other servers are dropped, as those servers cannot be throttled. */
const floodFactor = 4;

/** Publishes broadcasts and asks of whole audiences: on this server first, then to the other servers (EX4). */
export class Publisher {
  /** Handles the messages of other servers. */
  readonly incoming: Incoming;

  constructor(
    private readonly context: ServerContext,
    private readonly broadcaster: Broadcaster,
    private readonly audienceAsks: AudienceAsks,
    private readonly cluster: Cluster,
    private readonly factory: ConnectionFactory,
    /** Whether each message is written to every socket before the call returns. */
    private readonly isSynchronous: boolean,
  ) {
    this.incoming = new Incoming({
      context,
      isFlooded: () => broadcaster.logBytes > floodFactor * context.limits.maxLog,
      publish: (message, exceptId) => {
        broadcaster.publish(message, exceptId === null ? skipsNone : { except: null, exceptId });
        this.#publishedByOther();
      },
      ask: (message, token, answered) => {
        const isAsked = audienceAsks.forward(message, token, answered);
        this.#publishedByOther();
        return isAsked;
      },
    });
  }

  /**
   * Checks messages before they are published.
   *
   * @throws {TypeError} when a message is malformed or its namespace is not declared
   */
  check(messages: readonly AnyOutgoing[]): void {
    this.#checkedAll(messages);
  }

  /**
   * Publishes messages, in order.
   *
   * @throws {TypeError} when a message is malformed, its namespace is not declared, or `except` is of another type
   */
  broadcast(except: Except, given: readonly AnyOutgoing[]): void {
    const messages = this.#checkedAll(given);
    const skipped = this.#skipped(except);
    const { broadcaster, cluster } = this;
    for (const message of messages) {
      broadcaster.publish(message, skipped);
      // An excluded connection exists on this server only. An excluded id may have connections on others.
      cluster.publish(message, skipped.exceptId);
    }
    this.#published();
  }

  /**
   * Asks every connection that a broadcast of the message would reach. Resolves with the first answer.
   *
   * @throws {TypeError} when the message is malformed or its namespace is not declared
   */
  ask(given: AnyOutgoing, options: AskOptions): Promise<unknown> {
    const { contract } = this.context;
    assertMembers(given);
    const message = contract ? contract.outgoing(given, 'ask') : given;
    this.#check(message);
    const asked = this.audienceAsks.ask(message, options);
    this.#published();
    return contract ? ignoreRejection(contract.received(message, asked)) : asked;
  }

  /** Counts a publication of this server for the throttle (BC10). */
  #published(): void {
    this.#flushIfSynchronous();
    this.context.throttle.onPublished(this.broadcaster);
  }

  /** Reviews the throttle after a publication of another server, which has no producer here. */
  #publishedByOther(): void {
    this.#flushIfSynchronous();
    this.context.throttle.review(this.broadcaster);
  }

  #flushIfSynchronous(): void {
    if (!this.isSynchronous) return;
    const { gathering } = this.context.background;
    const outer = gathering.beginDirect();
    try {
      this.broadcaster.run(Number.POSITIVE_INFINITY);
    } finally {
      gathering.end(outer);
    }
  }

  /** Returns the messages with their bodies, once all of them are checked. */
  #checkedAll(given: readonly AnyOutgoing[]): readonly OutgoingMessage[] {
    if (!Array.isArray(given)) throw new TypeError(`BROADCAST takes a list of messages, got ${typeof given}`);
    const { contract } = this.context;
    const messages: readonly OutgoingMessage[] = contract
      ? given.map((message) => {
          assertMembers(message);
          return contract.outgoing(message, 'event');
        })
      : given;
    for (const message of messages) {
      if (!contract) assertMembers(message);
      this.#check(message);
    }
    return messages;
  }

  #check(message: OutgoingMessage): void {
    assertOutgoing(message);
    const { namespace = '' } = message;
    const { handlers } = this.context;
    if (handlers.declares(namespace)) return;
    const declared = handlers.namespaces.map((name) => `"${name}"`).join(', ');
    throw new TypeError(`namespace "${namespace}" is not declared; declared are ${declared}`);
  }

  #skipped(except: Except): Skipped {
    if (except === null) return skipsNone;
    if (except instanceof Exclusion) return { except: null, exceptId: except.id };
    const nsConn = except instanceof Room ? except.nsConn : except;
    const conn = nsConn instanceof NSConn ? nsConn.conn : nsConn;
    if (conn instanceof Conn) return { except: this.factory.connectionOf(conn.actor).subscriber, exceptId: null };
    throw new TypeError(`broadcast skips null, a Conn, NSConn, Room or exclude(id), got ${String(except)}`);
  }
}
