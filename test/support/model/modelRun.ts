import type { Conn, Message, NSConn } from '../../../src/index.js';
import { tokensOf, withoutTokens } from '../server/fakeSocket.js';
import { type FakeClient, SupervisorHarness, settled } from '../server/supervisorHarness.js';
import type { Command } from './commands.js';
import { endEventOf } from './modelTypes.js';
import { NaiveModel } from './naiveModel.js';
import {
  type ConnectOutcome,
  closedNamespace,
  declared,
  type Instructions,
  isForbidden,
  isSticky,
  type LifecycleEvent,
  lifecycleEvents,
  maxRooms,
  type Program,
  refusal,
} from './program.js';
import { encoder, endWith, noCaller, ScriptPlayer } from './scriptPlayer.js';
import { payloadOf, type Wire } from './wire.js';

export interface ModelRunOptions {
  readonly program: Program;
  readonly sliceMs: number;
  readonly syncBroadcaster: boolean;
  /** A socket with more bytes is congested. */
  readonly highWaterMark: number;
  /** Whether clients answer a close frame at once, instead of at the end. */
  readonly answersClose: boolean;
  /** Whether frames that belong together are held back for one write (BC15). */
  readonly gathers: boolean;
  /** Whether the steps of charts are memoised. */
  readonly memo: boolean;
}

/** Runs the same commands on a supervisor and on the naive model. */
export class ModelRun extends ScriptPlayer {
  readonly harness: SupervisorHarness;
  readonly model: NaiveModel;
  readonly #program: Program;
  /** What `onConnect` does, by order of arrival. */
  readonly #outcomes: ConnectOutcome[] = [];
  readonly #answered = new Set<string>();
  readonly #gates = new Map<number, () => void>();
  readonly #answersClose: boolean;
  #lastWait = 0;

