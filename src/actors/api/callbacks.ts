import { type Frame, messageFrom } from '../../protocol/codec.js';
import type { ReceivedMessage } from '../../protocol/message.js';
import type { Deadlines } from '../runtime/deadlines.js';
import type { Counters, Meters } from '../telemetry/counters.js';
import type { RecordedStep, Recorder } from '../telemetry/recorder.js';
import { type Handler, type Handlers, type Outcome, runGuarded, type Where } from './handlers.js';
import type { Conn, NSConn } from './handles.js';

/** Why a connection has ended, as `onDisconnect` is told. */
export interface DisconnectReason {
  /** The close code; 1005 when the client named none, 1006 when there was no close frame. */
  readonly code: number;
  readonly text: string;
  /** Had `onConnect` let it in? */
  readonly wasAccepted: boolean;
  /** The rooms it was in. */
  readonly rooms: readonly { readonly namespace: string; readonly room: string }[];
  /** Which way it went, when it did not end as it should and the `recorder` has it (IN5). */
  readonly path?: readonly RecordedStep[];
}

/** The program's hooks on connections. */
export interface ConnectionCallbacks {
  readonly onConnect: ((conn: Conn) => unknown) | undefined;
  readonly onDisconnect: ((conn: Conn, reason: DisconnectReason) => unknown) | undefined;
  readonly onError: ((error: unknown, where: Where) => unknown) | undefined;
  /** Tell `onDisconnect` also of connections that were never let in. */
  readonly fireDisconnectAlways: boolean;
}

/** Codes of an end that nobody has to look into: said goodbye, went away, named no code. */
const usual: ReadonlySet<number> = new Set([1000, 1001, 1005]);

/** Runs the program's code: whatever it does comes back as an outcome, and its failures go to `onError` (SV2). */
export class Callbacks {
  constructor(
    private readonly callbacks: ConnectionCallbacks,
    private readonly handlers: Handlers,
    private readonly deadlines: Deadlines,
    private readonly timeout: number,
    private readonly counters: Counters,
    /** Say also what is not wrong, but hardly meant. */
    private readonly isDebugging: boolean,
    private readonly meters: Meters,
    private readonly now: () => number,
    /** Records abnormal closes, if the program wants that. */
    private readonly recorder: Recorder | undefined,
  ) {}

  connect(conn: Conn): Outcome | Promise<Outcome> {
    return this.#run(() => this.callbacks.onConnect?.(conn));
  }

  async disconnect(conn: Conn, reason: DisconnectReason): Promise<void> {
    const { onDisconnect, fireDisconnectAlways } = this.callbacks;
    const { code, text } = reason;
    const path = usual.has(code) ? undefined : this.recorder?.recordAbnormalClose(conn.actor, conn.id, code, text);
    if (!onDisconnect || !(reason.wasAccepted || fireDisconnectAlways)) return;
    const outcome = await this.#run(() => onDisconnect(conn, path ? { ...reason, path } : reason));
    if (outcome.kind === 'error') this.report(outcome.error, { during: 'onDisconnect', connection: conn.id });
  }

  /** The handler of a lifecycle event, if there is one. */
  lifecycle(ns: NSConn, message: ReceivedMessage): Outcome | Promise<Outcome> {
    const handler = this.handlers.find(message.namespace, message.event);
    return handler ? this.#handle(handler, ns, message) : { kind: 'nothing' };
  }

  handle(handler: Handler, ns: NSConn, frame: Frame): Outcome | Promise<Outcome> {
    return this.#handle(handler, ns, messageFrom(frame));
  }

  /** A handler of this event has failed. */
  failed(error: unknown, during: string, ns: NSConn): void {
    this.counters.handlerErrors++;
    this.report(error, { during, connection: ns.conn.id, namespace: ns.namespace });
  }

  report(error: unknown, where: Where): void {
    // An error of the error hook itself, thrown or rejected, has nowhere to go, and must not reach a connection.
    this.#unawaited(
      () => this.callbacks.onError?.(error, where),
      () => {},
    );
  }

  /** Runs code of the program whose outcome is nobody's business, unless it fails. */
  guarded(code: () => unknown, where: Where): void {
    this.#unawaited(code, (error) => this.report(error, where));
  }

  /** However long it takes: nothing is kept for it. */
  #unawaited(code: () => unknown, failed: (error: unknown) => void): void {
    try {
      Promise.resolve(code()).catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  #handle(handler: Handler, ns: NSConn, message: ReceivedMessage): Outcome | Promise<Outcome> {
    const outcome = this.#timed(() => handler(ns, message));
    if (!this.isDebugging && !this.handlers.isNativeOnly) return outcome;
    if (outcome instanceof Promise) return outcome.then((late) => this.#review(late, ns, message));
    return this.#review(outcome, ns, message);
  }

  /** Where there are native messages only a reply goes nowhere; what goes nowhere is told to who debugs (SV13). */
  #review(outcome: Outcome, ns: NSConn, { event, namespace }: ReceivedMessage): Outcome {
    const isVain = outcome.kind === 'reply' && this.handlers.isNativeOnly;
    const ignored = isVain ? outcome.body : outcome.kind === 'nothing' ? outcome.ignored : undefined;
    if (ignored !== undefined && this.isDebugging) {
      const got = isVain ? 'reply' : ignored === null ? 'null' : typeof ignored;
      const how = isVain ? 'conn.write({ isNative: true, body })' : 'return reply(body)';
      const error = new TypeError(`a handler answers by "${how}"; a returned ${got} goes nowhere`);
      this.report(error, { during: event, connection: ns.conn.id, namespace });
    }
    return isVain ? { kind: 'nothing' } : outcome;
  }

  /** What a handler promises counts until it settles. */
  #timed(code: () => unknown): Outcome | Promise<Outcome> {
    const began = this.now();
    const outcome = this.#run(code);
    if (outcome instanceof Promise) void outcome.then(() => this.meters.handlers.note(this.now() - began));
    else this.meters.handlers.note(this.now() - began);
    return outcome;
  }

  #run(code: () => unknown): Outcome | Promise<Outcome> {
    return runGuarded(code, this.deadlines, this.timeout);
  }
}
