import { pending, settle } from './modelOutcome.js';
import { type Outgoing, outboxBounds, pingInterval, type ScriptedLine, type ScriptedServer } from './scriptedServer.js';
import { VirtualClock } from './virtualClock.js';

const deadlines = ['not acknowledged in time', 'not accepted in time', 'message not completed in time'];
const isFinal = (code: number, text: string): boolean =>
  code === 1000 || (code === 1008 && !deadlines.includes(text)) || (code >= 4000 && code <= 4099);

/** What a client does about its line: when it dials, greets, waits, pings and ends. Written from the rules, step by step. */
export abstract class ModelLine {
  readonly clock = new VirtualClock();
  state = 'idle';
  readonly states: string[] = [];
  reason: { readonly code: number; readonly text: string } | undefined;
  readonly ready = pending();
  /** The calls of `close`. */
  readonly closings: ReturnType<typeof pending>[] = [];
  readonly counters = { lines: 0, received: 0, invalid: 0, silences: 0 };
  protected wasOnline = false;
  protected bounds = { frames: 256, bytes: 262_144 };
  /** The present line. */
  protected line: ScriptedLine | undefined;
  /** The line before it, while it is being lost. */
  protected lostLine: ScriptedLine | undefined;
  /** The line that the client has ended itself, until the server has answered. */
  #closing: ScriptedLine | undefined;
  #receivedHere = 0;
  #isFirstFrame = true;
  #isAware = false;
  #timers: unknown[] = [];
  #pingTimer: unknown;
  #answerTimer: unknown;
  #tries = 0;
  #slot = -1;
  #storm = 0;
  #isOffline = false;
  #mayWake = true;

  constructor(
    readonly server: ScriptedServer,
    private readonly random: number,
  ) {}

  protected abstract onGreeted(): void;
  protected abstract onOnline(): void;
  protected abstract onFrame(message: string): void;
  protected abstract onLost(): void;
  protected abstract onClosing(): void;
  protected abstract onPing(): void;
  protected abstract onPong(): void;

  dial(): void {
    this.#tries++;
    this.#go('dialing');
    this.line = this.server.newLine();
    this.#isFirstFrame = true;
    this.#isAware = false;
    this.#receivedHere = 0;
    this.#after(20_000, () => this.#giveUp());
  }

  /** The line is open. */
  open(line: ScriptedLine): void {
    line.isOpen = true;
    this.counters.lines++;
    this.server.receive(line, '$#m;;;hello;0;0;{"v":1,"caps":[]}');
    this.server.receive(line, 'M');
    this.#go('greeting');
    this.#after(5_000, () => this.#giveUp());
  }

  /** Something arrives on a line. */
  receive(line: ScriptedLine, item: Outgoing): void {
    if (line === this.#closing && typeof item === 'object') {
      this.#closing = undefined;
      if (this.state === 'closing') this.#close();
    }
    if (line !== this.line) return;
    if (typeof item === 'object') return this.#ended(item.code, item.text);
    if (this.state === 'greeting') return this.#greet(item);
    if (this.state === 'refused') return;
    if (this.#isFirstFrame) this.#isAware = item.startsWith('#m;');
    this.#isFirstFrame = false;
    this.clock.clearTimeout(this.#answerTimer);
    if (this.#isAware && item.startsWith('#m;')) return this.#takeVerb(item);
    this.#receivedHere++;
    this.counters.received++;
    this.onFrame(item);
  }

  /** The program closes the client. */
  close(): void {
    const outcome = pending();
    this.closings.push(outcome);
    if (this.state === 'closed') return settle(outcome, 'resolved');
    if (this.state === 'closing') return;
    const hasLine = ['greeting', 'entering', 'online'].includes(this.state);
    this.reason = { code: 1000, text: '' };
    // What has come already still has its turns, so the client is closing before it lets the line go.
    this.#go(hasLine ? 'closing' : 'closed');
    const line = this.#detach();
    if (line) this.endLine(line, 1000);
    this.#stopAll();
    if (!hasLine) return this.#settleClosings();
    this.#closing = line;
    this.#after(2_000, () => this.#close());
  }

  /** The page or the machine tells something. */
  hint(type: 'VISIBLE' | 'ONLINE' | 'OFFLINE'): void {
    if (this.state === 'closed') return;
    if (type !== 'OFFLINE' && this.#pingTimer !== undefined) this.#ping(3_000);
    const { state } = this;
    if (type === 'OFFLINE') {
      this.#isOffline = true;
      if (state === 'waiting') this.#rest('offline');
      return;
    }
    if (type === 'ONLINE') this.#isOffline = false;
    if (state === 'offline' && type === 'ONLINE') return this.dial();
    if ((state !== 'waiting' && state !== 'offline') || !this.#mayWake) return;
    this.#mayWake = false;
    this.dial();
  }

  /** The program wants to dial at once. */
  retry(): void {
    if (this.state === 'waiting' || this.state === 'offline') this.dial();
  }

  /** Everything is entered. */
  protected entered(): void {
    if (this.state !== 'entering') return;
    this.#mayWake = true;
    this.#go('online');
    this.#after(5_000, () => {
      this.#tries = 0;
    });
    this.onOnline();
    this.wasOnline = true;
    settle(this.ready, 'resolved');
  }

  /** Ends a line from this side: a silent server never answers. */
  protected endLine(line: ScriptedLine, code: number): void {
    if (line.isOver) return;
    line.isOver = true;
    line.received.push(`close ${code}`);
    if (line.isOpen && !this.server.isStalled) line.outgoing.push({ code, text: '' });
  }

  #greet(item: string): void {
    if (item.startsWith('A')) {
      this.#go('entering');
      this.onGreeted();
    } else if (item.startsWith('H')) {
      this.reason = { code: 1008, text: item.slice(1) };
      this.#slot = -1;
      this.#go('refused');
      this.#after(1_000, () => {
        const line = this.#detach();
        if (line) this.endLine(line, 1000);
        this.#close();
      });
    } else {
      this.counters.invalid++;
    }
  }

