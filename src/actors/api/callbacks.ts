import type { Decoded } from '../../contract/schema.js';
import { type Frame, messageFrom } from '../../protocol/codec.js';
import { HandlerTimeout } from '../../protocol/errors.js';
import type { Message } from '../../protocol/message.js';
import type { Deadlines } from '../runtime/deadlines.js';
import type { Counters, Meters } from '../telemetry/counters.js';
import type { RecordedStep, Recorder } from '../telemetry/recorder.js';
import { Stopwatch } from '../telemetry/stopwatch.js';
import type { UpgradeRequest } from '../transport/socket.js';
import type { Conn } from './conn.js';
import type { ReceivedData } from './contractGate.js';
import {
  type HandlerFunction,
  type Handlers,
  isRefusal,
  nothing,
  type Outcome,
  runGuarded,
  runHandler,
  type Where,
} from './handlers.js';
import type { NSConn } from './nsConn.js';

/** How a connection has ended. `onDisconnect` receives it (SV6). */
export interface DisconnectReason {
  /** The close code: 1005 if the client's close frame has none, 1006 if there was no close frame. */
  readonly code: number;
  /** The text of the close frame. */
  readonly text: string;
  /** Whether `onConnect` had accepted it. */
  readonly wasAccepted: boolean;
  /** The rooms it was in, in the order in which they were joined. */
  readonly rooms: readonly { readonly namespace: string; readonly room: string }[];
  /** The last steps of its chart, if the `recorder` has them and the code is not 1000, 1001 or 1005 (IN5). */
  readonly path?: readonly RecordedStep[];
}

/** The program's hooks on connections, as the options of the server document them. */
export interface ConnectionCallbacks {
  /** Accepts or refuses a connection. */
  readonly onConnect: ((conn: Conn) => unknown) | undefined;
  /** Called once a connection has ended. */
  readonly onDisconnect: ((conn: Conn, reason: DisconnectReason) => unknown) | undefined;
  /** Called with the error of each refused upgrade, arrival and token. */
  readonly onUpgradeError?: ((error: unknown, request: UpgradeRequest) => unknown) | undefined;
  /** Called with every error of the program's code. */
  readonly onError: ((error: unknown, where: Where) => unknown) | undefined;
  /** Whether `onDisconnect` is also called for connections that were never accepted. */
  readonly fireDisconnectAlways: boolean;
}

/** Close codes of a usual end: normal closure, going away, no code. */
const usual: ReadonlySet<number> = new Set([1000, 1001, 1005]);

/** Runs the program's code. Returns its outcome, or reports its failure to `onError` (SV2). */
export class Callbacks {
  /** Times the handlers. */
  readonly #stopwatch: Stopwatch;

  constructor(
    private readonly callbacks: ConnectionCallbacks,
    private readonly handlers: Handlers,
    private readonly deadlines: Deadlines,
    private readonly timeout: number,
    private readonly counters: Counters,
    /** Whether to report likely mistakes too (SV13). */
    private readonly isDebugging: boolean,
    private readonly meters: Meters,
    private readonly now: () => number,
    /** Records abnormal closes, if the program wants that. */
    private readonly recorder: Recorder | undefined,
  ) {
    this.#stopwatch = new Stopwatch(now);
  }

  /** Runs `onConnect`. */
  connect(conn: Conn): Outcome | Promise<Outcome> {
    return this.#run(() => this.callbacks.onConnect?.(conn));
  }

  /** Whether there is an `onDisconnect`. */
  get hasDisconnectHook(): boolean {
    return this.callbacks.onDisconnect !== undefined;
  }

  /** Runs `onDisconnect`, unless the connection was never accepted. Reports a failure. */
  disconnect(conn: Conn, reason: DisconnectReason): void | Promise<void> {
    const { onDisconnect, fireDisconnectAlways } = this.callbacks;
    const { code, text } = reason;
    const path = usual.has(code) ? undefined : this.recorder?.recordAbnormalClose(conn.actor, conn.id, code, text);
    if (!onDisconnect || !(reason.wasAccepted || fireDisconnectAlways)) return undefined;
    const review = (outcome: Outcome): void => {
      if (outcome.kind === 'error') this.report(outcome.error, { during: 'onDisconnect', connection: conn.id });
    };
    const outcome = this.#run(() => onDisconnect(conn, path ? { ...reason, path } : reason));
    return outcome instanceof Promise ? outcome.then(review) : review(outcome);
  }

  /** Returns whether there is a handler for a lifecycle event of this namespace. */
  hasHandler({ namespace }: NSConn, event: string): boolean {
    this.timeAnew();
    return this.handlers.find(namespace, event) !== undefined;
  }

  /** Runs the handler of a lifecycle event, if there is one. */
  lifecycle(ns: NSConn, message: Message): Outcome | Promise<Outcome> {
    this.timeAnew();
    const handler = this.handlers.find(message.namespace, message.event);
    return handler ? this.#handle(handler, ns, message) : nothing;
  }

