import { type Except, exclude, type OutgoingMessage, reply, type Server } from '../../../src/index.js';
import type { BroadcastAddress } from '../history/deliveryLog.js';
import { type ChurnConnection, ChurnRecorder, namespace, roomName } from './churnRecorder.js';

const digits = 8;
const kib = 1_024;
const long = 'x'.repeat(300 * kib);
const event = 'e';
/** One connection of this many is moved between rooms by the server alone. */
const guidedEach = 8;
/** Messages to a stalled client: more than the kernel buffers. */
const flood = { messages: 20, bytes: 256 * kib };
/** Messages to a reading client now and then: more than it can read at once. */
const readingFlood = 3 * flood.messages;

/** Returns pseudo-random numbers below a bound, the same for the same seed. */
const randomFrom = (seed: number) => {
  let state = seed >>> 0;
  return (below: number): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
};

const text = (number: number, bytes = 0): string =>
  String(number).padStart(digits, '0') + (bytes > digits ? long.slice(0, bytes - digits) : '');

/** All that the server broadcasts and emits in the churn. Kind, audience and length are random. */
export class ChurnWorkload {
  readonly recorder: ChurnRecorder;
  /** About how many deliveries the calls so far should cause. */
  expected = 0;
  /** What the run has contained, beside what the log counts. */
  readonly counts = {
    batches: 0,
    closesByHandlers: 0,
    fromHandlers: 0,
    moves: 0,
    longBodies: 0,
    changesDuringPasses: 0,
  };
  /** Emits that returned false although their connection was a member. */
  refusedEmits = 0;
  readonly moves: Promise<void>[] = [];
  readonly #random: (below: number) => number;

  constructor(
    rooms: number,
    seed: number,
    private readonly server: () => Server,
  ) {
    this.#random = randomFrom(seed);
    this.recorder = new ChurnRecorder(rooms, {
      onJoined: (connection, topic) => this.#onMembershipChange(connection, topic),
      onLeft: (connection, topic) => this.#onMembershipChange(connection, topic),
      onAsk: ({ number }) => reply(text(this.recorder.log.addEmit(number, 0))),
      onStall: (connection) => this.#flood(connection),
    });
  }

