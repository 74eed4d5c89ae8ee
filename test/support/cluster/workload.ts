import { exclude, type OutgoingMessage, reply, type Server } from '../../../src/index.js';
import { type ChurnConnection, ChurnRecorder, namespace, roomName } from '../churn/churnRecorder.js';
import type { BroadcastAddress } from '../history/deliveryLog.js';

const digits = 8;
const event = 'e';
const kib = 1_024;
const long = 'x'.repeat(256 * kib);
/** How many numbers each server has: eight digits name the publisher and the message. */
export const numbersPerServer = 10_000_000;
/** One connection of this many is moved between rooms by its server alone. */
const guidedEach = 8;
/** Messages to a stalled client: more than the kernel buffers. */
const flood = 24;

/** Returns pseudo-random numbers below a bound, the same for the same seed. */
export type Random = (below: number) => number;
export const randomFrom = (seed: number): Random => {
  let state = seed % 2_147_483_647 || 1;
  return (below) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
};

/** A broadcast to all servers. */
export interface ClusterBroadcast {
  readonly number: number;
  readonly publisher: number;
  /** The address as other servers see it: an excluded connection exists on its own server only. */
  readonly address: BroadcastAddress;
}

/** Called before a broadcast. */
type OnBroadcast = (broadcast: ClusterBroadcast) => void;

/** All that one server of several broadcasts and emits in the churn, with its recorder. */
export class ClusterWorkload {
  readonly recorder: ChurnRecorder;
  readonly moves: Promise<void>[] = [];
  readonly counts = { to: 0, exceptUser: 0, except: 0, rooms: 0, longBodies: 0, fromHandlers: 0, moves: 0 };

  constructor(
    /** The index of the server. */
    readonly index: number,
    private readonly rooms: number,
    private readonly random: Random,
    private readonly server: () => Server,
    private readonly onBroadcast: OnBroadcast,
  ) {
    this.recorder = new ChurnRecorder(rooms, {
      onJoined: (connection, topic) => this.#onMembershipChange(connection, topic),
      onLeft: (connection, topic) => this.#onMembershipChange(connection, topic),
      onAsk: ({ number }) => reply(this.#text(this.recorder.log.addEmit(number, 0))),
      onStall: (connection) => this.#flood(connection),
    });
  }

  /** Makes the calls of one tick. */
  tick(): void {
    for (let calls = 1 + this.random(2); calls > 0; calls--) this.#call();
    if (this.random(3) === 0) this.#move();
  }

  /** Closes a random connection, with broadcasts right before and right after. */
  closeRandom(): void {
    const connection = this.#randomConnection();
    if (!connection) return;
    const topic = [...connection.topics].at(-1) ?? 0;
    this.broadcast({ topic });
    this.recorder.close(connection);
    this.broadcast({ topic });
    this.broadcast({ topic: 0, to: connection.user });
  }

  /** Broadcasts to these, on all servers. */
  broadcast(address: BroadcastAddress, bytes = 0, skipped?: ChurnConnection): void {
    this.server().broadcast(
      address.exceptUser === undefined ? (skipped?.conn ?? null) : exclude(`u${address.exceptUser}`),
      this.#message(address, bytes, skipped),
    );
  }

  /** Returns a connection of this server with this id that is in the namespace. */
  connectionOf(user: number): ChurnConnection | undefined {
    return this.recorder.members.find((connection) => connection.user === user);
  }

  #call(): void {
    const connection = this.#randomConnection();
    const topic = this.random(10) < 2 ? 0 : 1 + this.random(this.rooms);
    const kind = this.random(12);
    const bytes = this.random(300) === 0 ? 40 * kib : this.random(20) * 20;
    if (!connection || kind < 6) return this.broadcast({ topic }, topic === 0 ? 0 : bytes);
    if (kind === 6) return this.broadcast({ topic, exceptUser: connection.user });
    if (kind === 7) return this.broadcast({ topic }, 0, connection);
    if (kind === 8)
      return this.broadcast({ topic: [...connection.topics].at(-1) ?? topic, to: connection.user }, bytes);
    if (kind === 9)
      return this.broadcast({
        topic: 0,
        to: connection.user,
        exceptUser: this.#randomConnection()?.user ?? connection.user,
      });
    if (kind === 10) return this.#batch(topic, connection);
    // An id that may be on any server, or on none.
    return this.broadcast({ topic: 0, to: connection.user + this.random(3) }, bytes);
  }

  /** Broadcasts several messages in one call. */
  #batch(topic: number, connection: ChurnConnection): void {
    const addresses: BroadcastAddress[] = [{ topic }, { topic: 0, to: connection.user }, { topic: 0 }];
    this.server().broadcast(null, ...addresses.map((address) => this.#message(address, 0)));
  }

  #message(address: BroadcastAddress, bytes: number, skipped?: ChurnConnection): OutgoingMessage {
    const { topic, to, exceptUser } = address;
    const own = this.recorder.log.addBroadcast(skipped ? { ...address, except: skipped.number } : address);
    this.onBroadcast({ number: own + (this.index + 1) * numbersPerServer, publisher: this.index, address });
    if (to !== undefined) this.counts.to++;
    if (exceptUser !== undefined) this.counts.exceptUser++;
    if (skipped) this.counts.except++;
    if (topic > 0) this.counts.rooms++;
    if (bytes > kib) this.counts.longBodies++;
    const message = { namespace, room: roomName(topic), event, body: this.#text(own, bytes) };
    return to === undefined ? message : { ...message, to: `u${to}` };
  }

  #text(own: number, bytes = 0): string {
    return String(own + (this.index + 1) * numbersPerServer) + long.slice(0, Math.max(0, bytes - digits));
  }

  #randomConnection(): ChurnConnection | undefined {
    const { members } = this.recorder;
    return members[this.random(Math.max(1, members.length))];
  }

  /** Broadcasts now and then from the handler of a join or leave. */
  #onMembershipChange({ user }: ChurnConnection, topic: number): void {
    if (topic === 0 || this.random(3) > 0) return;
    this.counts.fromHandlers++;
    this.broadcast({ topic });
    this.broadcast({ topic: 0, to: user });
  }

  #flood(connection: ChurnConnection): void {
    if (this.random(4) > 0) return;
    for (let count = 0; count < flood; count++) {
      if (count % 12 === 0) this.broadcast({ topic: 0, to: connection.user }, long.length);
      else if (connection.ns)
        connection.ns.emit(event, this.#text(this.recorder.log.addEmit(connection.number, 0), long.length));
    }
  }

  #move(): void {
    const connection = this.#randomConnection();
    if (!connection || connection.number % guidedEach > 0) return;
    this.counts.moves++;
    this.moves.push(this.recorder.move(connection, 1 + this.random(this.rooms)));
  }
}
