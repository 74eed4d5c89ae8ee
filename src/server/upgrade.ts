import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { isInstance } from '../actors/runtime/guard.js';
import { type RefusedClient, refusalBy, UpgradeRefused } from '../actors/sessions/refusal.js';
import type { Supervisor } from '../actors/supervisor/supervisor.js';
import { HandlerTimeout } from '../protocol/errors.js';
import { AdmissionQueue } from './admissionQueue.js';
import { answerWith, isHere, respond } from './httpResponses.js';
import type { Mounted } from './mount.js';
import type { CheckedOptions } from './options.js';
import type { ServerParts } from './parts.js';
import type { Handshake } from './websocket.js';

declare module '../actors/transport/socket.js' {
  interface Requests {
    readonly upgraded: IncomingMessage;
  }
}

/** Prefix of a URL parameter that stands for a header, as a browser cannot set headers (HS14). */
const urlHeaderPrefix = 'x-websocket-header-';

/** Matches characters that a header's value must not have. */
const unsafeInHeader = /[\0\r\n]/;

const isSameHost = (origin: string, host: string | undefined): boolean => {
  try {
    const { host: originHost, username, password } = new URL(origin);
    return originHost !== '' && username === '' && password === '' && originHost === host?.toLowerCase();
  } catch {
    return false;
  }
};

const ignoreError = (): void => {};

/** The part of a server that turns upgrade requests into connections (HS1, HS15). */
export class Upgrades implements Mounted {
  readonly #handshake: Handshake;
  readonly #queue: AdmissionQueue;
  /** Sockets in admission that are not WebSockets yet. */
  readonly #pending = new Set<Duplex>();

