/**
 * What Muster promises, done in the most naive way: every step at once and to the end, one thing after the other.
 * Who is where is a map of sets, a broadcast is a loop. Nothing of the library is used.
 *
 * Where the page of rules leaves the moment open – when a visit of `do` takes place, when what follows an answer
 * runs – the model is told of the moment by the run, and objects when it is not the right one.
 */

/** Somebody, by the order of arrival; counted round, so that any number is somebody. */
export type Who = 'self' | number;

export interface Note {
  readonly namespace: string;
  readonly room: string;
  readonly body: string;
  readonly isBinary: boolean;
  readonly to: string | undefined;
}

/** Whom a broadcast leaves out. */
export type Skip =
  | { readonly skip: 'nobody' }
  | { readonly skip: 'conn'; readonly who: Who }
  | { readonly skip: 'nsConn'; readonly who: Who }
  | { readonly skip: 'room'; readonly who: Who; readonly room: string }
  | { readonly skip: 'id'; readonly id: string };

/** One call of user code. */
export type Step =
  | { readonly call: 'emit'; readonly body: string; readonly isBinary: boolean }
  | { readonly call: 'emitTo'; readonly who: Who; readonly body: string }
  | { readonly call: 'emitRoom'; readonly room: string; readonly body: string }
  | { readonly call: 'broadcast'; readonly except: Skip; readonly notes: readonly Note[] }
  | { readonly call: 'close'; readonly who: Who; readonly code: number }
  | { readonly call: 'ask'; readonly body: string; readonly sequel: Script }
  | { readonly call: 'askAll'; readonly note: Note; readonly sequel: Script }
  | ({ readonly call: 'do' } & Visitor);

export type Script = readonly Step[];

/** What a visitor of `do` does with each connection. */
interface Visitor {
  readonly visit: Script;
  /** What it does when its gate is opened; one that has nothing for later waits for no gate. */
  readonly later: Script | undefined;
  /** Fails when it has done it all. */
  readonly isFailing: boolean;
}

/** How a handler ends. */
export type Finale =
  | { readonly end: 'silent' }
  | { readonly end: 'reply'; readonly body: string }
  | { readonly end: 'throw'; readonly text: string }
  | { readonly end: 'closeError'; readonly code: number; readonly text: string };

/** What the body of a client's event tells its handler to do; `later` runs when its gate is opened. */
export interface Instructions {
  readonly now: Script;
  readonly later: Script;
  readonly finale: Finale;
}

export const hooks = [
  '_OnNamespaceConnect',
  '_OnNamespaceConnected',
  '_OnNamespaceDisconnect',
  '_OnRoomJoin',
  '_OnRoomJoined',
  '_OnRoomLeave',
  '_OnRoomLeft',
] as const;
export type Hook = (typeof hooks)[number];

/** What the program's hooks do, whoever they run for. */
export interface Program {
  readonly hooks: Readonly<Record<Hook, Script>>;
  readonly farewell: Script;
}

/** What `onConnect` does with somebody. */
export type Greeting = 'welcome' | 'refuse' | 'invite';

export const declared = ['chat', 'game', '', 'closed'] as const;
/** `OnNamespaceConnect` refuses this namespace. */
export const closedNamespace = 'closed';
/** `OnRoomJoin` refuses these rooms, and `OnRoomLeave` those. */
export const isForbidden = (room: string): boolean => room.startsWith('no');
export const isSticky = (room: string): boolean => room.startsWith('sticky');
export const roomCap = 128;
export const refusal = 'not you; sorry';

/** A data frame as a client sends it. */
export interface Wire {
  readonly wait: string;
  readonly namespace: string;
  readonly room: string;
  readonly event: string;
  readonly isError: boolean;
  readonly body: string;
  readonly isBinary: boolean;
}

/** A body as it is written down: `ab*3` stands for `ababab`. */
export const spelledOut = (body: string): string => {
  const [, unit, times] = /^(.+)\*(\d+)$/.exec(body) ?? [];
  return unit === undefined ? body : unit.repeat(Number(times));
};

const field = (text: string): string => text.split(';').join('@%!semicolon@%!');

/** The payload of a data frame. */
export const payloadOf = ({ wait, namespace, room, event, isError, body }: Omit<Wire, 'isBinary'>): string =>
  `${wait};${field(namespace)};${field(room)};${field(event)};${isError ? 1 : 0};0;${body}`;

