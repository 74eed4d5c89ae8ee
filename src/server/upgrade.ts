import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { isInstance, isThenable } from '../actors/runtime/guard.js';
import { Warnings } from '../actors/runtime/warnings.js';
import type { Identified } from '../actors/sessions/identification.js';
import { type RefusedClient, refusalBy, UpgradeRefused } from '../actors/sessions/refusal.js';
import type { Supervisor } from '../actors/supervisor/supervisor.js';
import type { SocketListener } from '../actors/transport/socket.js';
import { errorText, HandlerTimeout } from '../protocol/errors.js';
import { Admission } from './admission/admission.js';
import { originRefusal } from './admission/origin.js';
import { assertUpgradable } from './admission/requestHead.js';
import { shareHeaders } from './admission/sharedHeaders.js';
import { takeUrlHeaders } from './admission/urlHeaders.js';
import { answerWith, isHere, respond } from './httpResponses.js';
import type { Mounted } from './mount.js';
import type { CheckedOptions } from './options.js';
import type { ServerParts } from './parts.js';
import type { Handshake } from './socket/handshake.js';

/** A request that has a slot of admission. */
interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  /** Releases the slot. */
  readonly opened: () => void;
}

/** The refusal of an upgrade, if there is one: a promise where a hook of the program returned one. */
type Decision = RefusedClient | undefined | Promise<RefusedClient | undefined>;

const ignoreError = (): void => {};

const crowdedProxy = (address: string | undefined): string =>
  `Clients wait to connect, as all come from ${address}. Its requests have X-Forwarded-For: if it is a proxy, set trustProxy, or else raise the limit admissionPerAddress.`;

/** The part of a server that turns upgrade requests into connections (HS1, HS15). */
export class Upgrades implements Mounted {
  readonly #handshake: Handshake;
  readonly #admission: Admission;
  /** Each by itself, so that many origins, which clients choose, keep no other warning back. */
  readonly #warnings = { origins: new Warnings(), proxy: new Warnings() };