  /** Creates the part for one server. */
  constructor(
    private readonly options: CheckedOptions,
    private readonly supervisor: Supervisor,
    private readonly parts: ServerParts,
  ) {
    const { limits, protocols } = options;
    this.#queue = new AdmissionQueue(limits.admission, limits.admissionTimeout, parts.clock);
    this.#handshake = parts.transport({ ...limits, protocols }, parts.clock, (error, request, socket) =>
      this.#refuse(refusalBy('onUpgrade', new UpgradeRefused(400, error.message, { cause: error })), request, socket),
    );
  }

  /** Whether the server is closing or closed. */
  get isOver(): boolean {
    return !this.supervisor.isAccepting;
  }

  /** Destroys every socket that is still in admission. */
  close(): void {
    for (const socket of this.#pending) this.#drop(socket);
    this.supervisor.greetings.close();
  }

  /** Takes over a socket that asks for an upgrade (HS1). */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', ignoreError);
    if (request.method === 'HEAD') {
      this.probe(socket, () => respond(socket, isHere));
    } else if (request.method !== 'GET') {
      respond(socket, answerWith(405));
    } else if (this.isOver) {
      this.#drop(socket);
    } else if (!socket.destroyed) {
      this.#whenFree(socket, (opened) => this.#decide(request, socket, head, opened));
    }
  }

  /** Reports a `GET` without upgrade, which was answered with 400 (HS12). */
  refused(request: IncomingMessage): void {
    this.supervisor.refused(new UpgradeRefused(400, 'no websocket upgrade'), request);
  }

  /** Calls `answer` for a `HEAD` request once an upgrade would not have to wait (HS12, HS15). */
  probe(socket: Duplex, answer: () => void): void {
    if (this.isOver) return this.#drop(socket);
    return this.#whenFree(socket, (answered) => {
      answered();
      answer();
    });
  }

  /** Calls `proceed` with the function that releases the slot, once one is free. A closed socket releases it too. */
  #whenFree(socket: Duplex, proceed: (done: () => void) => void): void {
    // A socket is in the queue at most once, however many requests it pipelines (HS15).
    if (this.#pending.has(socket)) return this.#drop(socket);
    this.#pending.add(socket);
    const done = (): void => {
      socket.off('close', done);
      this.#pending.delete(socket);
      slot.release();
    };
    socket.once('close', done);
    const slot = this.#queue.enter(
      () => queueMicrotask(() => !socket.destroyed && proceed(done)),
      () => this.#drop(socket),
    );
  }

  /** Destroys the socket without an answer, so that the client tries again. */
  #drop(socket: Duplex): void {
    this.supervisor.counters.refusedArrivals++;
    socket.destroy();
  }

  /** Decides about an upgrade. At its deadline, destroys the socket unanswered, so that the client retries (HS8). */
  #decide(request: IncomingMessage, socket: Duplex, head: Buffer, opened: () => void): void {
    const { connectTimeout } = this.options.limits;
    let isLate = false;
    const deadline = this.parts.clock.setTimeout(() => {
      isLate = true;
      socket.destroy();
      this.supervisor.refused(new HandlerTimeout(connectTimeout), request);
    }, connectTimeout);
    const settled = (): void => {
      this.parts.clock.clearTimeout(deadline);
      socket.off('close', settled);
    };
    socket.once('close', settled);
    this.#accept(request, socket, head, opened)
      .catch((error: unknown) => refusalBy('onUpgrade', error))
      .then((refusal) => {
        // The timeout was reported already.
        if (refusal && !isLate) this.#refuse(refusal, request, socket);
      })
      .finally(settled);
  }

  async #accept(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    opened: () => void,
  ): Promise<RefusedClient | undefined> {
    const { identification, greetings } = this.supervisor;
    this.#checkOrigin(request);
    this.#takeUrlHeaders(request);
    const refusal = await this.#askProgram(request);
    if (greetings.isGreeted(request)) {
      this.#greet(request, socket, head, opened, refusal);
      return undefined;
    }
    const outcome = refusal ?? (await identification.run(undefined, request));
    if (outcome.kind === 'refused') return outcome;
    if (this.#isLost(socket)) return undefined;
    const { id, identity } = outcome;
    this.#handshake(request, socket, head, (upgraded) => {
      this.#handOver(socket);
      this.supervisor.connect({
        ...{ id, identity, request, socket: upgraded, outlet: upgraded.outlet, opened },
        opening: greetings.isHinted(request) ? 'native' : undefined,
        attach: (listener) => upgraded.listen(listener),
      });
    });
    return undefined;
  }

  /** Returns the refusal of `onUpgrade`, if there is one. */
  async #askProgram(request: IncomingMessage): Promise<RefusedClient | undefined> {
    try {
      const verdict = await this.options.onUpgrade?.(request);
      return isInstance(verdict, Error) ? refusalBy('onUpgrade', verdict) : undefined;
    } catch (error) {
      return refusalBy('onUpgrade', error);
    }
  }

  /** Waits for the first frame of a client of the session layer. Refuses it after the 101, so that it reads why. */
  #greet(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    opened: () => void,
    refusal: RefusedClient | undefined,
  ): void {
    if (this.#isLost(socket)) return;
    this.#handshake(request, socket, head, (upgraded) => {
      this.#handOver(socket);
      const { greetings } = this.supervisor;
      const hinted = { request, socket: upgraded, opened };
      if (!refusal) return greetings.begin(hinted);
      this.supervisor.refused(refusal.error, request);
      return greetings.refuse(hinted, refusal);
    });
  }

  /** Returns whether a socket is of no use any more. Drops it when the server is over. */
  #isLost(socket: Duplex): boolean {
    if (!socket.destroyed && this.isOver) this.#drop(socket);
    return socket.destroyed;
  }

  /** Hands the socket over to the WebSocket, which handles its errors from now on. */
  #handOver(socket: Duplex): void {
    socket.off('error', ignoreError);
    this.#pending.delete(socket);
  }

  #checkOrigin({ headers: { origin, host } }: IncomingMessage): void {
    const { origins } = this.options;
    if (origin === undefined || origins === 'any') return;
    const isAllowed = origins === 'same-host' ? isSameHost(origin, host) : origins.includes(origin);
    if (!isAllowed) throw new UpgradeRefused(403, 'origin not allowed');
  }

  #takeUrlHeaders(request: IncomingMessage): void {
    const query = request.url?.split('?', 2)[1];
    if (!query?.toLowerCase().includes(urlHeaderPrefix)) return;
    for (const [key, value] of new URLSearchParams(query)) {
      const name = key.toLowerCase().slice(urlHeaderPrefix.length);
      if (!key.toLowerCase().startsWith(urlHeaderPrefix) || !this.options.urlHeaders.has(name)) continue;
      if (unsafeInHeader.test(value)) throw new UpgradeRefused(400, `no value of a header: ${name}`);
      request.headers[name] ??= value;
    }
  }

  #refuse({ error, status, body }: RefusedClient, request: IncomingMessage, socket: Duplex): void {
    this.supervisor.refused(error, request);
    respond(socket, answerWith(status, body));
  }
}
