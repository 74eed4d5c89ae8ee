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

/** Prefix of a URL parameter that stands for a header, as a browser cannot set headers (HS14). */
const urlHeaderPrefix = 'x-websocket-header-';

/** Matches characters that a header's value must not have. */
const unsafeInHeader = /[\0\r\n]/;

/**
 * Error that refuses an upgrade with an HTTP status. The client receives its text, whatever the status (HS1).
 * @example const onUpgrade = () => { throw new UpgradeRefused(401, 'log in first'); };
 */
export class UpgradeRefused extends Error {
  /** Always 'UpgradeRefused'. */
  override readonly name = 'UpgradeRefused';
  /** Creates the error. `message` is the text of the answer. */
  constructor(
    /** HTTP status of the answer, 400 to 599. Any other becomes 403. */
    readonly status: number,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

const isControl = (code: number): boolean => code < 0x21 || (code >= 0x7f && code < 0xa0);

/** Returns what is wrong with an id, or `undefined` (HS11). */
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

/** Returns the HTTP status of an error, if it has one. Reading a thrown value may throw. */
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
      this.#refuse(new UpgradeRefused(400, error.message, { cause: error }), request, socket),
    );
  }

  /** Whether the server is closing or closed. */
  get isOver(): boolean {
    return !this.supervisor.isAccepting;
  }

  /** Destroys every socket that is still in admission. */
  close(): void {
    for (const socket of this.#pending) this.#drop(socket);
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
    this.#report(new UpgradeRefused(400, 'no websocket upgrade'), request);
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
      this.#report(new HandlerTimeout(connectTimeout), request);
    }, connectTimeout);
    const settled = (): void => {
      this.parts.clock.clearTimeout(deadline);
      socket.off('close', settled);
    };
    socket.once('close', settled);
    this.#accept(request, socket, head, opened)
      .catch((error: unknown) => {
        // The timeout was reported already.
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
    if (this.isOver) return this.#drop(socket);
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

  /** Hands the socket over to the WebSocket, which handles its errors from now on. */
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
    this.#report(error, request);
    const status = statusOf(error);
    // The text of an internal error may be secret. The text of an UpgradeRefused is meant for the client.
    const isPublic = isInstance(error, UpgradeRefused) || (status !== undefined && status < 500);
    if (status === undefined) respond(socket, answerWith(403, 'refused'));
    else respond(socket, answerWith(status, isPublic ? errorText(error) : undefined));
  }

  #report(error: unknown, request: IncomingMessage): void {
    this.supervisor.counters.refusedUpgrades++;
    const failed = (failure: unknown): void => this.supervisor.report(failure, { during: 'onUpgradeError' });
    try {
      Promise.resolve(this.options.onUpgradeError?.(error, request)).catch(failed);
    } catch (failure) {
      failed(failure);
    }
  }
}

/** Returns a flat copy. A concatenated string keeps its parts in memory: over 1 KiB for an id. */
const compact = (text: string): string => Buffer.from(text, 'utf16le').toString('utf16le');
