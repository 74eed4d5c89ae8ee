import type { Broadcaster, Skipped } from '../../broadcast/broadcaster.js';
import type { Subscriber } from '../../broadcast/subscriber.js';
import type { Topics } from '../../broadcast/topics.js';
import { assertOutgoing, type Message, type OutgoingMessage } from '../../protocol/message.js';
import type { AskOptions } from '../api/asks.js';
import { Conn, NSConn, Room } from '../api/handles.js';
import { type Except, Exclusion } from '../api/serverFace.js';
import type { Cluster } from '../cluster/cluster.js';
import { Incoming } from '../cluster/incoming.js';
import type { ServerContext } from '../context.js';
import { AudienceAsks } from './audienceAsks.js';

/** What is issued by, and to whom. */
export interface PublisherParts {
  readonly context: ServerContext;
  readonly topics: Topics;
  readonly broadcaster: Broadcaster;
  readonly cluster: Cluster;
  /** Hand every message to every socket at once. */
  readonly isSynchronous: boolean;
  subscriberOf(conn: Conn): Subscriber;
}

/** So many times the bytes from which on our own clients are held back: other servers cannot be. */
const floodFactor = 4;

/** Broadcasts, and asks of whole audiences: issued here first, then sent to the other servers (EX4). */
export class Publisher {
  /** What the other servers have issued. */
  readonly incoming: Incoming;
  readonly #audienceAsks: AudienceAsks;

  constructor(private readonly parts: PublisherParts) {
    const { context, topics, broadcaster, cluster } = parts;
    const toAll: Skipped = { except: null, exceptId: null };
    this.#audienceAsks = new AudienceAsks({
      topics,
      context,
      publish: (message, token) => broadcaster.publish(message, toAll, token),
      askOthers: (message, token) => cluster.ask(message, token),
      hasOthers: () => cluster.hasOthers,
    });
    this.incoming = new Incoming({
      context,
      isFlooded: () => broadcaster.logBytes > floodFactor * context.limits.maxLog,
      issue: (message, exceptId) => {
        broadcaster.publish(message, { except: null, exceptId });
        this.#giveOut();
      },
      inquire: (message, token, answered) => {
        const isAsked = this.#audienceAsks.forward(message, token, answered);
        this.#giveOut();
        return isAsked;
      },
    });
  }

  /** Throws what is wrong with one of them. */
  check(messages: readonly OutgoingMessage[]): void {
    for (const message of messages) this.#check(message);
  }

  broadcast(except: Except, messages: readonly OutgoingMessage[]): void {
    this.check(messages);
    const skipped = this.#skipped(except);
    const { broadcaster, cluster } = this.parts;
    for (const message of messages) {
      broadcaster.publish(message, skipped);
      // A connection of ours is nowhere else: only an id may be.
      cluster.publish(message, skipped.exceptId);
    }
    this.#issued();
  }

  ask(message: OutgoingMessage, options: AskOptions): Promise<Message> {
    this.#check(message);
    const asked = this.#audienceAsks.ask(message, options);
    this.#issued();
    return asked;
  }

  /** There is no way to the other servers any more. */
  othersGone(): void {
    this.#audienceAsks.othersGone();
  }

  #issued(): void {
    const { broadcaster, context } = this.parts;
    this.#giveOut();
    context.throttle.onPublished(broadcaster);
  }

  /** What others have issued is no doing of a client of ours, and holds none back for it (BC10). */
  #giveOut(): void {
    const { broadcaster, context, isSynchronous } = this.parts;
    if (isSynchronous) broadcaster.run(Number.POSITIVE_INFINITY);
    context.throttle.review(broadcaster);
  }

  #check(message: OutgoingMessage): void {
    assertOutgoing(message);
    const { namespace = '' } = message;
    const { handlers } = this.parts.context;
    if (handlers.declares(namespace)) return;
    const declared = handlers.namespaces.map((name) => `"${name}"`).join(', ');
    throw new TypeError(`namespace "${namespace}" is not declared; declared are ${declared}`);
  }

  #skipped(except: Except): Skipped {
    if (except === null) return { except: null, exceptId: null };
    if (except instanceof Exclusion) return { except: null, exceptId: except.id };
    const nsConn = except instanceof Room ? except.nsConn : except;
    const conn = nsConn instanceof NSConn ? nsConn.conn : nsConn;
    if (conn instanceof Conn) return { except: this.parts.subscriberOf(conn), exceptId: null };
    throw new TypeError(`broadcast skips null, a Conn, NSConn, Room or exclude(id), got ${String(except)}`);
  }
}
