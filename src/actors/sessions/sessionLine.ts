import type { AnyActorRef } from 'xstate';
import type { Limits } from '../../limits.js';
import { type CloseReasonName, closeReasons, HandlerTimeout } from '../../protocol/errors.js';
import type { Body } from '../../protocol/message.js';
import { isOpening } from '../../protocol/opening.js';
import { fromServer, type ServerVerb, type SessionFrame, sessionVersion, tokenNeeded } from '../../protocol/session.js';
import { type TickCounter, TickQuota } from '../runtime/clock.js';
import type { Deadlines } from '../runtime/deadlines.js';
import type { Mailboxes } from '../runtime/mailbox.js';
import type { Inspection } from '../telemetry/inspection.js';
import type { OpeningKind, SocketListener, TextListener, UpgradeRequest } from '../transport/socket.js';
import type { Authentication, Authenticator } from './authenticator.js';
import type { Credentials } from './credentials.js';
import { readIfSession, SessionTexts } from './sessionTexts.js';

/** The connection of a line. */
export interface SessionHost extends SocketListener {
  /** Its actor, under which observers see the frames. */
  readonly actor: AnyActorRef;
  /** The request that was upgraded. */
  readonly request: UpgradeRequest;
  /** Who its client is. */
  readonly credentials: Credentials | undefined;
  /** Whether it is open, and whether its socket is full. */
  readonly flags: { readonly isOpen: boolean; readonly isCongested: boolean };
  /** Whether it is closed. */
  readonly isClosed: boolean;
  /** Takes text messages where they lie in the read buffer. */
  readonly texts: TextListener;
  /** Writes a frame that counts as no data, after everything that is pending. */
  writeSession(payload: string): void;
  /** Closes it. */
  close(code: number, text: string, cause: CloseReasonName): void;
}

/** The part of a server's context that the session layer uses. */
export interface SessionContext {
  /** The deadline of `authenticate`, how many frames are answered at once, and how many tokens are refused. */
  readonly limits: Pick<Limits, 'connectTimeout' | 'framesPerTick' | 'refusedTokens'>;
  /** Counts ticks. */
  readonly ticks: TickCounter;
  /** All deadlines, behind one timer. */
  readonly deadlines: Deadlines;
  /** Code of the program runs when they are empty. */
  readonly mailboxes: Pick<Mailboxes, 'runOrDefer'>;
  /** Shows the frames to observers. */
  readonly inspection: Pick<Inspection, 'session'>;
  /** Checks new tokens, if the program authenticates. */
  readonly authenticator: Authenticator | undefined;
  /** Every drop and refusal, by reason. */
  readonly counters: {
    ignoredSession: number;
    badHellos: number;
    renewedTokens: number;
    refusedAuthentications: number;
  };
  /** Tells the program of a refused token. */
  readonly callbacks: { refused(error: unknown, request: UpgradeRequest): void };
}

/** Time in which a client pings, in ms, and the bounds of what it acknowledges and keeps. */
const clientBounds = {
  ack: { frames: 128, bytes: 65_536, ms: 10_000 },
  outbox: { frames: 256, bytes: 262_144 },
  ping: 25_000,
} as const;

/** Close codes of refusals that are no fault of the token. */
const faultless: ReadonlySet<number> = new Set([closeReasons.busy.code, closeReasons.failed.code]);
/** Close codes of refusals after which the client may try again. */
const retried: ReadonlySet<number> = new Set([tokenNeeded, ...faultless]);

const knownVerbs: ReadonlySet<string> = new Set(['hello', 'resume', 'ack', 'ping', 'auth']);

/**
 * The session layer of one line: takes its frames out of what a client sends, and answers them. Every other message goes
 * on to the connection. Only clients that announced the layer have one (SS11).
 */
