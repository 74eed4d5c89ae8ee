import type { ChurnConnection } from '../churn/churnRecorder.js';
import { firstReply } from '../history/deliveryLog.js';
import { describeFault } from '../history/diagnosis.js';
import { type ClientRecord, verifyDelivery } from '../history/history.js';
import { type ClusterBroadcast, type ClusterWorkload, numbersPerServer } from './workload.js';

/** A message to one id that another server has to relay: a connection with that id was there when it was published. */
interface DirectedMessage {
  readonly number: number;
  readonly recipient: ChurnConnection;
}

const unknownNumber = numbersPerServer - 1;

/** What one server has received from another. */
class Relay {
  last = 0;
  /** Messages to the namespace or a room, each of which has to arrive. */
  readonly expectedByAll: number[] = [];
  receivedByAll = 0;
  directed: DirectedMessage[] = [];
  readonly faults: string[] = [];

  constructor(private readonly name: string) {}

  receive(number: number, isToAll: boolean): void {
    if (number <= this.last) this.faults.push(`${this.name}: ${number} arrived after ${this.last}`);
    this.last = number;
    if (isToAll) {
      const expected = this.expectedByAll[this.receivedByAll++];
      if (expected !== number) this.faults.push(`${this.name}: expected ${expected}, received ${number}`);
    }
    // Order is kept, so an earlier message that has not arrived is lost.
    for (const one of this.directed.filter((one) => one.number < number && !one.recipient.isClosed)) {
      if (one.recipient.ns) this.faults.push(`${this.name}: ${one.number} never reached u${one.recipient.user}`);
    }
    this.directed = this.directed.filter((one) => one.number > number);
  }
}

/**
 * Audits what servers relay to each other. A relayed message enters the log of the receiving server when it arrives:
 * so each log says exactly what that server's clients have to receive, in which order (EX5).
 */
export class RelayAudit {
  readonly #broadcasts = new Map<number, ClusterBroadcast>();
  /** By server: number of another one's message -> number in this one's log. */
  readonly #here: Map<number, number>[];
  readonly #relays: Relay[][];
  /** Numbers of the messages that were given to the broker. */
  readonly #published = new Set<number>();
  readonly faults: string[] = [];
  relayed = 0;

  constructor(private readonly workloads: readonly ClusterWorkload[]) {
    this.#here = workloads.map(() => new Map());
    this.#relays = workloads.map(({ index: to }) => workloads.map(({ index: from }) => new Relay(`${from} to ${to}`)));
  }

  get broadcasts(): number {
    return this.#broadcasts.size;
  }

  /** Must be called before the message is broadcast. */
  onBroadcast(broadcast: ClusterBroadcast): void {
    this.#broadcasts.set(broadcast.number, broadcast);
    const { to } = broadcast.address;
    for (const { index, recipient } of this.#others(broadcast.publisher, to)) {
      const relay = this.#relay(index, broadcast.publisher);
      if (to === undefined) relay.expectedByAll.push(broadcast.number);
      else if (recipient) relay.directed.push({ number: broadcast.number, recipient });
    }
  }

  onPublished(publisher: number, number: number): void {
    const isOwn = this.#broadcasts.get(number)?.publisher === publisher;
    if (!isOwn || this.#published.has(number)) this.faults.push(`${publisher} has published ${number} twice`);
    this.#published.add(number);
  }

  /** Must be called before the server handles the message. */
  onReceived(receiver: number, number: number): void {
    const broadcast = this.#broadcasts.get(number);
    const workload = this.workloads[receiver];
    if (!broadcast || !workload) {
      this.faults.push(`${receiver} has received ${number}, which no server has published`);
      return;
    }
    if (broadcast.publisher === receiver) return;
    this.relayed++;
    this.#relay(receiver, broadcast.publisher).receive(number, broadcast.address.to === undefined);
    this.#here[receiver]?.set(number, workload.recorder.log.addBroadcast(broadcast.address));
  }

  /** Whether every message to a namespace or room has arrived everywhere. */
  get isQuiet(): boolean {
    return this.#relays.flat().every(({ receivedByAll, expectedByAll }) => receivedByAll >= expectedByAll.length);
  }

  /** Everything wrong with what was relayed, after every server has published a last message. */
  get allFaults(): string[] {
    const missing = this.#relays.flat().flatMap(({ directed, faults, expectedByAll, receivedByAll }) => {
      const lost = directed
        .filter(({ recipient }) => !recipient.isClosed && recipient.ns)
        .map(({ number }) => `${number} is lost`);
      return [...faults, ...lost, ...(receivedByAll < expectedByAll.length ? ['the last messages are lost'] : [])];
    });
    const unpublished = this.#broadcasts.size - this.#published.size;
    return [...this.faults, ...missing, ...(unpublished === 0 ? [] : [`${unpublished} were never published`])];
  }

  /** Verifies what the clients of one server have received against its log (BC1–BC4). */
  verify(server: ClusterWorkload, records: readonly ClientRecord[]) {
    const here = this.#here[server.index] ?? new Map<number, number>();
    const own = (server.index + 1) * numbersPerServer;
    const numberHere = (number: number): number => {
      if (number >= firstReply) return number;
      return number > own && number < own + numbersPerServer ? number - own : (here.get(number) ?? unknownNumber);
    };
    const translated = records.map(({ numbers, end }) => ({ numbers: numbers.map(numberHere), end }));
    const verdict = verifyDelivery(server.recorder.log, translated);
    return { ...verdict, messages: verdict.faults.slice(0, 5).map(describeFault) };
  }

  #others(publisher: number, to: number | undefined) {
    return this.workloads
      .filter(({ index }) => index !== publisher)
      .map((workload) => ({
        index: workload.index,
        recipient: to === undefined ? undefined : workload.connectionOf(to),
      }));
  }

  #relay(receiver: number, publisher: number): Relay {
    const relay = this.#relays[receiver]?.[publisher];
    if (!relay) throw new RangeError(`there are no servers ${receiver} and ${publisher}`);
    return relay;
  }
}
