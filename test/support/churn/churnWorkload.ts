import { type Except, exclude, type OutgoingMessage, reply, type Server } from '../../../src/index.js';
import type { IssueAddress } from '../history/deliveryLog.js';
import { ChurnHouse, type Guest, namespace, roomName } from './churnRecorder.js';

const digits = 8;
const kib = 1_024;
const long = 'x'.repeat(300 * kib);
const event = 'e';
/** One connection of so many is moved about by the server alone. */
const guidedEach = 8;
/** What a reader that has fallen silent is told: more than any kernel keeps for it. */
const flood = { messages: 20, bytes: 256 * kib };
/** What a reader that reads is told at times: more than it can read at once. */
const downpour = 3 * flood.messages;

/** Numbers that look random and are the same for the same seed. */
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

/** All that is said in the churn: who says it, to whom, and how long it is, is a matter of chance. */
export class ChurnTalk {
  readonly house: ChurnHouse;
  /** About so many deliveries are due for what was said so far. */
  due = 0;
  /** What the run has contained, beside what the ledger counts. */
  readonly counts = { batches: 0, closesByHandlers: 0, fromHandlers: 0, moves: 0, longOnes: 0, changesMidWalk: 0 };
  /** Emits that were refused, though their guest was there. */
  refusedEmits = 0;
  readonly moved: Promise<void>[] = [];
  readonly #random: (below: number) => number;

  constructor(
    rooms: number,
    seed: number,
    private readonly server: () => Server,
  ) {
    this.#random = randomFrom(seed);
    this.house = new ChurnHouse(rooms, {
      entered: (guest, topic) => this.#onOccasion(guest, topic),
      left: (guest, topic) => this.#onOccasion(guest, topic),
      asked: ({ number }) => reply(text(this.house.ledger.emits(number, 0))),
      stalls: (guest) => this.#flood(guest),
    });
  }

  /** One turn of the event loop's worth of talk. */
  beat(): void {
    for (let calls = 1 + this.#random(4); calls > 0; calls--) {
      this.#call();
      if (this.#random(2) === 0) this.#emit();
    }
    if (this.#random(2) === 0) this.#move();
    if (this.#random(60) === 0) this.#floodAnyone();
  }

  /** A connection is closed by the server, with something said right before and right after. */
  closeOne(): void {
    const [stalled] = this.house.congested;
    const guest = stalled && this.#random(6) === 0 ? stalled : this.#anyone();
    if (!guest) return;
    this.#noteWalk();
    const topic = [...guest.topics].at(-1) ?? 0;
    if (this.#random(2) === 0) this.#emit(guest);
    this.#send(null, [this.#message({ topic })]);
    if (this.#random(3) === 0) this.#emit(guest);
    // Much that nobody has written yet is as much its due as a little.
    const lastWords = this.#random(4) === 0 ? flood.messages : 0;
    const long = (): OutgoingMessage => this.#message({ topic: 0, to: guest.user }, flood.bytes);
    this.#send(null, Array.from({ length: lastWords }, long));
    this.house.close(guest);
    this.#send(null, [this.#message({ topic }), this.#message({ topic: 0, to: guest.user })]);
  }

  /** One last message for everybody. */
  lastWord(): void {
    this.#send(null, [this.#message({ topic: 0 })]);
  }

  /** One call with one message or several, with or without somebody whom it leaves out. */
  #call(): void {
    const except = this.#random(4) === 0 ? this.#someExcept() : { skip: null, address: {} };
    const messages: OutgoingMessage[] = [];
    for (let count = 1 + Math.max(0, this.#random(6) - 2); count > 0; count--) {
      messages.push(this.#message({ ...this.#somewhere(), ...except.address }, this.#someLength()));
    }
    if (messages.length > 1) this.counts.batches++;
    this.#send(except.skip, messages);
  }

  #send(except: Except, messages: readonly OutgoingMessage[]): void {
    this.server().broadcast(except, ...messages);
  }

  /** Logs an issue, and makes the message that has to be broadcast at once. */
  #message(address: IssueAddress, bytes = 0): OutgoingMessage {
    const { topic, to } = address;
    // To many go short ones only: what is long goes to rooms and to users.
    const body = text(this.house.ledger.issues(address), topic === 0 && to === undefined ? 0 : bytes);
    if (body.length > digits) this.counts.longOnes++;
    this.due += this.house.reach(address);
    const message = { namespace, room: roomName(topic), event, body };
    return to === undefined ? message : { ...message, to: `u${to}` };
  }

  #emit(guest = this.#anyone(), bytes = 0): void {
    if (!guest?.ns) return;
    const topic = this.#random(3) === 0 ? ([...guest.topics].at(-1) ?? 0) : 0;
    const number = this.house.ledger.emits(guest.number, topic);
    const room = topic === 0 ? undefined : guest.ns.room(roomName(topic));
    const isTaken = topic === 0 ? guest.ns.emit(event, text(number, bytes)) : room?.emit(event, text(number, bytes));
    if (!isTaken) this.refusedEmits++;
    this.due++;
  }

  #somewhere(): IssueAddress {
    const topic = 1 + this.#random(this.house.rooms);
    const kind = this.#random(10);
    if (kind < 3) return { topic: 0 };
    const guest = kind < 5 ? this.#anyone() : undefined;
    if (!guest) return { topic };
    return { topic: kind === 3 ? 0 : ([...guest.topics].at(-1) ?? topic), to: guest.user };
  }

  #someLength(): number {
    const chance = this.#random(400);
    if (chance === 0) return 200 * kib;
    if (chance < 4) return 40 * kib;
    return chance < 40 ? 300 : 0;
  }

  #someExcept(): { readonly skip: Except; readonly address: Partial<IssueAddress> } {
    const guest = this.#anyone();
    if (!guest?.ns) return { skip: null, address: {} };
    const { conn, ns, number, user } = guest;
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

  #anyone(): Guest | undefined {
    const { present } = this.house;
    return present[this.#random(Math.max(1, present.length))];
  }

  /** Somebody has just come or gone: now and then the very handler that is told so speaks. */
  #onOccasion(guest: Guest, topic: number): void {
    this.#noteWalk();
    if (topic === 0 || this.#random(3) > 0) return;
    this.counts.fromHandlers++;
    const others = { topic, except: guest.number };
    if (this.#random(2) === 0) this.#send(null, [this.#message({ topic })]);
    else this.#send(guest.ns ?? null, [this.#message(guest.ns ? others : { topic })]);
    this.#emit(guest);
    if (this.#random(30) > 0) return;
    this.counts.closesByHandlers++;
    this.house.close(guest);
  }

  /** Too much at once for a reader that reads. */
  #floodAnyone(): void {
    const guest = this.#anyone();
    if (guest) this.#flood(guest, downpour);
  }

  /** Does this change come while issues are on their way? */
  #noteWalk(): void {
    if (this.server().pressure.log > 0) this.counts.changesMidWalk++;
  }

  #flood(guest: Guest, messages = flood.messages): void {
    for (let count = 0; count < messages; count++) {
      if (count % 2 === 0) this.#send(null, [this.#message({ topic: 0, to: guest.user }, flood.bytes)]);
      else this.#emit(guest, flood.bytes);
    }
  }

  #move(): void {
    // The clients themselves move all others.
    const isGuided = ({ number }: Guest): boolean => number % guidedEach === 0;
    const guest = Array.from({ length: guidedEach }, () => this.#anyone()).find((one) => one && isGuided(one));
    if (!guest) return;
    this.counts.moves++;
    this.moved.push(this.house.move(guest, 1 + this.#random(this.house.rooms)));
  }
}