export class SessionLine implements SocketListener {
  /** Whether the first frame has passed: no other `hello` or `resume` may come. */
  #isGreeted: boolean;
  readonly #quota: TickQuota;
  /** Whether a `pong` waits for the socket. */
  #isPongDue = false;
  /** The body of an `authed` that waits for the socket. */
  #authed: string | undefined;
  /** How many tokens were refused since the last one that was taken, through a fault of their own. */
  #refusedTokens = 0;
  /** Whether another token than the last of them may help. */
  #mayRetry = false;
  /** Ends the wait for `authenticate`. */
  #endRenewal: (() => void) | undefined;

  constructor(
    private readonly host: SessionHost,
    private readonly context: SessionContext,
    private readonly opening: OpeningKind,
  ) {
    this.#isGreeted = opening === 'plain';
    this.#quota = new TickQuota(context.ticks, context.limits.framesPerTick);
  }

  /** Whether the client uses the session layer. */
  get isAware(): boolean {
    return this.opening === 'hello' || this.opening === 'resume';
  }

  /** Returns the frame that follows `A` in the same write. A client that does not use the layer gets none. */
  greet(): string | undefined {
    if (!this.isAware) return undefined;
    const verb = this.opening === 'hello' ? 'welcome' : 'fresh';
    const ttl = this.host.credentials?.ttl;
    const { ack, outbox, ping } = clientBounds;
    const terms = {
      v: sessionVersion,
      window: 0,
      ack,
      outbox,
      ping,
      storm: 0,
      ...(ttl !== undefined && { auth: { ttl } }),
    };
    const because = verb === 'fresh' ? { because: 'unknown' } : {};
    this.context.inspection.session(this.host.actor, 'out', verb);
    return fromServer(verb, JSON.stringify({ ...terms, ...because }));
  }

  /** Writes what has waited for the socket. */
  flush(): void {
    if (this.#isPongDue) this.#pong();
    const authed = this.#authed;
    this.#authed = undefined;
    if (authed !== undefined) this.#answerAuth(authed);
  }

  /** Ends the line with its connection. */
  end(): void {
    this.#endRenewal?.();
  }

  /** What takes text messages where they lie in the read buffer. */
  get texts(): TextListener {
    return new SessionTexts(this, this.host.texts);
  }
  /** Takes a frame of the session layer. Passes on any other message. */
  socketOnMessage(data: Body, isText?: boolean): void {
    const frame = readIfSession(data, isText);
    if (!frame) this.host.socketOnMessage(data, isText);
    else if (this.opening === 'native') this.#takeNative(frame, data, isText);
    else if (!this.host.isClosed) this.#take(frame);
  }
  /** Passes on that what was held back has filled the socket. */
  filled(): void {
    this.host.filled();
  }
  /** Passes on that the socket takes more. */
  socketOnDrain(): void {
    this.host.socketOnDrain();
  }
  /** Passes on the end of the socket. */
  socketOnClose(code: number, text: string, cause?: CloseReasonName): void {
    this.host.socketOnClose(code, text, cause);
  }
  /** Passes on that the socket must be closed. */
  socketOnClosing(code: number, text: string, cause?: CloseReasonName): void {
    this.host.socketOnClosing(code, text, cause);
  }

  /** In native-only mode there is no session layer: drops what an aware client begins with (HS10). */
  #takeNative(frame: SessionFrame, data: Body, isText: boolean | undefined): void {
    if (isOpening(frame)) this.context.counters.ignoredSession++;
    else this.host.socketOnMessage(data, isText);
  }

  #take(frame: SessionFrame): void {
    const { counters, inspection } = this.context;
    const { verb, body } = frame;
    inspection.session(this.host.actor, 'in', knownVerbs.has(verb) ? verb : 'unknown');
    if (isOpening(frame)) {
      if (this.#isGreeted) this.#refuseHello();
      this.#isGreeted = true;
    } else if (!this.isAware || !this.host.flags.isOpen || this.#quota.spend(1) < 0) {
      counters.ignoredSession++;
    } else if (verb === 'ping') {
      this.#pong();
    } else if (verb === 'auth') {
      this.#renew(body);
    } else if (verb !== 'ack') {
      counters.ignoredSession++;
    }
  }

