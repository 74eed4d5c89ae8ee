import { CloseError, type Conn, type Except, exclude, type Message, type NSConn, reply } from '../../../src/index.js';
import { tokensOf, withoutTokens } from '../server/fakeSocket.js';
import { type FakeClient, SupervisorHarness, settled } from '../server/supervisorHarness.js';
import {
  closedNamespace,
  declared,
  type Finale,
  type Greeting,
  type Hook,
  hooks,
  type Instructions,
  isForbidden,
  isSticky,
  NaiveModel,
  type Note,
  obituaryOf,
  type Program,
  payloadOf,
  refusal,
  roomCap,
  type Script,
  type Skip,
  type Step,
  spelledOut,
  type Who,
  type Wire,
} from './naiveModel.js';

/** Something that the world does to the house. Numbers stand for somebody who has arrived, counted round. */
export type Command =
  | { readonly does: 'connect'; readonly id: string; readonly greeting: Greeting }
  | { readonly does: 'acknowledge'; readonly who: number }
  | {
      readonly does: 'step';
      readonly who: number;
      readonly namespace: string;
      readonly room: string;
      readonly event: Hook;
      readonly isAsk: boolean;
    }
  | {
      readonly does: 'send';
      readonly who: number;
      readonly namespace: string;
      readonly room: string;
      readonly event: 'run' | 'sleep' | 'unknown';
      readonly isAsk: boolean;
      readonly isBinary: boolean;
      readonly instructions: Instructions;
    }
  | { readonly does: 'wake'; readonly who: number }
  | { readonly does: 'answer'; readonly who: number; readonly nth: number; readonly isRefusal: boolean }
  | {
      readonly does: 'begin';
      readonly who: number;
      readonly kind: 'connect' | 'disconnect' | 'join' | 'leave';
      readonly namespace: string;
      readonly room: string;
    }
  | { readonly does: 'play'; readonly script: Script }
  /** The visitor that has not settled goes on, if there is one. */
  | { readonly does: 'goOn' }
  | { readonly does: 'hangUp'; readonly who: number }
  | { readonly does: 'stall'; readonly who: number }
  | { readonly does: 'drain'; readonly who: number; readonly isStillStalled: boolean }
  | { readonly does: 'tick' };

export interface StageOptions {
  readonly program: Program;
  readonly sliceMs: number;
  readonly syncBroadcaster: boolean;
  /** A congested socket holds more than this. */
  readonly highWaterMark: number;
  /** Does a client answer the close frame at once, or only at the very end? */
  readonly answersClose: boolean;
}

/** For whom a script runs. */
interface Actor {
  readonly conn: Conn | undefined;
  readonly nsConn: NSConn | undefined;
  readonly namespace: string;
  readonly isHook: boolean;
}

const encoder = new TextEncoder();
const nobody: Actor = { conn: undefined, nsConn: undefined, namespace: '', isHook: false };

/** Plays the same on a real supervisor and on the naive model. */
export class Stage {
  readonly harness: SupervisorHarness;
  readonly model: NaiveModel;
  readonly #program: Program;
  /** What `onConnect` does, by the order of arrival. */
  readonly #greetings: Greeting[] = [];
  readonly #answered = new Set<string>();
  readonly #gates = new Map<number, () => void>();
  #visitGate: (() => void) | undefined;
  readonly #answersClose: boolean;
  /** How deep in user code the run is. */
  #depth = 0;
  #lastWait = 0;
  #lastWalk = 0;
  #failure: unknown;

  constructor({ program, sliceMs, syncBroadcaster, highWaterMark, answersClose }: StageOptions) {
    this.#program = program;
    this.#answersClose = answersClose;
    this.model = new NaiveModel(program);
    const events = this.#handlers();
    this.harness = new SupervisorHarness({
      namespaces: Object.fromEntries(declared.filter((name) => name !== '').map((name) => [name, events])),
      events,
      onConnect: (conn) => this.#onConnect(conn),
      onDisconnect: (conn, { rooms }) => {
        const places = rooms.map(({ namespace, room }) => `${namespace}/${room}`).join(' ');
        this.#epilogue(conn, undefined, obituaryOf('onDisconnect', '', places), this.#program.farewell);
      },
      limits: {
        highWaterMark,
        slowConsumerBytes: 1e9,
        slowConsumerMessages: 1e6,
        inboxMessages: 1_000,
        inboxBytes: 1e9,
        // The model holds nobody back, and knows nothing of slices of what comes in.
        maxLog: 1e9,
        maxLogDelay: 1e9,
        framesPerTick: 1e9,
      },
      syncBroadcaster,
      sliceMs,
      msPerRead: 1,
    });
  }