  #ended(code: number, text: string): void {
    const { state } = this;
    this.#detach();
    const [, ms] = [1001, 1012, 1013].includes(code) ? (/retry=(\d+)/.exec(text) ?? []) : [];
    this.#slot = ms === undefined ? -1 : Number(ms);
    if (state === 'refused') {
      if (isFinal(code, text) || code === 1005 || code === 1006) return this.#close();
      this.reason = { code, text: this.reason?.text ?? '' };
      return this.#rest('waiting');
    }
    this.reason = { code, text };
    if (isFinal(code, text)) this.#close();
    else this.#rest(this.#isOffline ? 'offline' : 'waiting');
  }

  #giveUp(): void {
    this.reason = { code: 4002, text: 'no answer in time' };
    this.#slot = -1;
    const line = this.#detach();
    if (line) this.endLine(line, 4002);
    this.#rest(this.#isOffline ? 'offline' : 'waiting');
  }

  #rest(state: 'waiting' | 'offline'): void {
    this.#go(state);
    if (state === 'offline') return this.#after(30_000, () => this.dial());
    const isFirst = this.#tries === 0 && this.#storm > 0;
    const width = isFirst ? this.#storm : Math.min(20_000, 500 * 2 ** this.#tries);
    this.#after(this.#slot >= 0 ? this.#slot : this.random * width, () => this.dial());
  }

  #close(): void {
    this.#go('closed');
    this.#stopAll();
    this.#settleClosings();
  }
  #settleClosings(): void {
    for (const outcome of this.closings) settle(outcome, 'resolved');
  }
  #stopAll(): void {
    const { code, text } = this.reason ?? { code: 1000, text: '' };
    this.onClosing();
    settle(this.ready, 'rejected', text || `closed with ${code}`);
  }

  #detach(): ScriptedLine | undefined {
    const { line } = this;
    this.line = undefined;
    this.clock.clearTimeout(this.#pingTimer);
    this.clock.clearTimeout(this.#answerTimer);
    this.#pingTimer = undefined;
    this.lostLine = line;
    if (line) this.onLost();
    return line;
  }

  #takeVerb(item: string): void {
    const [, , , verb = '', , , ...rest] = item.split(';');
    if (verb === 'welcome') {
      this.bounds = { ...outboxBounds };
      // What the scripted server sends.
      this.#storm = (JSON.parse(rest.join(';')) as { readonly storm: number }).storm;
      this.#schedulePing();
    } else if (verb === 'pong') {
      this.onPong();
      this.#storm = Number(rest[0]?.split(' ')[1]);
    }
  }

  #schedulePing(): void {
    this.clock.clearTimeout(this.#pingTimer);
    this.#pingTimer = this.clock.setTimeout(() => this.#ping(10_000), pingInterval);
  }

  #ping(timeout: number): void {
    this.#schedulePing();
    this.clock.clearTimeout(this.#answerTimer);
    if (this.line) this.server.receive(this.line, `$#m;;;ping;0;0;${this.#receivedHere}`);
    this.onPing();
    this.#answerTimer = this.clock.setTimeout(() => {
      this.counters.silences++;
      this.#giveUp();
    }, timeout);
  }

  #go(state: string): void {
    for (const timer of this.#timers.splice(0)) this.clock.clearTimeout(timer);
    this.state = state;
    this.states.push(state);
  }

  #after(ms: number, run: () => void): void {
    this.#timers.push(this.clock.setTimeout(run, ms));
  }
}