  #refuseHello(): void {
    const { code, text } = closeReasons.badHello;
    this.context.counters.badHellos++;
    this.host.close(code, text, 'badHello');
  }

  #pong(): void {
    this.#isPongDue = this.host.flags.isCongested;
    if (!this.#isPongDue) this.#write('pong', '0 0');
  }

  /** Checks a new token. While one is checked or its answer waits, others are ignored. */
  #renew(token: string): void {
    const { authenticator, counters, deadlines, limits, mailboxes } = this.context;
    if (!authenticator) return this.#answerAuth('{}');
    if (this.#endRenewal || this.#authed !== undefined) {
      counters.ignoredSession++;
      return undefined;
    }
    const { connectTimeout } = limits;
    const end = (): void => {
      deadline.cancel();
      if (this.#endRenewal === end) this.#endRenewal = undefined;
    };
    const settle = (answer: () => string): void => {
      if (this.#endRenewal !== end) return;
      end();
      const body = answer();
      if (this.#refusedTokens >= limits.refusedTokens) this.#closeForTokens(body);
      else this.#answerAuth(body);
    };
    const { request } = this.host;
    const deadline = deadlines.after(connectTimeout, () =>
      settle(() => this.#refuseToken(new HandlerTimeout(connectTimeout), 'not checked in time', false)),
    );
    this.#endRenewal = end;
    mailboxes.runOrDefer(
      () =>
        void Promise.resolve(authenticator.run(token, request)).then((outcome) =>
          settle(() => this.#judge(authenticator, outcome)),
        ),
    );
    return undefined;
  }

  /** Takes the user of a new token, unless it is another one. Returns the body of `authed`. */
  #judge(authenticator: Authenticator, outcome: Authentication): string {
    const { credentials } = this.host;
    if (outcome.kind === 'refused') {
      const { error, text, close } = outcome;
      if (!faultless.has(close.code)) this.#countToken(close.code);
      return this.#refuseToken(error, text, !retried.has(close.code));
    }
    const { user } = outcome.identity;
    let isOther: boolean;
    try {
      isOther = credentials !== undefined && !authenticator.isSame(credentials.user, user);
    } catch (error) {
      return this.#refuseToken(error, 'another user', true);
    }
    if (isOther) {
      this.#countToken(closeReasons.refusedTokens.code);
      return this.#refuseToken(new Error('the token of another user'), 'another user', true);
    }
    this.#refusedTokens = 0;
    credentials?.renew(outcome.identity);
    this.context.counters.renewedTokens++;
    return JSON.stringify({ ttl: credentials?.ttl });
  }

  #countToken(code: number): void {
    this.#refusedTokens++;
    this.#mayRetry = code === tokenNeeded;
  }

  /** Closes the connection of a client that sends nothing but wrong tokens. The last answer waits for no room. */
  #closeForTokens(lastAnswer: string): void {
    const { code, text } = closeReasons.refusedTokens;
    this.#write('authed', lastAnswer);
    this.host.close(this.#mayRetry ? tokenNeeded : code, text, 'refusedTokens');
  }

  #refuseToken(error: unknown, text: string, isFinal: boolean): string {
    this.context.counters.refusedAuthentications++;
    this.context.callbacks.refused(error, this.host.request);
    return JSON.stringify({ error: text, final: isFinal });
  }

  #answerAuth(body: string): void {
    if (this.host.flags.isCongested) this.#authed = body;
    else this.#write('authed', body);
  }

  #write(verb: ServerVerb, body: string): void {
    if (!this.host.flags.isOpen) return;
    this.context.inspection.session(this.host.actor, 'out', verb);
    this.host.writeSession(fromServer(verb, body));
  }
}