  /** Creates the part for one server. */
  constructor(
    private readonly options: CheckedOptions,
    private readonly supervisor: Supervisor,
    private readonly parts: ServerParts,
  ) {
    const { limits, protocols } = options;
    const { counters, ticks, background, compression } = supervisor;
    const { clock, fastPaths } = parts;
    this.#admission = new Admission({ limits, clock, counters });
    const shared = { clock, ticks, background, fastPaths };
    this.#handshake = parts.transport(
      { ...limits, protocols, counters, compression },
      shared,
      (error, request, socket) =>
        this.#refuse(refusalBy('onUpgrade', new UpgradeRefused(400, error.message, { cause: error })), request, socket),
    );
  }

  /** Whether the server is closing or closed. */
  get isOver(): boolean {
    return !this.supervisor.isAccepting;
  }

  /** Destroys every socket that is still in admission. */
  close(): void {
    this.#admission.close();
    this.supervisor.greetings.close();
  }

  /** Takes over a socket that asks for an upgrade (HS1). */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', ignoreError);
    if (request.method === 'HEAD') {
      this.probe(request, socket, () => respond(socket, isHere));
    } else if (request.method !== 'GET') {
      respond(socket, answerWith(405));
    } else if (this.isOver) {
      this.#admission.drop(socket);
    } else {
      this.#whenFree(request, socket, (opened) => this.#decide(request, socket, head, opened));
    }
  }

  /** Returns the address of the client of a request, if it is known (HS17). */
  addressOf(request: IncomingMessage): string | undefined {
    return this.options.proxies.addressOf(request);
  }

  /** Reports a `GET` without upgrade, which was answered with 400 (HS12). */
  refused(request: IncomingMessage): void {
    this.supervisor.refused(new UpgradeRefused(400, 'no websocket upgrade'), request);
  }

  /** Calls `answer` for a `HEAD` request once an upgrade would not have to wait (HS12, HS15). */
  probe(request: IncomingMessage, socket: Duplex, answer: () => void): void {
    if (this.isOver) return this.#admission.drop(socket);
    return this.#whenFree(request, socket, (answered) => {
      answered();
      answer();
    });
  }

  /** Calls `proceed` once a slot is free for the address of a request. */
  #whenFree(request: IncomingMessage, socket: Duplex, proceed: (done: () => void) => void): void {
    // Node forgets the address of a closed socket, unless it was read before.
    const address = this.addressOf(request);
    if (this.#admission.isCrowded(address) && this.options.proxies.ignores(request)) {
      this.#warnings.proxy.warn('proxy', crowdedProxy(address));
    }
    this.#admission.whenFree(address, socket, proceed);
  }

  /** Decides about an upgrade: at once, unless a hook of the program returns a promise. */
  #decide(request: IncomingMessage, socket: Duplex, head: Buffer, opened: () => void): void {
    try {
      const decision = this.#accept({ request, socket, head, opened });
      if (decision instanceof Promise) this.#await(decision, request, socket);
      else if (decision) this.#refuse(decision, request, socket);
    } catch (error) {
      this.#refuse(refusalBy('onUpgrade', error), request, socket);
    }
  }

  /** Waits for a decision. At its deadline, destroys the socket unanswered, so that the client retries (HS8). */
  #await(decision: Promise<RefusedClient | undefined>, request: IncomingMessage, socket: Duplex): void {
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
    decision
      .catch((error: unknown) => refusalBy('onUpgrade', error))
      .then((refusal) => {
        // The timeout was reported already.
        if (refusal && !isLate) this.#refuse(refusal, request, socket);
      })
      .finally(settled);
  }

  /** Asks the hooks of the program, and makes the WebSocket. Returns the refusal, if there is one. */
  #accept(upgrade: Upgrade): Decision {
    const { request } = upgrade;
    assertUpgradable(request);
    const foreign = originRefusal(request, this.options);
    if (foreign) {
      this.#warnOf(foreign, request);
      return foreign;
    }
    takeUrlHeaders(request, this.options.urlHeaders);
    const refusal = this.#askProgram(request);
    return refusal instanceof Promise
      ? refusal.then((late) => this.#identify(upgrade, late))
      : this.#identify(upgrade, refusal);
  }

  #identify(upgrade: Upgrade, refusal: RefusedClient | undefined): Decision {
    const { request } = upgrade;
    const { identification, greetings } = this.supervisor;
    if (greetings.isGreeted(request)) return this.#greet(upgrade, refusal);
    const outcome = refusal ?? identification.run(undefined, request);
    return outcome instanceof Promise
      ? outcome.then((late) => this.#complete(upgrade, late))
      : this.#complete(upgrade, outcome);
  }

  #complete(
    { request, socket, head, opened }: Upgrade,
    outcome: Identified | RefusedClient,
  ): RefusedClient | undefined {
    if (outcome.kind === 'refused') return outcome;
    if (this.#isLost(socket)) return undefined;
    const { id, identity } = outcome;
    shareHeaders(request);
    this.#handshake(request, socket, head, (upgraded) => {
      this.#handOver(socket);
      const { outlet } = upgraded;
      const opening = this.supervisor.greetings.isHinted(request) ? 'native' : undefined;
      const attach = (listener: SocketListener): void => upgraded.listen(listener);
      this.supervisor.connect({ id, identity, request, socket: upgraded, outlet, opened, opening, attach });
    });
    return undefined;
  }

  /** Warns of a refused origin, once, if the program has no hook that is told. */
  #warnOf({ error }: RefusedClient, { headers: { origin } }: IncomingMessage): void {
    if (!this.options.onUpgradeError) this.#warnings.origins.warn(`origin ${origin?.slice(0, 200)}`, errorText(error));
  }

  /** Returns the refusal of `onUpgrade`, if there is one. */
  #askProgram(request: IncomingMessage): Decision {
    const { options } = this;
    if (!options.onUpgrade) return undefined;
    const refused = (error: unknown): RefusedClient => refusalBy('onUpgrade', error, options.exposeErrors);
    const judged = (verdict: unknown): RefusedClient | undefined =>
      isInstance(verdict, Error) ? refused(verdict) : undefined;
    try {
      const verdict: unknown = options.onUpgrade(request);
      return isThenable(verdict) ? Promise.resolve(verdict).then(judged, refused) : judged(verdict);
    } catch (error) {
      return refused(error);
    }
  }

  /** Waits for the first frame of a client of the session layer. Refuses it after the 101, so that it reads why. */
  #greet({ request, socket, head, opened }: Upgrade, refusal: RefusedClient | undefined): undefined {
    if (this.#isLost(socket)) return;
    this.#handshake(request, socket, head, (upgraded) => {
      this.#handOver(socket);
      const { greetings } = this.supervisor;
      shareHeaders(request);
      const hinted = { request, socket: upgraded, opened };
      if (!refusal) return greetings.begin(hinted);
      this.supervisor.refused(refusal.error, request);
      return greetings.refuse(hinted, refusal);
    });
  }

  /** Returns whether a socket is of no use any more. Drops it when the server is over. */
  #isLost(socket: Duplex): boolean {
    if (!socket.destroyed && this.isOver) this.#admission.drop(socket);
    return socket.destroyed;
  }

  /** Hands the socket over to the WebSocket, which handles its errors from now on. */
  #handOver(socket: Duplex): void {
    socket.off('error', ignoreError);
    this.#admission.handOver(socket);
  }

  #refuse({ error, status, body }: RefusedClient, request: IncomingMessage, socket: Duplex): void {
    this.supervisor.refused(error, request);
    respond(socket, answerWith(status, body));
  }
}
