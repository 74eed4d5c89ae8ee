import { ErrBadNamespace, ErrBadRoom, ErrWrite, HandlerTimeout } from '../../../src/protocol/errors.js';
import { type Outcome, pending, settle } from './modelOutcome.js';
import { declared, events, type ModelPlace } from './modelPlace.js';
import { ModelPlaces } from './modelPlaces.js';
import type { ScriptedLine, ScriptedServer } from './scriptedServer.js';

/** What a program must see of its client. It does one thing after the other, without promises. */
export class ModelClient extends ModelPlaces {
  constructor(server: ScriptedServer, random: number) {
    super(server, random);
    this.dial();
  }

  /** Whether a handler has not settled. */
  get isHandling(): boolean {
    return this.releaseHandler !== undefined;
  }

  connect(namespace: string): Outcome {
    const outcome = pending();
    if (this.isClosing) settle(outcome, 'rejected', ErrWrite.message);
    else this.wish(this.ensure(namespace), undefined, outcome);
    return outcome;
  }
  waitConnect(namespace: string): Outcome {
    const outcome = pending();
    if (this.isClosing) settle(outcome, 'rejected', ErrWrite.message);
    else if (this.ensure(namespace).presence === 'in') settle(outcome, 'resolved');
    else this.ensure(namespace).entrants.push(outcome);
    return outcome;
  }
  join(namespace: string, room: string): Outcome {
    const outcome = pending();
    const ns = this.places.get(namespace);
    if (this.isClosing) settle(outcome, 'rejected', ErrWrite.message);
    else if (!ns || !this.isKept(ns)) settle(outcome, 'rejected', ErrBadNamespace.message);
    else this.wish(this.ensureRoom(ns, room), ns, outcome);
    return outcome;
  }
  leave(namespace: string, room: string): Outcome {
    const outcome = pending();
    const place = this.find(namespace, room);
    if (!place || !this.isKept(place)) {
      settle(outcome, 'rejected', (room === '' ? ErrBadNamespace : ErrBadRoom).message);
      return outcome;
    }
    const wasWished = place.isWished;
    place.isWished = false;
    if (place.presence === 'out' || place.presence === 'entering') {
      const { token } = place;
      this.remove(place);
      if (token !== '') {
        this.retract(place);
        this.end(token, { error: 'withdrawn' });
      }
      settle(outcome, 'resolved');
      return outcome;
    }
    place.leavers.push(outcome);
    if (place.presence === 'leaving') return outcome;
    place.presence = 'leaving';
    const attempt = {};
    place.attempt = attempt;
    const isNested = this.releaseHandler !== undefined;
    this.request(place, room === '' ? events.disconnect : events.leave, 0, (answer) =>
      this.turn(isNested, () => place.attempt === attempt && this.left(place, answer, wasWished)),
    );
    return outcome;
  }
  emit(namespace: string, room: string, event: string, body: string): boolean {
    const message = `;${namespace};${room};${event};0;0;${body}`;
    const isTaken = this.submit(namespace, room, message, '');
    if (!isTaken) this.traffic.refused++;
    return isTaken;
  }
  /** Returns the outcome, and the token by which it can be aborted. */
  ask(namespace: string, event: string, body: string, timeout: number): { outcome: Outcome; token: string } {
    const outcome = pending();
    const token = this.register(timeout, (answer) => {
      this.marks.delete(token);
      this.waiting = this.waiting.filter((waiting) => waiting.token !== token);
      if (answer.error === undefined) settle(outcome, 'resolved', answer.body ?? '');
      else settle(outcome, 'rejected', answer.error);
    });
    const message = `${token};${namespace};;${event};0;0;${body}`;
    const place = this.find(namespace, '');
    // An ask of a handler goes at once.
    if (this.releaseHandler && this.isGreeted && place?.presence === 'in') {
      this.write(message);
      this.marks.set(token, this.emitted);
    } else if (!this.submit(namespace, '', message, token)) {
      this.traffic.refused++;
      this.end(token, { error: ErrWrite.message });
    }
    return { outcome, token };
  }
  abort(token: string): void {
    this.end(token, { error: 'aborted' });
  }
  /** The handler that has not settled settles now. */
  release(): void {
    this.releaseHandler?.();
  }

  protected onFrame(message: string): void {
    const { line } = this;
    const [token = '', namespace = '', room = '', event = '', isError, , ...rest] = message.split(';');
    if (rest.length === 0) {
      this.counters.invalid++;
      return;
    }
    if (token.startsWith('$m') || token.startsWith('#')) {
      this.proven = Math.max(this.proven, this.marks.get(token) ?? 0);
      const answer = isError === '1' ? { error: rest.join(';') } : { body: rest.join(';') };
      if (!this.end(token, answer)) this.traffic.lateAnswers++;
      return;
    }
    // A Go server broadcasts an ask of another client with its token. It is no ask of this one.
    const wait = token.startsWith('$') ? '' : token;
    const answer = (failure?: string, body = ''): void => {
      if (wait === '' || line !== this.line || !line) return;
      const isStep = event.startsWith('_On');
      if (failure === undefined && isStep) this.write(`${wait};;;;;;`);
      else this.write(`${wait};${namespace};${room};${event};${failure ? 1 : 0};0;${failure ?? body}`);
    };
    if (event.startsWith('_On')) {
      this.turn(false, () => line === this.line && this.serve(namespace, room, event, answer));
    } else {
      this.turn(false, () => this.handle(line, namespace, room, event, rest.join(';'), answer));
    }
  }

  protected handle(
    line: ScriptedLine | undefined,
    namespace: string,
    room: string,
    event: string,
    body: string,
    answer: (failure?: string, body?: string) => void,
  ): void {
    const isHere = (place: ModelPlace | undefined): boolean =>
      place !== undefined && (line === this.line ? place.presence !== 'out' : line === place.lostLine);
    if (!isHere(this.find(namespace, '')) || !isHere(this.find(namespace, room))) {
      this.traffic.strays++;
      const isRoom = isHere(this.find(namespace, ''));
      return answer((isRoom ? ErrBadRoom : ErrBadNamespace).message);
    }
    if (!declared.includes(namespace) || event === 'unknown') {
      this.traffic.unhandled++;
      return;
    }
    this.handled.push(`${event} ${namespace}/${room} ${body}`);
    if (event === 'question') return answer(undefined, `to ${body}`);
    if (event === 'fault') {
      this.traffic.handlerErrors++;
      return answer('fault');
    }
    if (event !== 'slow') return;
    const end = (failure?: string): void => {
      this.clock.clearTimeout(timer);
      this.releaseHandler = undefined;
      if (failure !== undefined) {
        this.traffic.handlerErrors++;
        answer(failure);
      }
      this.run();
    };
    const timer = this.clock.setTimeout(() => end(new HandlerTimeout(30_000).message), 30_000);
    this.releaseHandler = () => end();
  }
}
