import type { Broadcaster, Skipped } from '../../broadcast/broadcaster.js';
import type { Seat } from '../../broadcast/subscriber.js';
import type { Audience, Recipient } from '../../broadcast/topics.js';
import { assertOutgoing, type Message, type OutgoingMessage } from '../../protocol/message.js';
import type { AskOptions } from '../api/asks.js';
import { Conn, type Except, Exclusion, NSConn, Room } from '../api/handles.js';
import type { Cluster } from '../cluster/cluster.js';
import { Incoming } from '../cluster/incoming.js';
import type { House } from '../context.js';
import { Inquiries } from './audienceAsks.js';

/** What is issued by, and to whom. */
export interface IssuesParts {
  readonly house: House;
  readonly audience: Audience;
  readonly broadcaster: Broadcaster;
  readonly cluster: Cluster;
  /** Hand every message to every socket at once. */
  readonly isSynchronous: boolean;
  recipientOf(conn: Conn): Recipient;
  seatOf(connection: object): Seat | undefined;
}

/** So many times the bytes from which on our own clients are held back: other servers cannot be. */
const floodFactor = 4;

/** Broadcasts, and asks of whole audiences: issued here first, then sent to the other servers (EX4). */
export class Issues {
  /** What the other servers have issued. */
  readonly incoming: Incoming;
  readonly #inquiries: Inquiries;

  constructor(private readonly parts: IssuesParts) {
    const { house, audience, broadcaster, cluster, seatOf } = parts;
    const toAll: Skipped = { except: null, exceptId: null };
    this.#inquiries = new Inquiries({
      audience,
      house,
      seatOf,
      issue: (message, token) => broadcaster.issue(message, toAll, token),
      askOthers: (message, token) => cluster.ask(message, token),
      hasOthers: () => cluster.hasOthers,
    });
    this.incoming = new Incoming({
      house,
      isFlooded: () => broadcaster.logBytes > floodFactor * house.limits.maxLog,
      issue: (message, exceptId) => {
        broadcaster.issue(message, { except: null, exceptId });
        this.#giveOut();
      },
      inquire: (message, token, answered) => {
        const isAsked = this.#inquiries.forward(message, token, answered);
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
      broadcaster.issue(message, skipped);
      // A connection of ours is nowhere else: only an id may be.
      cluster.publish(message, skipped.exceptId);
    }
    this.#issued();
  }

  ask(message: OutgoingMessage, options: AskOptions): Promise<Message> {
    this.#check(message);
    const asked = this.#inquiries.ask(message, options);
    this.#issued();
    return asked;
  }

  /** There is no way to the other servers any more. */
  othersGone(): void {
    this.#inquiries.othersGone();
  }

  #issued(): void {
    const { broadcaster, house } = this.parts;
    this.#giveOut();
    house.brake.issued(broadcaster);
  }

  /** What others have issued is no doing of a client of ours, and holds none back for it (BC10). */
  #giveOut(): void {
    const { broadcaster, house, isSynchronous } = this.parts;
    if (isSynchronous) broadcaster.walk(Number.POSITIVE_INFINITY);
    house.brake.review(broadcaster);
  }

  #check(message: OutgoingMessage): void {
    assertOutgoing(message);
    const { namespace = '' } = message;
    const { handlers } = this.parts.house;
    if (handlers.declares(namespace)) return;
    const declared = handlers.namespaces.map((name) => `"${name}"`).join(', ');
    throw new TypeError(`namespace "${namespace}" is not declared; declared are ${declared}`);
  }

  #skipped(except: Except): Skipped {
    if (except === null) return { except: null, exceptId: null };
    if (except instanceof Exclusion) return { except: null, exceptId: except.id };
    const nsConn = except instanceof Room ? except.nsConn : except;
    const conn = nsConn instanceof NSConn ? nsConn.conn : nsConn;
    if (conn instanceof Conn) return { except: this.parts.recipientOf(conn), exceptId: null };
    throw new TypeError(`broadcast skips null, a Conn, NSConn, Room or exclude(id), got ${String(except)}`);
  }
}
