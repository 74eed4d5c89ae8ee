import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { isInstance } from '../actors/runtime/guard.js';
import type { Supervisor } from '../actors/supervisor/supervisor.js';
import { errorText, HandlerTimeout } from '../protocol/errors.js';
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

/** A header that a browser, which cannot set any, may send as a URL parameter. */
const urlHeaderPrefix = 'x-websocket-header-';

/** What would end a header, or is none of its characters. */
const unsafeInHeader = /[\0\r\n]/;

/** An upgrade that is answered with an HTTP status. */
export class UpgradeRefused extends Error {
  override readonly name = 'UpgradeRefused';
  constructor(
    readonly status: number,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

const isControl = (code: number): boolean => code < 0x21 || (code >= 0x7f && code < 0xa0);

/** An id has 1 to 128 bytes, without control characters, spaces and semicolons, and is no declared namespace. */
const idFault = (id: unknown, isNamespace: (name: string) => boolean): string | undefined => {
  if (typeof id !== 'string') return `an id is a string, got ${typeof id}`;
  const bytes = Buffer.byteLength(id);
  if (bytes === 0 || bytes > 128) return `an id has 1 to 128 bytes, got ${bytes}`;
  for (const character of id) {
    if (character === ';' || isControl(character.codePointAt(0) ?? 0)) {
      return 'an id has no control characters, spaces or semicolons';
    }
  }
  return isNamespace(id) ? `the id "${id}" is the name of a namespace` : undefined;
};

const isSameHost = (origin: string, host: string | undefined): boolean => {
  try {
    const { host: originHost, username, password } = new URL(origin);
    return originHost !== '' && username === '' && password === '' && originHost === host?.toLowerCase();
  } catch {
    return false;
  }
};

/** The HTTP status that an error carries, as those of many frameworks do. What was thrown may set traps. */
const statusOf = (error: unknown): number | undefined => {
  try {
    if (typeof error !== 'object' || error === null) return undefined;
    const status = 'status' in error ? error.status : 'statusCode' in error ? error.statusCode : undefined;
    return typeof status === 'number' && Number.isInteger(status) && status >= 400 && status <= 599
      ? status
      : undefined;
  } catch {
    return undefined;
  }
};

type IdGenerator = NonNullable<CheckedOptions['idGenerator']>;

const ignoreError = (): void => {};

/** Turns upgrade requests into connections. */
export class Upgrades implements Mounted {
  readonly #handshake: Handshake;
  readonly #line: AdmissionQueue;
  /** Sockets that are not websockets yet. */
  readonly #pending = new Set<Duplex>();

  constructor(
    private readonly options: CheckedOptions,
    private readonly supervisor: Supervisor,
    private readonly parts: ServerParts,
  ) {
    const { limits, protocols } = options;
    this.#line = new AdmissionQueue(limits.admission, limits.admissionTimeout, parts.clock);
    this.#handshake = parts.transport({ ...limits, protocols }, parts.clock, (error, request, socket) =>
      this.#refuse(new UpgradeRefused(400, error.message, { cause: error }), request, socket),
    );
  }

  get isOver(): boolean {
    return !this.supervisor.isAccepting;
  }

  /** Whoever is still on the way in is turned away. */
  close(): void {
    for (const socket of this.#pending) this.#turnAway(socket);
  }

  /** Takes over a socket that asks for an upgrade (HS1). */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', ignoreError);
    if (request.method === 'HEAD') {
      this.probe(socket, () => respond(socket, isHere));
    } else if (request.method !== 'GET') {
      respond(socket, answerWith(405));
    } else if (this.isOver) {
      this.#turnAway(socket);
    } else if (!socket.destroyed) {
      this.#whenFree(socket, (opened) => this.#consider(request, socket, head, opened));
    }
  }

  /** A GET that asks for no upgrade was answered so. */
  refused(request: IncomingMessage): void {
    this.#tell(new UpgradeRefused(400, 'no websocket upgrade'), request);
  }

  /** Answers a client that looks whether the server is there, when an upgrade would not have to wait (HS15). */
  probe(socket: Duplex, answer: () => void): void {
    if (this.isOver) return this.#turnAway(socket);
    return this.#whenFree(socket, (answered) => {
      answered();
      answer();
    });
  }

  /** Goes on when there is a place for one more; what it gets ends the need for one, as does the end of the socket. */
  #whenFree(socket: Duplex, goOn: (done: () => void) => void): void {
    // One socket stands in line once, however much it sends ahead.
    if (this.#pending.has(socket)) return this.#turnAway(socket);
    this.#pending.add(socket);
    const done = (): void => {
      socket.off('close', done);
      this.#pending.delete(socket);
      ticket.release();
    };
    socket.once('close', done);
    const ticket = this.#line.enter(
      () => queueMicrotask(() => !socket.destroyed && goOn(done)),
      () => this.#turnAway(socket),
    );
  }

  /** It cannot be taken, not now: one who gets no answer tries again. */
  #turnAway(socket: Duplex): void {
    this.supervisor.counters.refusedArrivals++;
    socket.destroy();
  }

  /** A client that gets no answer in time is not told anything, so that it tries again. */
  #consider(request: IncomingMessage, socket: Duplex, head: Buffer, opened: () => void): void {
    const { connectTimeout } = this.options.limits;
    let isLate = false;
    const deadline = this.parts.clock.setTimeout(() => {
      isLate = true;
      socket.destroy();
      this.#tell(new HandlerTimeout(connectTimeout), request);
    }, connectTimeout);
    const settled = (): void => {
      this.parts.clock.clearTimeout(deadline);
      socket.off('close', settled);
    };
    socket.once('close', settled);
    this.#accept(request, socket, head, opened)
      .catch((error: unknown) => {
        // It was told already that this came to nothing.
        if (!isLate) this.#refuse(error, request, socket);
      })
      .finally(settled);
  }

  async #accept(request: IncomingMessage, socket: Duplex, head: Buffer, opened: () => void): Promise<void> {
    const { onUpgrade, idGenerator } = this.options;
    this.#checkOrigin(request);
    this.#takeUrlHeaders(request);
    const verdict = await onUpgrade?.(request);
    if (isInstance(verdict, Error)) throw verdict;
    const made = idGenerator ? await this.#makeId(idGenerator, request) : this.parts.random.uuid();
    this.#checkId(made);
    if (socket.destroyed) return;
    if (this.isOver) return this.#turnAway(socket);
    this.#handshake(request, socket, head, (upgraded) => {
      this.#handOver(socket);
      this.supervisor.connect({
        id: compact(made),
        request,
        socket: upgraded,
        outlet: upgraded.outlet,
        attach: (listener) => upgraded.listen(listener),
        opened,
      });
    });
  }

  /** From here on the websocket looks after it. */
  #handOver(socket: Duplex): void {
    socket.off('error', ignoreError);
    this.#pending.delete(socket);
  }

  async #makeId(generate: IdGenerator, request: IncomingMessage): Promise<string> {
    try {
      return await generate(request);
    } catch (cause) {
      throw new UpgradeRefused(500, 'no connection id', { cause });
    }
  }

  #checkId(id: string): void {
    try {
      const fault = idFault(id, (name) => name !== '' && this.supervisor.handlers.declares(name));
      if (fault) throw new TypeError(fault);
      this.supervisor.assertCarried(id);
    } catch (cause) {
      throw new UpgradeRefused(500, 'no connection id', { cause });
    }
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

  #refuse(error: unknown, request: IncomingMessage, socket: Duplex): void {
    this.#tell(error, request);
    const status = statusOf(error);
    // What went wrong inside the program is nobody's business; UpgradeRefused says what may be said.
    const isTold = isInstance(error, UpgradeRefused) || (status !== undefined && status < 500);
    if (status === undefined) respond(socket, answerWith(403, 'refused'));
    else respond(socket, answerWith(status, isTold ? errorText(error) : undefined));
  }

  #tell(error: unknown, request: IncomingMessage): void {
    this.supervisor.counters.refusedUpgrades++;
    const failed = (failure: unknown): void => this.supervisor.report(failure, { during: 'onUpgradeError' });
    try {
      Promise.resolve(this.options.onUpgradeError?.(error, request)).catch(failed);
    } catch (failure) {
      failed(failure);
    }
  }
}

/** A text that was put together from parts keeps each of them in memory, which for an id is more than a kilobyte. */
const compact = (text: string): string => Buffer.from(text, 'utf16le').toString('utf16le');
