import { fresh, pong, welcome } from './hinted.js';

/** What a client sends. */
export type LineFrame =
  | { readonly kind: 'hello' | 'resume' | 'badHello' | 'M' | 'ping' | 'ack' | 'auth' | 'later' }
  /** An ask that is answered with `bad namespace` at once. */
  | { readonly kind: 'data'; readonly nth: number };

/** What happens to a line. The program's hooks settle when a test says so. */
export type LineStep =
  | { readonly does: 'send'; readonly frames: readonly LineFrame[] }
  | { readonly does: 'authenticate' | 'connect'; readonly isRefusal: boolean }
  | { readonly does: 'leave' };

/** Maximum number of early frames. */
export const maxEarly = 3;

/** A hinted line, as naively as it can be told: one client, no sockets, no time. */
export class NaiveLine {
  readonly lines: string[] = [];
  ignored = 0;
  hooks = { authenticate: 0, onConnect: 0 };
  phase: 'waiting' | 'authenticating' | 'connecting' | 'open' | 'closed' = 'waiting';
  #kind: 'hello' | 'resume' | 'plain' = 'plain';
  #isAcknowledged = false;
  #isAccepted = false;
  #isRenewing = false;
  #early: LineFrame[] = [];
  #earlyCount = 0;

  take(step: LineStep): void {
    if (step.does === 'send') for (const frame of step.frames) this.#receive(frame);
    else if (step.does === 'leave') this.phase = 'closed';
    else if (step.does === 'connect') this.#settleConnect(step.isRefusal);
    else this.#settleAuthenticate(step.isRefusal);
  }

  #receive(frame: LineFrame): void {
    if (this.phase === 'closed') return;
    switch (frame.kind) {
      case 'hello':
      case 'resume':
        if (this.phase !== 'waiting') return this.#close(1008, 'bad hello');
        return this.#begin(frame.kind);
      case 'badHello':
        return this.#close(1008, 'bad hello');
      case 'M':
      case 'data':
        return this.#receiveData(frame);
      default:
        return this.#receiveSession(frame);
    }
  }

  #receiveSession({ kind }: LineFrame): void {
    if (this.phase !== 'open' || this.#kind === 'plain' || kind === 'later') this.ignored++;
    else if (kind === 'ping') this.lines.push(`t ${pong}`);
    else if (kind === 'auth' && this.#isRenewing) this.ignored++;
    else if (kind === 'auth') {
      this.#isRenewing = true;
      this.hooks.authenticate++;
    }
  }

  #receiveData(frame: LineFrame): void {
    if (this.phase === 'open') return this.#answer(frame);
    if (frame.kind === 'M' && !this.#isAcknowledged) {
      this.#isAcknowledged = true;
    } else {
      this.#earlyCount++;
      if (this.#earlyCount > maxEarly) return this.#close(1008, 'too many frames before the acknowledgement');
      this.#early.push(frame);
    }
    if (this.phase === 'waiting') this.#begin('plain');
    return this.#openIfReady();
  }

  #begin(kind: 'hello' | 'resume' | 'plain'): void {
    this.#kind = kind;
    this.phase = 'authenticating';
    this.hooks.authenticate++;
  }

  #settleAuthenticate(isRefusal: boolean): void {
    if (this.phase === 'authenticating' && isRefusal) {
      this.lines.push('t Hno');
      this.#close(1008, 'no');
    } else if (this.phase === 'authenticating') {
      this.phase = 'connecting';
      this.hooks.onConnect++;
    } else if (this.phase === 'open' && this.#isRenewing) {
      this.#isRenewing = false;
      this.lines.push(`t #m;;;authed;0;0;${isRefusal ? '{"error":"no","final":true}' : '{}'}`);
    }
  }

  #settleConnect(isRefusal: boolean): void {
    if (this.phase !== 'connecting' || this.#isAccepted) return;
    this.#isAccepted = !isRefusal;
    if (!isRefusal) return this.#openIfReady();
    this.lines.push('t Hno');
    this.#close(1008, 'no');
  }

  #openIfReady(): void {
    if (this.phase !== 'connecting' || !this.#isAccepted || !this.#isAcknowledged) return;
    this.phase = 'open';
    this.lines.push('t Aid1');
    if (this.#kind === 'hello') this.lines.push(`t ${welcome()}`);
    if (this.#kind === 'resume') this.lines.push(`t ${fresh}`);
    for (const frame of this.#early.splice(0)) this.#answer(frame);
  }

  #answer(frame: LineFrame): void {
    // A second M is no frame.
    if (frame.kind === 'data') this.lines.push(`t $${frame.nth};x;;e;1;0;bad namespace`);
  }

  #close(code: number, text: string): void {
    this.phase = 'closed';
    this.lines.push(`close ${code} ${text}`);
  }
}