  async run(command: Command): Promise<void> {
    this.#do(command);
    await this.#settle();
  }

  /** Several at once, before anything else can happen. */
  async runAll(commands: readonly Command[]): Promise<void> {
    for (const command of commands) this.#do(command);
    await this.#settle();
  }

  /** Everything under way comes to its end. */
  async finish(): Promise<void> {
    for (const { index } of this.harness.clients) {
      while (this.#gates.has(index)) await this.run({ does: 'wake', who: index });
    }
    for (const { index } of this.harness.clients) await this.run({ does: 'drain', who: index, isStillStalled: false });
    while (!this.harness.clock.isIdle || this.#visitGate) {
      while (!this.harness.clock.isIdle) await this.run({ does: 'tick' });
      await this.run({ does: 'goOn' });
    }
  }

  /** What somebody has been sent, and what the model says. */
  seenBy(index: number): { readonly seen: readonly string[]; readonly expected: readonly string[] } {
    const seen = withoutTokens(this.client(index).socket.lines);
    const expected = withoutTokens(this.model.linesOf(index));
    if (!this.model.isCut(index)) return { seen, expected };
    // Only a tail may be missing, in front of the close frame.
    const [end, body] = [expected.filter(isClose), expected.filter((line) => !isClose(line))];
    const length = seen.filter((line) => !isClose(line)).length;
    return { seen, expected: [...body.slice(0, length), ...end] };
  }

  async #settle(): Promise<void> {
    await settled();
    for (const { index, socket } of this.harness.clients) {
      const end = socket.sent.at(-1);
      if (end?.kind === 'close' && socket.isStalled) this.model.closesCut(index);
      if (this.#answersClose && end?.kind === 'close') socket.disconnect(end.code, end.text);
      socket.pump();
    }
    await settled();
    if (this.#failure !== undefined) throw this.#failure;
  }

  #do(command: Command): void {
    const { harness, model } = this;
    if (command.does === 'connect') {
      this.#greetings.push(command.greeting);
      model.connect(command.id, command.greeting);
      harness.connect(command.id);
      return;
    }
    if (command.does === 'tick') return harness.clock.tick();
    if (command.does === 'goOn') {
      const open = this.#visitGate;
      this.#visitGate = undefined;
      return open?.();
    }
    if (command.does === 'play') return this.#play(command.script, nobody, () => model.play(command.script));
    const index = this.#choose(command);
    if (index === undefined) return undefined;
    const { socket, conn } = this.client(index);
    switch (command.does) {
      case 'acknowledge':
        model.acknowledge(index);
        return socket.receive('M');
      case 'step':
        return this.#say(index, { ...command, wait: this.#wait(command.isAsk), body: '', isBinary: false });
      case 'send':
        return this.#say(index, {
          ...command,
          wait: this.#wait(command.isAsk),
          body: JSON.stringify(command.instructions),
        });
      case 'wake': {
        const open = this.#gates.get(index);
        this.#gates.delete(index);
        return open?.();
      }
      case 'answer':
        return this.#answer(index, command.nth, command.isRefusal);
      case 'begin':
        return this.#begin(index, conn, command);
      case 'hangUp':
        model.hangUp(index);
        return socket.disconnect();
      case 'stall':
        return socket.isOpen ? socket.stall() : undefined;
      case 'drain':
        return socket.drain(command.isStillStalled && socket.isStalled);
    }
  }

  /** Somebody for whom this command makes sense, if there is anybody. */
  #choose({ does, who }: Command & { readonly who: number }): number | undefined {
    const { model } = this;
    const everybody = this.harness.clients.map(({ index }) => index);
    const isSuited: (index: number) => boolean =
      does === 'acknowledge'
        ? (index) => model.stateOf(index) === 'knocking'
        : does === 'wake'
          ? (index) => this.#gates.has(index)
          : does === 'answer'
            ? (index) => this.#unanswered(index).length > 0
            : does === 'drain'
              ? (index) => this.client(index).socket.isStalled
              : () => true;
    const suited = everybody.filter(isSuited);
    return suited[who % suited.length];
  }

  /** Places, in the order of appearance, of the asks that a client has seen and not answered. */
  #unanswered(index: number): number[] {
    if (this.model.stateOf(index) !== 'open') return [];
    return this.client(index).socket.tokens.flatMap((token, at) => (this.#answered.has(`${index} ${token}`) ? [] : at));
  }

  #say(index: number, { namespace, room, event, wait, body, isBinary }: Omit<Wire, 'isError'>): void {
    const wire: Wire = { namespace, room, event, wait, body, isBinary, isError: false };
    const state = this.model.stateOf(index);
    if (state === 'held' || state === 'closed' || this.model.earlyOf(index) > 12) return;
    const { socket } = this.client(index);
    this.model.say(index, wire);
    socket.receive(isBinary ? encoder.encode(payloadOf(wire)) : payloadOf(wire));
  }

  /** Answers an ask that waits for it; now and then any that it has seen, be it for the second time. */
  #answer(index: number, nth: number, isRefusal: boolean): void {
    const { socket } = this.client(index);
    const { tokens } = socket;
    const waiting = this.#unanswered(index);
    const at = nth === 0 ? tokens.length - 1 : (waiting[nth % waiting.length] ?? 0);
    const token = tokens[at] ?? '';
    const answer = { namespace: '', room: '', event: '', isError: isRefusal, body: isRefusal ? 'never' : '' };
    this.#answered.add(`${index} ${token}`);
    this.model.say(index, { ...answer, wait: tokensOf(this.model.linesOf(index))[at] ?? 'none', isBinary: false });
    socket.receive(payloadOf({ ...answer, wait: token }));
  }

  #begin(index: number, conn: Conn | undefined, { kind, namespace, room: name }: Command & { does: 'begin' }): void {
    const { model } = this;
    const isOfRoom = kind === 'join' || kind === 'leave';
    const room = isOfRoom ? name : '';
    if (!model.mayBegin(index, namespace, room) || (isOfRoom && room === '')) return;
    const isThere = model.isIn(index, namespace, room);
    if (kind === 'connect' || kind === 'join' ? isThere : !isThere) return;
    if (kind === 'join' && (!model.isIn(index, namespace) || model.roomsOf(index) >= roomCap)) return;
    model.begin(index, kind, namespace, room);
    const nsConn = conn?.namespace(namespace);
    const begun = {
      connect: () => conn?.connect(namespace),
      disconnect: () => nsConn?.disconnect(),
      join: () => nsConn?.joinRoom(room),
      leave: () => nsConn?.room(room)?.leave(),
    }[kind]();
    if (!begun) throw new Error(`there is no handle to ${kind} "${namespace}" "${room}" of ${index}`);
    // A refusal is as good as an agreement here.
    begun.catch(() => {});
  }

  // The program

  #onConnect(conn: Conn): void {
    const { index } = this.harness.clientOf(conn);
    this.#watch(() => this.model.admitted(index));
    const greeting = this.#greetings[index];
    if (greeting === 'refuse') throw new Error(refusal);
    if (greeting === 'invite') conn.connect('chat').catch(() => {});
  }

  #handlers() {
    const lifecycle = hooks.map((event) => [event, (ns: NSConn, message: Message) => this.#onHook(event, ns, message)]);
    return {
      ...Object.fromEntries(lifecycle),
      run: (ns: NSConn, message: Message) => {
        const { now, finale } = message.json<Instructions>();
        this.#play(now, this.#actorOf(ns, false));
        return endWith(finale);
      },
      sleep: async (ns: NSConn, message: Message) => {
        const { now, later, finale } = message.json<Instructions>();
        const { index } = this.harness.clientOf(ns.conn);
        this.#play(now, this.#actorOf(ns, false));
        await new Promise<void>((open) => this.#gates.set(index, open));
        this.#play(later, this.#actorOf(ns, false), () => this.model.wakes(index));
        return endWith(finale);
      },
    };
  }

  #onHook(event: Hook, ns: NSConn, { namespace, room }: Message): void {
    const script = this.#program.hooks[event];
    if (ns.conn.isClosed) {
      this.#epilogue(ns.conn, ns, obituaryOf(event, namespace, room), script);
      return;
    }
    if (this.model.areHooksOn) this.#play(script, this.#actorOf(ns, true));
    const isRefused =
      (event === '_OnNamespaceConnect' && namespace === closedNamespace) ||
      (event === '_OnRoomJoin' && isForbidden(room)) ||
      (event === '_OnRoomLeave' && isSticky(room));
    if (isRefused) throw new Error(refusal);
  }

  /** What runs when a connection has ended: never within other user code. */
  #epilogue(conn: Conn, nsConn: NSConn | undefined, line: string, script: Script): void {
    const { index } = this.harness.clientOf(conn);
    const actor: Actor = { conn, nsConn, namespace: nsConn?.namespace ?? '', isHook: true };
    if (this.#depth > 0)
      this.#watch(() => Promise.reject(new Error(`${index} is told ${line} inside other user code`)));
    this.#play(this.model.areHooksOn ? script : [], actor, () => this.model.told(index, line));
  }

  // User code, as the library runs it

  #play(script: Script, actor: Actor, onModel?: () => void): void {
    if (onModel) this.#watch(onModel);
    this.#depth++;
    for (const step of script) this.#watch(() => this.#call(step, actor));
    this.#depth--;
  }

  #call(step: Step, actor: Actor): void {
    const { server } = this.harness;
    const { conn, nsConn, namespace } = actor;
    switch (step.call) {
      case 'emit':
        if (step.isBinary) nsConn?.emitBinary('note', encoder.encode(spelledOut(step.body)));
        else nsConn?.emit('note', spelledOut(step.body));
        return;
      case 'emitTo': {
        const whom = this.#whoever(step.who, conn);
        whom?.namespace(namespace)?.emit('note', spelledOut(step.body));
        return;
      }
      case 'emitRoom':
        nsConn?.room(step.room)?.emit('note', spelledOut(step.body));
        return;
      case 'broadcast':
        server.broadcast(this.#exceptOf(step.except, actor), ...step.notes.map(messageOf));
        return;
      case 'close': {
        const whom = this.#whoever(step.who, conn);
        if (!whom || (actor.isHook && whom === conn)) return;
        whom.close(step.code, 'bye');
        return;
      }
      case 'ask':
        this.#follow(nsConn?.ask('question', spelledOut(step.body)), step, step.sequel, actor);
        return;
      case 'askAll':
        this.#follow(server.ask(messageOf(step.note)), step, step.sequel, actor);
        return;
      case 'do': {
        const id = ++this.#lastWalk;
        let failed = 0;
        const end = (): void => {
          if (!step.isFailing) return;
          failed++;
          throw new Error('a visit that fails');
        };
        const visit = (visited: Conn): void | Promise<void> => {
          const { index } = this.harness.clientOf(visited);
          const visitor: Actor = {
            conn: visited,
            nsConn: visited.namespace('chat'),
            namespace: 'chat',
            isHook: false,
          };
          this.#play(step.visit, visitor, () => this.model.visited(id, index));
          const { later } = step;
          if (!later) return end();
          return new Promise<void>((open) => {
            this.#visitGate = open;
          }).then(() => {
            this.#play(later, visitor, () => this.model.visitGoesOn(id));
            end();
          });
        };
        const over = (failures: number): void => {
          this.#watch(() => this.model.walked(id));
          if (failures !== failed) this.#failure ??= new Error(`${failures} visits of do ${id} failed, not ${failed}`);
        };
        server.do(visit).then(
          () => over(0),
          (error: unknown) => over(error instanceof AggregateError ? error.errors.length : -1),
        );
        return;
      }
    }
  }

  #follow(asked: Promise<Message> | undefined, step: Step, sequel: Script, actor: Actor): void {
    asked?.then(
      () => this.#play(sequel, actor, () => this.model.goesOn(JSON.stringify(step))),
      () => {},
    );
  }

  #exceptOf(skip: Skip, actor: Actor): Except {
    if (skip.skip === 'nobody') return null;
    if (skip.skip === 'id') return exclude(skip.id);
    const conn = this.#whoever(skip.who, actor.conn);
    if (skip.skip === 'conn') return conn ?? null;
    const nsConn = conn === actor.conn ? actor.nsConn : conn?.namespace(actor.namespace);
    return (skip.skip === 'room' ? nsConn?.room(skip.room) : nsConn) ?? null;
  }

  #actorOf(nsConn: NSConn, isHook: boolean): Actor {
    return { conn: nsConn.conn, nsConn, namespace: nsConn.namespace, isHook };
  }

  #whoever(who: Who, self: Conn | undefined): Conn | undefined {
    if (who === 'self') return self;
    return this.harness.clients[who % this.harness.clients.length]?.conn;
  }

  client(index: number): FakeClient {
    const client = this.harness.clients[index];
    if (!client) throw new Error(`nobody has arrived as ${index}`);
    return client;
  }

  #wait(isAsk: boolean): string {
    return isAsk ? `$${++this.#lastWait}` : '';
  }

  /** What fails inside of the library's calls must fail the run, whatever the library makes of it. */
  #watch(run: () => unknown): void {
    const note = (error: unknown): void => {
      this.#failure ??= error;
    };
    try {
      const outcome = run();
      if (outcome instanceof Promise) outcome.catch(note);
    } catch (error) {
      note(error);
    }
  }
}

const isClose = (line: string): boolean => line.startsWith('close ');

const messageOf = ({ namespace, room, body, isBinary, to }: Note) => ({
  namespace,
  room,
  event: 'note',
  body: isBinary ? encoder.encode(spelledOut(body)) : spelledOut(body),
  ...(to === undefined ? {} : { to }),
});

const endWith = (finale: Finale) => {
  if (finale.end === 'reply') return reply(spelledOut(finale.body));
  if (finale.end === 'throw') throw new Error(finale.text);
  if (finale.end === 'closeError') throw new CloseError(finale.code, finale.text);
  return undefined;
};