  /** Makes the calls of one tick. */
  tick(): void {
    for (let calls = 1 + this.#random(4); calls > 0; calls--) {
      this.#call();
      if (this.#random(2) === 0) this.#emit();
    }
    if (this.#random(2) === 0) this.#move();
    if (this.#random(60) === 0) this.#floodRandom();
  }

  /** Closes a random connection, with broadcasts and emits right before and right after. */
  closeRandom(): void {
    const [stalled] = this.recorder.congested;
    const connection = stalled && this.#random(6) === 0 ? stalled : this.#randomConnection();
    if (!connection) return;
    this.#countChange();
    const topic = [...connection.topics].at(-1) ?? 0;
    if (this.#random(2) === 0) this.#emit(connection);
    this.#send(null, [this.#message({ topic })]);
    if (this.#random(3) === 0) this.#emit(connection);
    // A long unwritten backlog has to arrive as well as a short one.
    const lastMessages = this.#random(4) === 0 ? flood.messages : 0;
    const long = (): OutgoingMessage => this.#message({ topic: 0, to: connection.user }, flood.bytes);
    this.#send(null, Array.from({ length: lastMessages }, long));
    this.recorder.close(connection);
    this.#send(null, [this.#message({ topic }), this.#message({ topic: 0, to: connection.user })]);
  }

  /** Broadcasts one last message to all. */
  broadcastLast(): void {
    this.#send(null, [this.#message({ topic: 0 })]);
  }

  /** Makes one call with one message or several, with or without an exclusion. */
  #call(): void {
    const except = this.#random(4) === 0 ? this.#randomExcept() : { skip: null, address: {} };
    const messages: OutgoingMessage[] = [];
    for (let count = 1 + Math.max(0, this.#random(6) - 2); count > 0; count--) {
      messages.push(this.#message({ ...this.#randomAddress(), ...except.address }, this.#randomLength()));
    }
    if (messages.length > 1) this.counts.batches++;
    this.#send(except.skip, messages);
  }

  #send(except: Except, messages: readonly OutgoingMessage[]): void {
    this.server().broadcast(except, ...messages);
  }

  /** Logs a broadcast and returns its message, which must be broadcast at once. */
  #message(address: BroadcastAddress, bytes = 0): OutgoingMessage {
    const { topic, to } = address;
    // Bodies to the whole namespace are short.
    const body = text(this.recorder.log.addBroadcast(address), topic === 0 && to === undefined ? 0 : bytes);
    if (body.length > digits) this.counts.longBodies++;
    this.expected += this.recorder.reach(address);
    const message = { namespace, room: roomName(topic), event, body };
    return to === undefined ? message : { ...message, to: `u${to}` };
  }

  #emit(connection = this.#randomConnection(), bytes = 0): void {
    if (!connection?.ns) return;
    const topic = this.#random(3) === 0 ? ([...connection.topics].at(-1) ?? 0) : 0;
    const number = this.recorder.log.addEmit(connection.number, topic);
    const room = topic === 0 ? undefined : connection.ns.room(roomName(topic));
    const isTaken =
      topic === 0 ? connection.ns.emit(event, text(number, bytes)) : room?.emit(event, text(number, bytes));
    if (!isTaken) this.refusedEmits++;
    this.expected++;
  }

  #randomAddress(): BroadcastAddress {
    const topic = 1 + this.#random(this.recorder.rooms);
    const kind = this.#random(10);
    if (kind < 3) return { topic: 0 };
    const connection = kind < 5 ? this.#randomConnection() : undefined;
    if (!connection) return { topic };
    return { topic: kind === 3 ? 0 : ([...connection.topics].at(-1) ?? topic), to: connection.user };
  }

  #randomLength(): number {
    const chance = this.#random(400);
    if (chance === 0) return 200 * kib;
    if (chance < 4) return 40 * kib;
    return chance < 40 ? 300 : 0;
  }

  #randomExcept(): { readonly skip: Except; readonly address: Partial<BroadcastAddress> } {
    const connection = this.#randomConnection();
    if (!connection?.ns) return { skip: null, address: {} };
    const { conn, ns, number, user } = connection;
    const address = { except: number };
    switch (this.#random(4)) {
      case 0:
        return { skip: conn, address };
      case 1:
        return { skip: ns, address };
      case 2:
        return { skip: ns.rooms()[0] ?? ns, address };
      default:
        return { skip: exclude(`u${user}`), address: { exceptUser: user } };
    }
  }

  #randomConnection(): ChurnConnection | undefined {
    const { members: present } = this.recorder;
    return present[this.#random(Math.max(1, present.length))];
  }

  /** Broadcasts, emits or closes now and then from the handler of a join or leave. */
  #onMembershipChange(connection: ChurnConnection, topic: number): void {
    this.#countChange();
    if (topic === 0 || this.#random(3) > 0) return;
    this.counts.fromHandlers++;
    const others = { topic, except: connection.number };
    if (this.#random(2) === 0) this.#send(null, [this.#message({ topic })]);
    else this.#send(connection.ns ?? null, [this.#message(connection.ns ? others : { topic })]);
    this.#emit(connection);
    if (this.#random(30) > 0) return;
    this.counts.closesByHandlers++;
    this.recorder.close(connection);
  }

  /** Sends a reading client more than it can read at once. */
  #floodRandom(): void {
    const connection = this.#randomConnection();
    if (connection) this.#flood(connection, readingFlood);
  }

  /** Counts a change that happens during a pass. */
  #countChange(): void {
    if (this.server().pressure.log > 0) this.counts.changesDuringPasses++;
  }

  #flood(connection: ChurnConnection, messages = flood.messages): void {
    for (let count = 0; count < messages; count++) {
      if (count % 2 === 0) this.#send(null, [this.#message({ topic: 0, to: connection.user }, flood.bytes)]);
      else this.#emit(connection, flood.bytes);
    }
  }

  #move(): void {
    // The clients move all other connections themselves.
    const isGuided = ({ number }: ChurnConnection): boolean => number % guidedEach === 0;
    const connection = Array.from({ length: guidedEach }, () => this.#randomConnection()).find(
      (one) => one && isGuided(one),
    );
    if (!connection) return;
    this.counts.moves++;
    this.moves.push(this.recorder.move(connection, 1 + this.#random(this.recorder.rooms)));
  }
}