  constructor({ program, sliceMs, syncBroadcaster, highWaterMark, answersClose, gathers, memo }: ModelRunOptions) {
    super();
    this.#program = program;
    this.#answersClose = answersClose;
    this.model = new NaiveModel(program);
    const events = this.#handlers();
    this.harness = new SupervisorHarness({
      namespaces: Object.fromEntries(declared.filter((name) => name !== '').map((name) => [name, events])),
      events,
      onConnect: (conn) => this.#onConnect(conn),
      onDisconnect: (conn, { rooms }) => {
        const memberships = rooms.map(({ namespace, room }) => `${namespace}/${room}`).join(' ');
        this.playAfterEnd(conn, undefined, endEventOf('onDisconnect', '', memberships), this.#program.onDisconnect);
      },
      limits: {
        highWaterMark,
        slowConsumerBytes: 1e9,
        slowConsumerMessages: 1e6,
        inboxMessages: 1_000,
        inboxBytes: 1e9,
        // The model has no throttle and no slices of received frames.
        maxLog: 1e9,
        maxLogDelay: 1e9,
        framesPerTick: 1e9,
      },
      syncBroadcaster,
      sliceMs,
      msPerRead: 1,
      gathers,
      memo,
    });
  }

  async run(command: Command): Promise<void> {
    this.#do(command);
    await this.#settle();
  }

  /** Runs several before anything else can happen. */
  async runAll(commands: readonly Command[]): Promise<void> {
    for (const command of commands) this.#do(command);
    await this.#settle();
  }

  /** Completes everything that is pending. */
  async finish(): Promise<void> {
    for (const { index } of this.harness.clients) {
      while (this.#gates.has(index)) await this.run({ does: 'resume', who: index });
    }
    for (const { index } of this.harness.clients) await this.run({ does: 'drain', who: index, isStillStalled: false });
    while (!this.harness.clock.isIdle || this.visitGate) {
      while (!this.harness.clock.isIdle) await this.run({ does: 'tick' });
      await this.run({ does: 'resumeVisit' });
    }
  }

  /** Returns what a client has received, and what the model expects. */
  seenBy(index: number): { readonly seen: readonly string[]; readonly expected: readonly string[] } {
    const seen = withoutTokens(this.#client(index).socket.lines);
    const expected = withoutTokens(this.model.linesOf(index));
    if (!this.model.isCut(index)) return { seen, expected };
    // Only a tail before the close frame may be missing.
    const [end, body] = [expected.filter(isClose), expected.filter((line) => !isClose(line))];
    const length = seen.filter((line) => !isClose(line)).length;
    return { seen, expected: [...body.slice(0, length), ...end] };
  }

  async #settle(): Promise<void> {
    await settled();
    for (const { index, socket } of this.harness.clients) {
      const end = socket.sent.at(-1);
      if (end?.kind === 'close' && socket.isStalled) this.model.onCongestedClose(index);
      if (this.#answersClose && end?.kind === 'close') socket.disconnect(end.code, end.text);
      socket.pump();
    }
    await settled();
    if (this.failure !== undefined) throw this.failure;
  }

  #do(command: Command): void {
    const { harness, model } = this;
    if (command.does === 'connect') {
      this.#outcomes.push(command.outcome);
      model.connect(command.id, command.outcome);
      harness.connect(command.id);
      return;
    }
    if (command.does === 'tick') return harness.clock.tick();
    if (command.does === 'resumeVisit') {
      const open = this.visitGate;
      this.visitGate = undefined;
      return open?.();
    }
    if (command.does === 'play') return this.play(command.script, noCaller, () => model.play(command.script));
    const index = this.#choose(command);
    if (index === undefined) return undefined;
    const { socket, conn } = this.#client(index);
    switch (command.does) {
      case 'acknowledge':
        model.acknowledge(index);
        return socket.receive('M');
      case 'step':
        return this.#receive(index, { ...command, wait: this.#wait(command.isAsk), body: '', isBinary: false });
      case 'send':
        return this.#receive(index, {
          ...command,
          wait: this.#wait(command.isAsk),
          body: JSON.stringify(command.instructions),
        });
      case 'resume': {
        const open = this.#gates.get(index);
        this.#gates.delete(index);
        return open?.();
      }
      case 'answer':
        return this.#answer(index, command.nth, command.isRefusal);
      case 'begin':
        return this.#begin(index, conn, command);
      case 'disconnect':
        model.disconnect(index);
        return socket.disconnect();
      case 'stall':
        return socket.isOpen ? socket.stall() : undefined;
      case 'drain':
        return socket.drain(command.isStillStalled && socket.isStalled);
    }
  }

