import type { ServerResponse } from 'node:http';
import type { AnyMachineSnapshot } from 'xstate';
import type { Clock } from '../actors/runtime/clock.js';
import type { Server } from '../server/server.js';
import type { ActorNames } from './actorNames.js';
import { statesOf } from './draw/chart.js';
import { FollowedConnection } from './followed.js';
import { StateCounts } from './stateCounts.js';
import { Viewer } from './viewer.js';

/** Time between two snapshots, and between two calls of `authorize` for an open page, in ms (IN10, IN13). */
const sendEvery = 250;
const authorizeEvery = 15_000;
/** Maximum number of open pages (IN13). */
const maxViewers = 32;
/** Maximum number of dropped connections in a snapshot. */
const maxDropped = 8;

/** The headers of a stream of server-sent events. */
export const streamHeaders = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  // Asks a proxy not to buffer the stream.
  'X-Accel-Buffering': 'no',
};

/** An open stream of server-sent events. */
export interface StreamViewer {
  /** Resolves with whether the stream is still authorized. */
  readonly isAuthorized: () => Promise<boolean>;
  /** Ends the stream. A second call does nothing. */
  end(): void;
}

/**
 * Calls back once a response is closed. Node reports no close for a response that waits behind another on its socket.
 */
const onClose = (response: ServerResponse, closed: () => void): void => {
  response.on('error', () => {});
  response.once('close', closed);
  response.req.socket.once('close', closed);
};

/** Sends snapshots of the server to the open pages. Observes the server only while a page is open (IN13). */
export class Feed {
  readonly #viewers = new Set<Viewer>();
  /** Streams that another part writes. The feed authorizes and ends them. */
  readonly #streams = new Set<StreamViewer>();
  /** Viewers whose `authorize` has not settled yet. */
  readonly #undecided = new Set<StreamViewer>();
  readonly #followed = new Map<string, FollowedConnection>();
  #stateCounts: StateCounts | undefined;
  #unsubscribe: (() => void) | undefined;
  #timer: unknown;
  readonly #clock: Clock;
  #authorizedAt = 0;

  constructor(
    private readonly server: Server,
    private readonly names: ActorNames,
  ) {
    this.#clock = server.watching.clock;
  }

  /** Number of open pages and streams. */
  get viewers(): number {
    return this.#viewers.size + this.#streams.size;
  }

  /** Whether the maximum number of pages is open. */
  get isFull(): boolean {
    return this.viewers >= maxViewers;
  }

  /** Opens the stream of a page, which follows the given actor if it is a connection of this process. */
  open(response: ServerResponse, follows: string, isAuthorized: () => Promise<boolean>): void {
    const viewer = new Viewer(response.writeHead(200, streamHeaders), this.#follow(follows), isAuthorized);
    this.#viewers.add(viewer);
    onClose(response, () => this.#remove(viewer));
    this.#startTimer();
    if (this.#viewers.size === 1) this.#observe();
    this.#send([viewer]);
  }

  /** Adds a stream that another part writes. The feed authorizes it again every 15 s and ends it on `close`. */
  add(response: ServerResponse, stream: StreamViewer): void {
    this.#streams.add(stream);
    onClose(response, () => this.#end(stream));
    this.#startTimer();
  }

  /** Ends all streams. */
  close(): void {
    for (const one of [...this.#streams, ...this.#viewers]) this.#end(one);
  }

  #startTimer(): void {
    if (this.#timer !== undefined) return;
    this.#authorizedAt = this.#clock.wallNow();
    this.#schedule();
  }

  #schedule(): void {
    this.#timer = this.#clock.setTimeout(() => {
      this.#schedule();
      this.#update();
    }, sendEvery);
    this.#clock.unref(this.#timer);
  }

  #observe(): void {
    const { watching } = this.server;
    const stateCounts = new StateCounts(watching.machines.connection, () => this.#clock.now());
    this.#stateCounts = stateCounts;
    this.#unsubscribe = watching.subscribe({
      began: (actor) => stateCounts.began(actor),
      stepped: (actor, _event, before, after) => stateCounts.stepped(actor, before, after),
    });
    stateCounts.begin();
  }

  #end(one: StreamViewer): void {
    one.end();
    this.#undecided.delete(one);
    if (one instanceof Viewer) this.#remove(one);
    else if (this.#streams.delete(one)) this.#stopTimer();
  }

  #stopTimer(): void {
    if (this.viewers > 0) return;
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #remove(viewer: Viewer): void {
    if (!this.#viewers.delete(viewer)) return;
    const { followed } = viewer;
    if (followed && --followed.followers === 0) {
      this.#followed.delete(followed.conn.actor.id);
      followed.end();
    }
    this.#stopTimer();
    if (this.#viewers.size > 0) return;
    this.#unsubscribe?.();
    this.#stateCounts = undefined;
  }

  #follow(reference: string): FollowedConnection | undefined {
    const { server, names } = this;
    const actorId = names.actorOf(reference);
    const conn = server.watching.connOf(actorId);
    const followed =
      this.#followed.get(actorId) ??
      (conn && new FollowedConnection(conn, server.watching, () => this.#clock.wallNow()));
    if (!followed) return undefined;
    this.#followed.set(actorId, followed);
    followed.followers++;
    return followed;
  }

  #update(): void {
    if (this.#viewers.size > 0) this.#send(this.#viewers);
    const now = this.#clock.wallNow();
    if (now - this.#authorizedAt < authorizeEvery) return;
    this.#authorizedAt = now;
    // An `authorize` that has not settled since the last time counts as a refusal.
    for (const one of [...this.#undecided]) this.#end(one);
    for (const one of [...this.#streams, ...this.#viewers]) this.#authorize(one);
  }

  #authorize(one: StreamViewer): void {
    this.#undecided.add(one);
    void one.isAuthorized().then((isAllowed) => {
      this.#undecided.delete(one);
      if (!isAllowed) this.#end(one);
    });
  }

  #send(viewers: Iterable<Viewer>): void {
    const now = this.#clock.wallNow();
    const overview = JSON.stringify(this.#overview(now));
    const views = new Map<FollowedConnection | undefined, string>();
    for (const [actorId, followed] of this.#followed) {
      views.set(followed, JSON.stringify({ ...followed.view(), actor: this.names.referenceTo(actorId) }));
    }
    for (const viewer of viewers) {
      const view = views.get(viewer.followed) ?? 'null';
      const isOpen = viewer.send(`{"overview":${overview},"followed":${view}}`, now);
      if (!isOpen) this.#remove(viewer);
    }
  }

  /** Returns the last abnormal closes with their Unix times; `undefined` without a recorder. */
  #dropped(now: number) {
    const { watching } = this.server;
    return watching.abnormalCloses
      ?.slice(0, maxDropped)
      .map(({ at, ...one }) => ({ ...one, at: now - watching.since(at) }));
  }

  #overview(at: number) {
    const { server } = this;
    const { exchange } = server;
    const snapshot: AnyMachineSnapshot = server.supervisor.getSnapshot();
    return {
      at,
      process: this.names.process,
      total: server.totalConnections,
      states: this.#stateCounts?.read() ?? [],
      supervisor: statesOf(snapshot),
      pressure: server.pressure,
      counters: server.counters,
      dropped: this.#dropped(at),
      exchange: exchange && {
        name: exchange.name,
        states: statesOf(exchange.actor.getSnapshot()),
        status: exchange.status,
      },
    };
  }
}