  /** Runs the handler of a received event. */
  handle(handler: HandlerFunction, ns: NSConn, frame: Frame): Outcome | Promise<Outcome> {
    return this.#handle(handler, ns, messageFrom(frame));
  }

  /** Runs the handler of a received event whose data was validated. Its result is for the contract to judge. */
  run(handler: HandlerFunction, ns: NSConn, message: ReceivedData): Outcome | Promise<Outcome> {
    this.timeAnew();
    return this.#timed(handler, ns, message);
  }

  /** Resolves with validated data, or with a `HandlerTimeout` once the validation takes too long (CT9). */
  within(decoding: Promise<Decoded>): Promise<Decoded> {
    return new Promise((resolve) => {
      const { timeout } = this;
      const deadline = this.deadlines.after(timeout, () =>
        resolve({ kind: 'failed', error: new HandlerTimeout(timeout) }),
      );
      void decoding.then((decoded) => {
        deadline.cancel();
        resolve(decoded);
      });
    });
  }

  /** Counts the error of a handler that the client is told. Reports it, unless it is a refusal (MW8). */
  threw(error: unknown, during: string, ns: NSConn): void {
    if (!this.refuses(error)) this.failed(error, during, ns);
  }

  /** Returns whether an error that the client is told is a refusal, and counts it. */
  refuses(error: unknown): boolean {
    const isRefused = isRefusal(error);
    if (isRefused) this.counters.refusals++;
    return isRefused;
  }

  /** Counts and reports the error of a handler; `during` is the event. */
  failed(error: unknown, during: string, ns: NSConn): void {
    this.counters.handlerErrors++;
    this.report(error, { during, connection: ns.conn.id, namespace: ns.namespace });
  }

  /** Reports a refusal to `onUpgradeError`. */
  refused(error: unknown, request: UpgradeRequest): void {
    this.guarded(() => this.callbacks.onUpgradeError?.(error, request), { during: 'onUpgradeError' });
  }

  /** Reports an error to `onError`. */
  report(error: unknown, where: Where): void {
    // An error of `onError` itself has no hook to go to, and must not reach a connection.
    this.#unawaited(
      () => this.callbacks.onError?.(error, where),
      () => {},
    );
  }

  /** Runs code of the program whose outcome has no effect. Reports a failure. */
  guarded(code: () => unknown, where: Where): void {
    this.#unawaited(code, (error) => this.report(error, where));
  }

  /** Says that time has passed since the last handler: the next one does not begin when that has ended. */
  timeAnew(): void {
    this.#stopwatch.forget();
  }

  /** Runs code without a timeout, as nothing waits for it. */
  #unawaited(code: () => unknown, failed: (error: unknown) => void): void {
    this.timeAnew();
    try {
      Promise.resolve(code()).catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  #handle(handler: HandlerFunction, ns: NSConn, message: Message): Outcome | Promise<Outcome> {
    const outcome = this.#timed(handler, ns, message);
    if (!this.isDebugging && !this.handlers.isNativeOnly) return outcome;
    if (outcome instanceof Promise) return outcome.then((late) => this.#review(late, ns, message));
    return this.#review(outcome, ns, message);
  }

  /** Drops a reply in native-only mode. With `debug`, reports returned values that have no effect (SV13). */
  #review(outcome: Outcome, ns: NSConn, { event, namespace }: Message): Outcome {
    const isVain = outcome.kind === 'reply' && this.handlers.isNativeOnly;
    const ignored = isVain ? outcome.body : outcome.kind === 'nothing' ? outcome.ignored : undefined;
    if (ignored !== undefined && this.isDebugging) {
      const got = isVain ? 'reply' : ignored === null ? 'null' : typeof ignored;
      const how = isVain ? 'conn.write({ isNative: true, body })' : 'return reply(body)';
      const error = new TypeError(`a handler answers by "${how}"; a returned ${got} has no effect`);
      this.report(error, { during: event, connection: ns.conn.id, namespace });
    }
    return isVain ? { kind: 'nothing' } : outcome;
  }

  /** Measures the time until a handler has settled (IN7). */
  #timed(handler: HandlerFunction, ns: NSConn, message: Message | ReceivedData): Outcome | Promise<Outcome> {
    const began = this.#stopwatch.begin();
    const outcome = runHandler(handler, ns, message, this.deadlines, this.timeout);
    if (outcome instanceof Promise) this.#noteLater(began, outcome);
    else this.meters.handlers.note(this.#endOf(outcome) - began);
    return outcome;
  }

  /** Returns the time at which a handler has ended. An answer is written before the next handler runs. */
  #endOf(outcome: Outcome): number {
    if (outcome.kind === 'nothing') return this.#stopwatch.end();
    this.#stopwatch.leave();
    return this.now();
  }

  #noteLater(began: number, outcome: Promise<Outcome>): void {
    this.#stopwatch.leave();
    void outcome.then(() => this.meters.handlers.note(this.now() - began));
  }

  #run(code: () => unknown): Outcome | Promise<Outcome> {
    this.timeAnew();
    return runGuarded(code, this.deadlines, this.timeout);
  }
}