  /** Returns a connection that suits this command, if there is one. */
  #choose({ does, who }: Command & { readonly who: number }): number | undefined {
    const { model } = this;
    const all = this.harness.clients.map(({ index }) => index);
    const isSuited: (index: number) => boolean =
      does === 'acknowledge'
        ? (index) => model.stateOf(index) === 'unacknowledged'
        : does === 'resume'
          ? (index) => this.#gates.has(index)
          : does === 'answer'
            ? (index) => this.#unanswered(index).length > 0
            : does === 'drain'
              ? (index) => this.#client(index).socket.isStalled
              : () => true;
    const suited = all.filter(isSuited);
    return suited[who % suited.length];
  }

  /** Returns the positions of the asks that a client has received and not answered. */
  #unanswered(index: number): number[] {
    if (this.model.stateOf(index) !== 'open') return [];
    return this.#client(index).socket.tokens.flatMap((token, at) =>
      this.#answered.has(`${index} ${token}`) ? [] : at,
    );
  }

  #receive(index: number, { namespace, room, event, wait, body, isBinary }: Omit<Wire, 'isError'>): void {
    const wire: Wire = { namespace, room, event, wait, body, isBinary, isError: false };
    const state = this.model.stateOf(index);
    if (state === 'waiting' || state === 'closed' || this.model.earlyOf(index) > 12) return;
    const { socket } = this.#client(index);
    this.model.receive(index, wire);
    socket.receive(isBinary ? encoder.encode(payloadOf(wire)) : payloadOf(wire));
  }

  /** Answers a pending ask; now and then any ask, even a second time. */
  #answer(index: number, nth: number, isRefusal: boolean): void {
    const { socket } = this.#client(index);
    const { tokens } = socket;
    const waiting = this.#unanswered(index);
    const at = nth === 0 ? tokens.length - 1 : (waiting[nth % waiting.length] ?? 0);
    const token = tokens[at] ?? '';
    const answer = { namespace: '', room: '', event: '', isError: isRefusal, body: isRefusal ? 'never' : '' };
    this.#answered.add(`${index} ${token}`);
    this.model.receive(index, { ...answer, wait: tokensOf(this.model.linesOf(index))[at] ?? 'none', isBinary: false });
    socket.receive(payloadOf({ ...answer, wait: token }));
  }

  #begin(index: number, conn: Conn | undefined, { kind, namespace, room: name }: Command & { does: 'begin' }): void {
    const { model } = this;
    const isOfRoom = kind === 'join' || kind === 'leave';
    const room = isOfRoom ? name : '';
    if (!model.mayBegin(index, namespace, room) || (isOfRoom && room === '')) return;
    const isThere = model.isIn(index, namespace, room);
    if (kind === 'connect' || kind === 'join' ? isThere : !isThere) return;
    if (kind === 'join' && (!model.isIn(index, namespace) || model.roomsOf(index) >= maxRooms)) return;
    model.begin(index, kind, namespace, room);
    const nsConn = conn?.namespace(namespace);
    const begun = {
      connect: () => conn?.connect(namespace),
      disconnect: () => nsConn?.disconnect(),
      join: () => nsConn?.joinRoom(room),
      leave: () => nsConn?.room(room)?.leave(),
    }[kind]();
    if (!begun) throw new Error(`there is no handle to ${kind} "${namespace}" "${room}" of ${index}`);
    // A refusal is a valid outcome.
    begun.catch(() => {});
  }

  // The program

  #onConnect(conn: Conn): void {
    const { index } = this.harness.clientOf(conn);
    this.catch(() => this.model.onConnectCalled(index));
    const outcome = this.#outcomes[index];
    if (outcome === 'refuse') throw new Error(refusal);
    if (outcome === 'connect') conn.connect('chat').catch(() => {});
  }

  #handlers() {
    const lifecycle = lifecycleEvents.map((event) => [
      event,
      (ns: NSConn, message: Message) => this.#onHook(event, ns, message),
    ]);
    return {
      ...Object.fromEntries(lifecycle),
      run: (ns: NSConn, message: Message) => {
        const { now, finale } = message.json<Instructions>();
        this.play(now, this.callerOf(ns, false));
        return endWith(finale);
      },
      sleep: async (ns: NSConn, message: Message) => {
        const { now, later, finale } = message.json<Instructions>();
        const { index } = this.harness.clientOf(ns.conn);
        this.play(now, this.callerOf(ns, false));
        await new Promise<void>((open) => this.#gates.set(index, open));
        this.play(later, this.callerOf(ns, false), () => this.model.onHandlerResumed(index));
        return endWith(finale);
      },
    };
  }

  #onHook(event: LifecycleEvent, ns: NSConn, { namespace, room }: Message): void {
    const script = this.#program.handlers[event];
    if (ns.conn.isClosed) {
      this.playAfterEnd(ns.conn, ns, endEventOf(event, namespace, room), script);
      return;
    }
    if (this.model.areHandlersOn) this.play(script, this.callerOf(ns, true));
    const isRefused =
      (event === '_OnNamespaceConnect' && namespace === closedNamespace) ||
      (event === '_OnRoomJoin' && isForbidden(room)) ||
      (event === '_OnRoomLeave' && isSticky(room));
    if (isRefused) throw new Error(refusal);
  }

  #client(index: number): FakeClient {
    const client = this.harness.clients[index];
    if (!client) throw new Error(`no client ${index}`);
    return client;
  }

  #wait(isAsk: boolean): string {
    return isAsk ? `$${++this.#lastWait}` : '';
  }
}

const isClose = (line: string): boolean => line.startsWith('close ');