const lineOf = (wire: Wire): string => `${wire.isBinary ? 'b' : 't'} ${payloadOf(wire)}`;
const systemEvents: ReadonlySet<string> = new Set(hooks);
const isAsk = (wire: Wire): boolean => wire.wait !== '';
const keyOf = (namespace: string, room: string): string => JSON.stringify([namespace, room]);

interface Procedure {
  readonly kind: 'connect' | 'disconnect' | 'join' | 'leave';
}

interface Sleeper {
  readonly wire: Wire;
  readonly instructions: Instructions;
}

interface Peer {
  readonly index: number;
  readonly id: string;
  readonly greeting: Greeting;
  state: 'held' | 'knocking' | 'open' | 'closed';
  /** Namespaces and their rooms, in the order in which they were joined. */
  readonly places: Map<string, Set<string>>;
  readonly early: Wire[];
  readonly lines: string[];
  /** The tail of what it was sent may be missing. */
  isCut: boolean;
  isBusy: boolean;
  sleeper: Sleeper | undefined;
  readonly jobs: (() => void)[];
  readonly frames: Wire[];
  readonly procedures: Map<string, Procedure>;
  /** What has yet to be told of its end. */
  readonly obituary: string[];
  /** Answers waited for their turn when it ended; what comes of them is not foretold. */
  hadPlans: boolean;
}

interface Ask {
  /** Who may still answer. */
  readonly who: Set<number>;
  answered(isAgreed: boolean): void;
}

interface Walk {
  readonly id: number;
  readonly visitor: Visitor;
  /** Where the visitor is that has not settled. */
  visiting: Stage | undefined;
  /** Whom it has yet to visit; nobody knows before it begins. */
  rest: Peer[] | undefined;
}

/** For whom, and where, a script runs. */
interface Stage {
  readonly self: Peer | undefined;
  readonly namespace: string;
  /** Hooks close others only. */
  readonly isHook: boolean;
  /** Does the code hold an NSConn of its own? */
  readonly hasHandle?: boolean;
}

export const obituaryOf = (event: string, namespace: string, room: string): string =>
  JSON.stringify([event, namespace, room]);

export class NaiveModel {
  /** Hooks do nothing while the house is being filled. */
  areHooksOn = false;
  readonly #peers: Peer[] = [];
  /** Everybody who is counted, in the order of registration. */
  #registered: Peer[] = [];
  readonly #held: Peer[] = [];
  /** Whose `onConnect` has yet to be called. */
  readonly #arriving: Peer[] = [];
  readonly #walks: Walk[] = [];
  readonly #asks = new Map<string, Ask>();
  /** Asks that were answered, and what follows has yet to run. */
  readonly #sequels: { readonly label: string; readonly stage: Stage; readonly sequel: Script }[] = [];
  #lastToken = 0;
  #lastWalk = 0;

  constructor(private readonly program: Program) {}

  // To be compared

