import { refused } from '../../protocol/codec.js';
import { closeReasons, closeText, HandlerTimeout } from '../../protocol/errors.js';
import { frame } from '../../protocol/frame.js';
import { isHint, type Opening } from '../../protocol/opening.js';
import { sessionHint } from '../../protocol/session.js';
import type { ServerContext } from '../context.js';
import type { Deadline } from '../runtime/deadlines.js';
import { Greeting, type GreetingFault, type GreetingHost } from '../sessions/greeting.js';
import type { Identification, Identified } from '../sessions/identification.js';
import { type RefusedClient, refusalByTimeout } from '../sessions/refusal.js';
import type { Arrival, OpeningKind, SocketListener, UpgradedSocket, UpgradeRequest } from '../transport/socket.js';

/** A socket whose client announced the session layer in its upgrade. */
export interface HintedSocket {
  /** The request that was upgraded. */
  readonly request: UpgradeRequest;
  /** The socket after the 101. */
  readonly socket: UpgradedSocket;
  /** Called once the connection is open. */
  opened(): void;
}

/** The parts of a server that greetings lead to. */
export interface GreetingsParts {
  /** What all parts of the server share. */
  readonly context: ServerContext;
  /** Says who a client is. */
  readonly identification: Identification;
  /** Passes an arrival to the root actor, which refuses it when the server is over. */
  readonly connect: (arrival: Arrival) => void;
}

const ignore = (): void => {};

/** What a socket waits for. */
interface Step {
  /** Whether its client was refused or has closed, so that the end of the server does not refuse it again. */
  readonly isClosing: boolean;
  /** Ends the wait. */
  end(): void;
}

/** The clients between their 101 and their CONNECT, each with the step that it waits for (SS11). */
export class Greetings {
  /** Every socket, with its present step. */
  readonly #sockets = new Map<UpgradedSocket, Step>();

  constructor(private readonly parts: GreetingsParts) {}

  /** Returns whether the first frame of this client is waited for. In native-only mode there is no session layer. */
  isGreeted(request: UpgradeRequest): boolean {
    return this.isHinted(request) && this.parts.context.nativeMode !== 'only';
  }

  /** Returns whether a client announces the session layer. */
  isHinted({ headers }: UpgradeRequest): boolean {
    return isHint(headers[sessionHint]);
  }

  /** Waits for the first frame of a client, then says who it is, then passes it on as an arrival. */
  begin(hinted: HintedSocket): void {
    const { context } = this.parts;
    const { socket } = hinted;
    const host: GreetingHost = {
      onOpening: (opening) => this.#identify(hinted, greeting, opening),
      onFault: (fault) => this.#onFault(hinted, greeting, fault),
      onClosing: (code, text, isFault) => this.#onClosing(hinted, greeting, code, text, isFault),
      onClosed: () => this.#forget(socket),
    };
    const greeting = new Greeting(socket, context, host);
    this.#sockets.set(socket, { isClosing: false, end: () => greeting.end() });
  }

  /** Refuses a client after its 101: sends `H<text>` and a close frame. */
  refuse(
    hinted: HintedSocket,
    { text, close }: RefusedClient,
    attach: Arrival['attach'] = listenTo(hinted.socket),
  ): void {
    this.#close(hinted, attach, close.code, close.text, text);
  }

  /** Destroys every socket. */
  close(): void {
    const { counters } = this.parts.context;
    for (const [socket, step] of [...this.#sockets]) {
      if (!step.isClosing) counters.refusedArrivals++;
      step.end();
      this.#sockets.delete(socket);
      socket.destroy();
    }
  }

  /** Says who a client is, at most `connectTimeout` ms after its first frame (HS8). */
  #identify(hinted: HintedSocket, greeting: Greeting, opening: Opening | undefined): void {
    const { context, identification } = this.parts;
    const { connectTimeout } = context.limits;
    let isOver = false;
    let deadline: Deadline | undefined;
    const endStep = (): void => {
      isOver = true;
      deadline?.cancel();
    };
    const settle = (outcome: Identified | RefusedClient): void => {
      if (isOver) return;
      endStep();
      if (outcome.kind === 'identified') return this.#admit(hinted, greeting, opening?.kind ?? 'plain', outcome);
      context.counters.refusedUpgrades++;
      context.callbacks.refused(outcome.error, hinted.request);
      return this.refuse(hinted, outcome, (listener) => greeting.attach(listener));
    };
    const end = (): void => {
      endStep();
      greeting.end();
    };
    this.#sockets.set(hinted.socket, { isClosing: false, end });
    deadline = context.deadlines.after(connectTimeout, () =>
      settle(refusalByTimeout(new HandlerTimeout(connectTimeout))),
    );
    // Code of the program runs outside of every mailbox.
    context.mailboxes.runOrDefer(
      () => void Promise.resolve(identification.run(opening?.auth, hinted.request)).then(settle),
    );
  }

  #admit(hinted: HintedSocket, greeting: Greeting, opening: OpeningKind, { id, identity }: Identified): void {
    const { context, connect } = this.parts;
    const { request, socket, opened } = hinted;
    this.#sockets.delete(socket);
    if (opening === 'hello') context.counters.hellos++;
    if (opening === 'resume') context.counters.resumes++;
    const attach = (listener: SocketListener): void => greeting.attach(listener);
    return connect({ id, request, socket, outlet: socket.outlet, opening, identity, opened, attach });
  }

  #onClosing(hinted: HintedSocket, greeting: Greeting, code: number, text: string, isFault: boolean): void {
    if (isFault) this.parts.context.counters.refusedArrivals++;
    this.#close(hinted, (listener) => greeting.attach(listener), code, text);
  }

  #onFault(hinted: HintedSocket, greeting: Greeting, fault: GreetingFault): void {
    const { counters } = this.parts.context;
    counters.refusedArrivals++;
    if (fault === 'badHello') counters.badHellos++;
    const { code, text } = closeReasons[fault];
    this.#close(hinted, (listener) => greeting.attach(listener), code, text);
  }

  /** Sends `H`, if there is a text for it, and a close frame. Destroys the socket when no answer comes in time. */
  #close(hinted: HintedSocket, attach: Arrival['attach'], code: number, text: string, refusal?: string): void {
    const { deadlines, limits, wrapSocket } = this.parts.context;
    const { request, socket } = hinted;
    const { outlet } = socket;
    this.#sockets.get(socket)?.end();
    // The log of `debug` has these frames too. There is no id yet.
    const arrival = wrapSocket({ id: '', request, socket, outlet, attach, opening: 'plain' });
    const deadline = deadlines.after(limits.closeTimeout, () => {
      this.#sockets.delete(socket);
      socket.destroy();
    });
    this.#sockets.set(socket, { isClosing: true, end: () => deadline.cancel() });
    arrival.attach({
      socketOnMessage: ignore,
      filled: ignore,
      socketOnDrain: ignore,
      socketOnClosing: ignore,
      socketOnClose: () => this.#forget(socket),
    });
    if (refusal !== undefined) arrival.socket.write(frame(refused(refusal)));
    arrival.socket.close(code, closeText(text));
  }

  #forget(socket: UpgradedSocket): void {
    this.#sockets.get(socket)?.end();
    this.#sockets.delete(socket);
  }
}

const listenTo =
  (socket: UpgradedSocket): Arrival['attach'] =>
  (listener) =>
    socket.listen(listener);
