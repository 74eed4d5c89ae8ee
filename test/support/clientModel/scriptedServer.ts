/** What a server sends: a message, or the end of the line. */
export type Outgoing = string | { readonly code: number; readonly text: string };

/** How a server greets: with the session layer, without it, not at all, or by `H` and a close frame. */
export type Greeting = 'aware' | 'plain' | 'silent' | { readonly refusal: string; readonly code: number };

/** What a server keeps of one line. */
export class ScriptedLine {
  /** Every message of the client, in order. */
  readonly received: string[] = [];
  /** What is on its way to the client, in order. */
  readonly outgoing: Outgoing[] = [];
  /** Messages that a stalled server has not read. */
  readonly unread: string[] = [];
  /** Whether the line was opened. */
  isOpen = false;
  /** Whether either side has ended it. */
  isOver = false;
}

/** The bounds of the outbox that the server sets. */
export const outboxBounds = { frames: 5, bytes: 300 } as const;
/** How often the client pings, in ms. */
export const pingInterval = 25_000;

const steps = {
  connect: '_OnNamespaceConnect',
  disconnect: '_OnNamespaceDisconnect',
  join: '_OnRoomJoin',
  leave: '_OnRoomLeave',
} as const;
/** A step that either side can begin. */
export type Step = keyof typeof steps;

/** A server that does what a script says, and answers as the protocol says. It knows nothing of time or sockets. */
export class ScriptedServer {
  readonly lines: ScriptedLine[] = [];
  greeting: Greeting = 'aware';
  isStalled = false;
  /** Width of a storm that it names, in ms. */
  storm = 0;
  /** Names of namespaces and rooms that it refuses to let in, and of those that it does not let go. */
  readonly refused = new Set<string>();
  readonly kept = new Set<string>();
  #asked = 0;

  /** The newest line. */
  get line(): ScriptedLine | undefined {
    return this.lines.at(-1);
  }

  /** A client dials. */
  newLine(): ScriptedLine {
    const line = new ScriptedLine();
    this.lines.push(line);
    return line;
  }

  /** A message of the client arrives. */
  receive(line: ScriptedLine, message: string): void {
    line.received.push(message);
    if (this.isStalled) line.unread.push(message);
    else this.#take(line, message);
  }

  /** Stalls, or goes on with what it has not read. */
  toggleStall(): void {
    this.isStalled = !this.isStalled;
    if (this.isStalled) return;
    for (const line of this.lines) for (const message of line.unread.splice(0)) this.#take(line, message);
  }

  /** Sends a message to the client, if the line is open. */
  send(item: Outgoing, line = this.line): void {
    if (line?.isOpen && !line.isOver) line.outgoing.push(item);
  }

  /** Begins a step. */
  begin(step: Step, namespace: string, room: string): void {
    this.send(`s${this.#asked++};${namespace};${room};${steps[step]};0;0;`);
  }

  /** Asks the client. */
  ask(namespace: string, room: string, event: string): void {
    this.send(`s${this.#asked++};${namespace};${room};${event};0;0;question`);
  }

  #take(line: ScriptedLine, message: string): void {
    if (line.isOver) return;
    if (message === 'M') return this.#greet(line);
    const [wait = '', namespace = '', room = '', event = '', , , ...rest] = message.split(';');
    const answer = (isError: 0 | 1, body: string): void =>
      this.send(`${wait};${namespace};${room};${event};${isError};0;${body}`, line);
    if (wait === '$#m') {
      // A verb stands where the event of a frame does, one field earlier.
      if (message.startsWith('$#m;;;ping;')) this.send(`#m;;;pong;0;0;0 ${this.storm}`, line);
      return;
    }
    if (!wait.startsWith('$')) return;
    const isStep = Object.values<string>(steps).includes(event);
    if (!isStep) {
      if (event === 'echo') answer(0, rest.join(';'));
      else if (event === 'boom') answer(1, 'boom');
      return;
    }
    const name = room || namespace;
    const isEntry = event === steps.connect || event === steps.join;
    if ((isEntry ? this.refused : this.kept).has(name)) return answer(1, `no ${name}`);
    this.send(`${wait};;;;;;`, line);
  }

  #greet(line: ScriptedLine): void {
    const { greeting } = this;
    if (greeting === 'silent') return;
    if (typeof greeting === 'object') {
      this.send(`H${greeting.refusal}`, line);
      this.send({ code: greeting.code, text: greeting.refusal }, line);
      return;
    }
    this.send('Aid', line);
    if (greeting === 'plain') return;
    const welcome = { v: 1, window: 0, outbox: outboxBounds, ping: pingInterval, storm: this.storm };
    this.send(`#m;;;welcome;0;0;${JSON.stringify(welcome)}`, line);
  }
}