  get size(): number {
    return this.#peers.length;
  }
  get total(): number {
    return this.#registered.length;
  }
  get isDoing(): boolean {
    return this.#walks.length > 0;
  }
  linesOf(who: number): readonly string[] {
    return this.#peer(who).lines;
  }
  isCut(who: number): boolean {
    return this.#peer(who).isCut;
  }
  /** What of the ends of connections was not told. */
  get untold(): readonly string[] {
    const foretold = this.#peers.filter(({ hadPlans }) => !hadPlans);
    return foretold.flatMap(({ index, obituary }) => obituary.map((line) => `${index} ${line}`));
  }
  get unfinished(): readonly string[] {
    return [
      ...this.#sequels.map(({ label }) => `answered, and not gone on: ${label}`),
      ...this.#walks.map(({ id }) => `do ${id} has not ended`),
      ...this.#arriving.map(({ index }) => `${index} was not let in`),
    ];
  }
  membersOf(namespace: string, room: string): number[] {
    return this.#audience(namespace, room, undefined).map(({ index }) => index);
  }
  stateOf(who: number): Peer['state'] {
    return this.#peer(who).state;
  }
  isIn(who: number, namespace: string, room = ''): boolean {
    return isMember(this.#peer(who), namespace, room);
  }
  isAsleep(who: number): boolean {
    return this.#peer(who).sleeper !== undefined;
  }
  earlyOf(who: number): number {
    return this.#peer(who).early.length;
  }
  /** May the server begin something with this namespace or room now, without waiting for anything? */
  mayBegin(who: number, namespace: string, room: string): boolean {
    const { state, sleeper, procedures } = this.#peer(who);
    if (state !== 'open' || sleeper || procedures.has(keyOf(namespace, ''))) return false;
    return room === ''
      ? ![...procedures.keys()].some((key) => isWithin(key, namespace))
      : !procedures.has(keyOf(namespace, room));
  }
  roomsOf(who: number): number {
    const { places, procedures } = this.#peer(who);
    const underway = [...procedures.values()].filter(({ kind }) => kind === 'join').length;
    return [...places.values()].reduce((sum, rooms) => sum + rooms.size, underway);
  }

  // What the world does

  connect(id: string, greeting: Greeting): void {
    const peer: Peer = {
      index: this.#peers.length,
      id,
      greeting,
      state: this.isDoing ? 'held' : 'knocking',
      places: new Map(),
      early: [],
      lines: [],
      isCut: false,
      isBusy: false,
      sleeper: undefined,
      jobs: [],
      frames: [],
      procedures: new Map(),
      obituary: [],
      hadPlans: false,
    };
    this.#peers.push(peer);
    if (this.isDoing) this.#held.push(peer);
    else this.#register(peer);
  }

  acknowledge(who: number): void {
    const peer = this.#peer(who);
    if (peer.state !== 'knocking') return;
    peer.state = 'open';
    peer.lines.push(`t A${peer.id}`);
    if (peer.greeting === 'invite') this.begin(who, 'connect', 'chat', '');
    for (const wire of peer.early.splice(0)) this.say(who, wire);
  }

  say(who: number, wire: Wire): void {
    const peer = this.#peer(who);
    if (peer.state === 'knocking') {
      peer.early.push(wire);
    } else if (peer.state === 'open') {
      if (wire.wait === '' || wire.wait.startsWith('$')) {
        peer.frames.push(wire);
        this.#go(peer);
      } else {
        this.#answer(peer, wire);
      }
    }
  }

  hangUp(who: number): void {
    const peer = this.#peer(who);
    if (peer.state === 'closed') return;
    peer.isCut = true;
    if (peer.state === 'held') {
      peer.state = 'closed';
      this.#held.splice(this.#held.indexOf(peer), 1);
    } else {
      this.#end(peer);
    }
  }

  /** Its socket takes nothing now: if it is closed before that changes, what waits is lost. */
  closesCut(who: number): void {
    this.#peer(who).isCut = true;
  }

  begin(who: number, kind: Procedure['kind'], namespace: string, room: string): void {
    const peer = this.#peer(who);
    const key = keyOf(namespace, room);
    if (kind === 'connect') {
      if (isMember(peer, namespace, '') || peer.procedures.has(key)) return;
      this.#hook('_OnNamespaceConnect', peer, namespace);
      if (namespace === closedNamespace) return;
    }
    const procedure: Procedure = { kind };
    const event = {
      connect: '_OnNamespaceConnect',
      disconnect: '_OnNamespaceDisconnect',
      join: '_OnRoomJoin',
      leave: '_OnRoomLeave',
    }[kind];
    peer.procedures.set(key, procedure);
    this.#askPeer(peer, { namespace, room, event, body: '' }, (isAgreed) => {
      peer.jobs.push(() => {
        if (peer.procedures.get(key) !== procedure) return;
        if (isAgreed) this.#agreed(kind, peer, namespace, room);
        peer.procedures.delete(key);
      });
      this.#go(peer);
    });
  }

  /** User code outside of every connection. */
  play(script: Script): void {
    this.#perform(script, { self: undefined, namespace: '', isHook: false });
  }

  // What the run tells

  /** `onConnect` is called for this one. */
  admitted(who: number): void {
    const peer = this.#peer(who);
    if (peer.state === 'held') this.#endWalk();
    const [next] = this.#arriving;
    if (next !== peer) throw new Error(`${who} was let in before ${next?.index ?? 'it may'}`);
    this.#arriving.shift();
    if (peer.greeting === 'refuse') {
      peer.lines.push(`t H${refusal}`);
      this.#close(peer, 1008, refusal);
    }
  }

  visited(walkId: number, who: number): void {
    const walk = this.#walks[0]?.id === walkId ? this.#walks[0] : this.#endWalk();
    if (walk?.id !== walkId) throw new Error(`do ${walkId} visits before its turn`);
    if (walk.visiting) throw new Error(`do ${walkId} visits ${who} before the last visit is over`);
    const expected = walk.rest?.find(({ state }) => state !== 'closed');
    if (expected?.index !== who) throw new Error(`do ${walkId} visits ${who} instead of ${expected?.index}`);
    walk.rest = walk.rest?.slice(walk.rest.indexOf(expected) + 1);
    const stage: Stage = {
      self: expected,
      namespace: 'chat',
      isHook: false,
      hasHandle: isMember(expected, 'chat', ''),
    };
    const { visit, later } = walk.visitor;
    if (later) walk.visiting = stage;
    this.#perform(visit, stage);
  }

  /** The gate of a visitor has opened. */
  visitGoesOn(walkId: number): void {
    const [walk] = this.#walks;
    const stage = walk?.visiting;
    if (walk?.id !== walkId || !stage) throw new Error(`a visit of do ${walkId} goes on that has not begun`);
    walk.visiting = undefined;
    this.#perform(walk.visitor.later ?? [], stage);
  }

  walked(walkId: number): void {
    if (this.#walks[0]?.id === walkId) this.#endWalk();
    else if (this.#walks.some(({ id }) => id === walkId)) throw new Error(`do ${walkId} ended before its turn`);
  }

  /** What follows an answer begins to run. */
  goesOn(label: string): void {
    const at = this.#sequels.findIndex((sequel) => sequel.label === label);
    const [sequel] = at === -1 ? [] : this.#sequels.splice(at, 1);
    if (!sequel) throw new Error(`nothing was answered, and yet it goes on: ${label}`);
    this.#perform(sequel.sequel, sequel.stage);
  }

  /** The gate of a sleeping handler has opened. */
  wakes(who: number): void {
    const peer = this.#peer(who);
    const { sleeper } = peer;
    if (!sleeper) throw new Error(`${who} wakes and did not sleep`);
    const { wire, instructions } = sleeper;
    this.#perform(instructions.later, { self: peer, namespace: wire.namespace, isHook: false, hasHandle: true });
    this.#finish(peer, wire, instructions.finale);
    peer.sleeper = undefined;
    peer.isBusy = false;
    this.#go(peer);
  }

  /** An event, or the last goodbye, of a connection that has ended. */
  told(who: number, line: string): void {
    const peer = this.#peer(who);
    if (peer.isBusy) throw new Error(`${who} is told ${line} while a turn is under way`);
    const expected = peer.obituary.shift();
    if (expected !== line && !peer.hadPlans) throw new Error(`${who} is told ${line} instead of ${expected}`);
    const [event = '', namespace = ''] = JSON.parse(line);
    const script = this.#scriptOf(event);
    this.#perform(script, { self: peer, namespace, isHook: true });
  }

  // Arrivals

  #register(peer: Peer): void {
    peer.state = 'knocking';
    this.#registered.push(peer);
    this.#arriving.push(peer);
  }

  /** The present walk must be over: those who wait are let in, and then the next one begins. */
  #endWalk(): Walk | undefined {
    const walk = this.#walks.shift();
    if (walk?.visiting) throw new Error(`do ${walk.id} ends before a visit is over`);
    const left = walk?.rest?.filter(({ state }) => state !== 'closed') ?? [];
    if (left.length > 0) throw new Error(`do ${walk?.id} ends without ${left.map(({ index }) => index)}`);
    for (const peer of this.#held.splice(0)) this.#register(peer);
    const next = this.#walks[0];
    if (next) next.rest = [...this.#registered];
    return next;
  }

  // Turns

  #go(peer: Peer): void {
    while (!peer.isBusy) {
      const job = peer.jobs.shift();
      const [wire] = peer.frames;
      if (!job && (!wire || isHeld(peer, wire))) return;
      peer.isBusy = true;
      if (job) job();
      else if (wire) this.#work(peer, peer.frames.shift() ?? wire);
      peer.isBusy = peer.sleeper !== undefined;
    }
  }

  #work(peer: Peer, wire: Wire): void {
    if (peer.state !== 'open') return;
    if (systemEvents.has(wire.event)) {
      if (isAsk(wire)) this.#step(peer, wire);
    } else if (!isMember(peer, wire.namespace, '')) {
      if (isAsk(wire)) this.#refuse(peer, wire, 'bad namespace');
    } else if (!isMember(peer, wire.namespace, wire.room)) {
      if (isAsk(wire)) this.#refuse(peer, wire, 'bad room');
    } else if (wire.event === 'run' || wire.event === 'sleep') {
      const instructions: Instructions = JSON.parse(wire.body);
      this.#perform(instructions.now, { self: peer, namespace: wire.namespace, isHook: false, hasHandle: true });
      if (wire.event === 'run') this.#finish(peer, wire, instructions.finale);
      else peer.sleeper = { wire, instructions };
    }
  }

  #finish(peer: Peer, wire: Wire, finale: Finale): void {
    if (finale.end === 'silent') return;
    const mayAnswer = isAsk(wire) || isMember(peer, wire.namespace, wire.room);
    if (mayAnswer && peer.state === 'open') {
      if (finale.end === 'reply') peer.lines.push(lineOf({ ...wire, isError: false, body: spelledOut(finale.body) }));
      else this.#refuse(peer, wire, finale.text);
    }
    if (finale.end === 'closeError') this.#close(peer, finale.code, finale.text);
  }

  /** The client asks for a step of a namespace or room. */
  #step(peer: Peer, wire: Wire): void {
    const { namespace, room, event } = wire;
    const rooms = peer.places.get(namespace);
    switch (event) {
      case '_OnNamespaceConnect':
        if (!declared.some((name) => name === namespace)) return this.#refuse(peer, wire, 'bad namespace');
        if (rooms) return this.#agree(peer, wire);
        this.#hook(event, peer, namespace);
        if (namespace === closedNamespace) return this.#refuse(peer, wire, refusal);
        peer.places.set(namespace, new Set());
        this.#agree(peer, wire);
        return this.#hook('_OnNamespaceConnected', peer, namespace);
      case '_OnNamespaceDisconnect':
        if (!rooms) return this.#agree(peer, wire);
        this.#hook(event, peer, namespace);
        this.#leaveNamespace(peer, namespace);
        return this.#agree(peer, wire);
      case '_OnRoomJoin':
        if (!rooms) return this.#refuse(peer, wire, 'bad namespace');
        if (room === '') return this.#refuse(peer, wire, 'bad room');
        if (rooms.has(room)) return this.#agree(peer, wire);
        if (this.roomsOf(peer.index) >= roomCap) return this.#refuse(peer, wire, 'too many rooms');
        this.#hook(event, peer, namespace);
        if (isForbidden(room)) return this.#refuse(peer, wire, refusal);
        rooms.add(room);
        this.#hook('_OnRoomJoined', peer, namespace);
        return this.#agree(peer, wire);
      case '_OnRoomLeave':
      case '_OnRoomLeft':
        if (!rooms) return this.#refuse(peer, wire, 'bad namespace');
        if (room === '') return this.#refuse(peer, wire, 'bad room');
        if (!rooms.has(room)) return this.#agree(peer, wire);
        this.#hook('_OnRoomLeave', peer, namespace);
        if (isSticky(room)) return this.#refuse(peer, wire, refusal);
        rooms.delete(room);
        this.#hook('_OnRoomLeft', peer, namespace);
        return this.#agree(peer, wire);
      default:
        return undefined;
    }
  }

  /** The client has agreed to a step that the server began. */
  #agreed(kind: Procedure['kind'], peer: Peer, namespace: string, room: string): void {
    const rooms = peer.places.get(namespace);
    if (kind === 'connect') {
      peer.places.set(namespace, new Set());
      this.#hook('_OnNamespaceConnected', peer, namespace);
    } else if (kind === 'disconnect') {
      this.#leaveNamespace(peer, namespace);
      this.#hook('_OnNamespaceDisconnect', peer, namespace);
    } else if (kind === 'join') {
      this.#hook('_OnRoomJoin', peer, namespace);
      if (isForbidden(room)) {
        this.#askPeer(peer, { namespace, room, event: '_OnRoomLeave', body: '' }, () => {});
        return;
      }
      rooms?.add(room);
      this.#hook('_OnRoomJoined', peer, namespace);
    } else {
      this.#hook('_OnRoomLeave', peer, namespace);
      if (isSticky(room)) return;
      rooms?.delete(room);
      this.#hook('_OnRoomLeft', peer, namespace);
    }
  }

  #leaveNamespace(peer: Peer, namespace: string): void {
    const rooms = peer.places.get(namespace) ?? new Set();
    for (const room of [...rooms]) {
      this.#hook('_OnRoomLeave', peer, namespace);
      rooms.delete(room);
      this.#hook('_OnRoomLeft', peer, namespace);
    }
    peer.places.delete(namespace);
    for (const key of [...peer.procedures.keys()]) if (isWithin(key, namespace)) peer.procedures.delete(key);
  }

  #agree(peer: Peer, { wait }: Wire): void {
    if (peer.state === 'open') peer.lines.push(`t ${wait};;;;;;`);
  }

  #refuse(peer: Peer, wire: Wire, text: string): void {
    if (peer.state === 'open') peer.lines.push(lineOf({ ...wire, isError: true, isBinary: false, body: text }));
  }

  #hook(event: Hook, self: Peer, namespace: string): void {
    this.#perform(this.#scriptOf(event), { self, namespace, isHook: true, hasHandle: true });
  }

  #scriptOf(event: string): Script {
    if (!this.areHooksOn) return [];
    const hook = hooks.find((name) => name === event);
    return hook ? this.program.hooks[hook] : this.program.farewell;
  }

  // User code

  #perform(script: Script, stage: Stage): void {
    for (const step of script) this.#call(step, stage);
  }

  #call(step: Step, stage: Stage): void {
    const { self, namespace } = stage;
    const own = stage.hasHandle ? self : undefined;
    switch (step.call) {
      case 'emit':
        return this.#emit(stage, own, '', step.body, step.isBinary);
      case 'emitTo':
        return this.#emit(stage, this.#whoever(step.who, self), '', step.body, false);
      case 'emitRoom':
        return this.#emit(stage, own, step.room, step.body, false);
      case 'broadcast':
        for (const note of step.notes) this.#broadcast(note, step.except, stage);
        return undefined;
      case 'close': {
        const whom = this.#whoever(step.who, self);
        if (whom && !(stage.isHook && whom === self)) this.#close(whom, step.code, 'bye');
        return undefined;
      }
      case 'ask':
        if (self?.state !== 'open' || !isMember(self, namespace, '')) return undefined;
        return this.#askPeer(
          self,
          { namespace, room: '', event: 'question', body: spelledOut(step.body) },
          (isAgreed) => {
            if (isAgreed) this.#sequels.push({ label: JSON.stringify(step), stage, sequel: step.sequel });
          },
        );
      case 'askAll': {
        const audience = this.#audience(step.note.namespace, step.note.room, step.note.to);
        if (audience.length === 0) return undefined;
        const token = this.#openAsk(audience, (isAgreed) => {
          if (isAgreed) this.#sequels.push({ label: JSON.stringify(step), stage, sequel: step.sequel });
        });
        for (const { lines } of audience) lines.push(lineOf(wireOf(step.note, token)));
        return undefined;
      }
      case 'do': {
        const walk: Walk = { id: ++this.#lastWalk, visitor: step, visiting: undefined, rest: undefined };
        this.#walks.push(walk);
        if (this.#walks.length === 1) walk.rest = [...this.#registered];
        return undefined;
      }
    }
  }

  #emit(stage: Stage, peer: Peer | undefined, room: string, body: string, isBinary: boolean): void {
    const { namespace } = stage;
    if (peer?.state !== 'open' || !isMember(peer, namespace, room)) return;
    peer.lines.push(lineOf(wireOf({ namespace, room, body, isBinary, to: undefined }, '')));
  }

  #broadcast(note: Note, except: Skip, stage: Stage): void {
    for (const peer of this.#audience(note.namespace, note.room, note.to)) {
      if (!this.#isSkipped(peer, except, stage)) peer.lines.push(lineOf(wireOf(note, '')));
    }
  }

  #isSkipped(peer: Peer, except: Skip, { self, namespace, hasHandle }: Stage): boolean {
    if (except.skip === 'nobody') return false;
    if (except.skip === 'id') return peer.id === except.id;
    if (peer !== this.#whoever(except.who, self)) return false;
    if (except.skip === 'conn') return true;
    // A handle that cannot be had leaves nobody out.
    if (peer === self && !hasHandle) return false;
    return except.skip === 'nsConn'
      ? peer === self || isMember(peer, namespace, '')
      : isMember(peer, namespace, except.room);
  }

  #audience(namespace: string, room: string, to: string | undefined): Peer[] {
    const open = this.#registered.filter((peer) => peer.state === 'open' && isMember(peer, namespace, room));
    return open.filter(({ id }) => to === undefined || id === to);
  }

  // Asks

  #askPeer(peer: Peer, note: Pick<Wire, 'namespace' | 'room' | 'event' | 'body'>, answered: Ask['answered']): void {
    if (peer.state !== 'open') return;
    const wait = this.#openAsk([peer], answered);
    peer.lines.push(lineOf({ ...note, wait, isError: false, isBinary: false }));
  }

  #openAsk(audience: readonly Peer[], answered: Ask['answered']): string {
    const token = `token-${++this.#lastToken}`;
    this.#asks.set(token, { who: new Set(audience.map(({ index }) => index)), answered });
    return token;
  }

  #answer(peer: Peer, { wait, isError, body }: Wire): void {
    const ask = this.#asks.get(wait);
    if (!ask?.who.has(peer.index)) return;
    this.#asks.delete(wait);
    ask.answered(!isError || body === '');
  }

  // Ends

  #close(peer: Peer, code: number, text: string): void {
    if (peer.state !== 'open' && peer.state !== 'knocking') return;
    peer.lines.push(`close ${code} ${text}`);
    this.#end(peer);
  }

  #end(peer: Peer): void {
    const wasGreeted = peer.state === 'open' || !this.#arriving.includes(peer);
    const wasAccepted = wasGreeted && peer.greeting !== 'refuse';
    peer.state = 'closed';
    this.#registered = this.#registered.filter((other) => other !== peer);
    const arriving = this.#arriving.indexOf(peer);
    if (arriving !== -1) this.#arriving.splice(arriving, 1);
    const rooms: string[] = [];
    for (const [namespace, names] of peer.places) {
      for (const room of names) {
        rooms.push(`${namespace}/${room}`);
        peer.obituary.push(obituaryOf('_OnRoomLeave', namespace, room), obituaryOf('_OnRoomLeft', namespace, room));
      }
      peer.obituary.push(obituaryOf('_OnNamespaceDisconnect', namespace, ''));
    }
    if (wasAccepted) peer.obituary.push(obituaryOf('onDisconnect', '', rooms.join(' ')));
    peer.places.clear();
    peer.early.length = 0;
    peer.frames.length = 0;
    peer.hadPlans = peer.jobs.length > 0;
    peer.jobs.length = 0;
    peer.procedures.clear();
    for (const [token, { who }] of this.#asks) {
      who.delete(peer.index);
      if (who.size === 0) this.#asks.delete(token);
    }
  }

  #peer(who: number): Peer {
    const peer = this.#peers[who];
    if (!peer) throw new Error(`nobody has arrived as ${who}`);
    return peer;
  }

  #whoever(who: Who, self: Peer | undefined): Peer | undefined {
    return who === 'self' ? self : this.#peers[who % this.#peers.length];
  }
}

const isMember = ({ places }: Peer, namespace: string, room: string): boolean => {
  const rooms = places.get(namespace);
  return rooms !== undefined && (room === '' || rooms.has(room));
};

const isWithin = (key: string, namespace: string): boolean => {
  const [of] = JSON.parse(key);
  return of === namespace;
};

/** While the server asks the client into a namespace or room, or out of it, the client's own wishes about it wait. */
const isHeld = ({ procedures }: Peer, { namespace, room, event }: Wire): boolean => {
  const ofNamespace = procedures.get(keyOf(namespace, ''));
  if (ofNamespace?.kind === 'connect') return true;
  return systemEvents.has(event) && (ofNamespace !== undefined || procedures.has(keyOf(namespace, room)));
};

const wireOf = ({ namespace, room, body, isBinary }: Note, wait: string): Wire => ({
  wait,
  namespace,
  room,
  event: 'note',
  isError: false,
  body: spelledOut(body),
  isBinary,
});
