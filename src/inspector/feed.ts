import type { ServerResponse } from 'node:http';
import type { AnyMachineSnapshot } from 'xstate';
import type { Clock } from '../actors/runtime/clock.js';
import type { Server } from '../server/server.js';
import type { ActorNames } from './actorNames.js';
import { statesOf } from './draw/chart.js';
import { FollowedConnection } from './followed.js';
import { StateCounts } from './stateCounts.js';
import { Viewer } from './viewer.js';

/** How often viewers are told how things stand, and how often they are asked for again, in milliseconds. */
const tellEvery = 250;
const askEvery = 15_000;
const mostViewers = 32;
/** So many connections that have fallen are shown. */
const mostFallen = 8;

export const streamHeaders = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  // A proxy on the way is asked not to wait for more.
  'X-Accel-Buffering': 'no',
};

/** A stream that somebody else writes. */
export interface Guest {
  /** May it still look? */
  readonly mayStay: () => Promise<boolean>;
  /** It is told nothing more; may be said more than once. */
  end(): void;
}

/** Node says nothing of the end of a response that waits behind another one of its socket. */
const whenGone = (response: ServerResponse, gone: () => void): void => {
  response.on('error', () => {});
  response.once('close', gone);
  response.req.socket.once('close', gone);
};

/** What the viewers are told. While there is none, nothing of the server is watched. */
export class Feed {
  readonly #viewers = new Set<Viewer>();
  /** Those that are told something else, and are looked after here all the same. */
  readonly #guests = new Set<Guest>();
  /** Those of whom it is not decided whether they may stay. */
  readonly #asking = new Set<Guest>();
  readonly #subjects = new Map<string, FollowedConnection>();
  #census: StateCounts | undefined;
  #stopWatching: (() => void) | undefined;
  #timer: unknown;
  readonly #clock: Clock;
  #askedAt = 0;

  constructor(
    private readonly server: Server,
    private readonly names: ActorNames,
  ) {
    this.#clock = server.watching.clock;
  }

  get viewers(): number {
    return this.#viewers.size + this.#guests.size;
  }
  get isFull(): boolean {
    return this.viewers >= mostViewers;
  }

  /** Somebody looks, and follows this actor, if there is one of this name. */
  join(response: ServerResponse, follows: string, mayStay: () => Promise<boolean>): void {
    const viewer = new Viewer(response.writeHead(200, streamHeaders), this.#follow(follows), mayStay);
    this.#viewers.add(viewer);
    whenGone(response, () => this.#leave(viewer));
    this.#wake();
    if (this.#viewers.size === 1) this.#begin();
    this.#tell([viewer]);
  }

  /** Somebody looks who is told something else; ends with the others. */
  welcome(response: ServerResponse, guest: Guest): void {
    this.#guests.add(guest);
    whenGone(response, () => this.#sendAway(guest));
    this.#wake();
  }

  /** Nobody looks any more. */
  close(): void {
    for (const one of [...this.#guests, ...this.#viewers]) this.#sendAway(one);
  }

  #wake(): void {
    if (this.#timer !== undefined) return;
    this.#askedAt = this.#clock.wallNow();
    this.#arm();
  }

  #arm(): void {
    this.#timer = this.#clock.setTimeout(() => {
      this.#arm();
      this.#tick();
    }, tellEvery);
    this.#clock.unref(this.#timer);
  }

  #begin(): void {
    const { watching } = this.server;
    const census = new StateCounts(watching.machines.connection, () => this.#clock.now());
    this.#census = census;
    this.#stopWatching = watching.subscribe({
      began: (actor) => census.began(actor),
      stepped: (actor, _event, before, after) => census.stepped(actor, before, after),
    });
    census.begin();
  }

  #sendAway(one: Guest): void {
    one.end();
    this.#asking.delete(one);
    if (one instanceof Viewer) this.#leave(one);
    else if (this.#guests.delete(one)) this.#rest();
  }

  #rest(): void {
    if (this.viewers > 0) return;
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #leave(viewer: Viewer): void {
    if (!this.#viewers.delete(viewer)) return;
    const { subject } = viewer;
    if (subject && --subject.followers === 0) {
      this.#subjects.delete(subject.conn.actor.id);
      subject.end();
    }
    this.#rest();
    if (this.#viewers.size > 0) return;
    this.#stopWatching?.();
    this.#census = undefined;
  }

  #follow(reference: string): FollowedConnection | undefined {
    const { server, names } = this;
    const actorId = names.actorOf(reference);
    const conn = server.watching.connOf(actorId);
    const subject =
      this.#subjects.get(actorId) ??
      (conn && new FollowedConnection(conn, server.watching, () => this.#clock.wallNow()));
    if (!subject) return undefined;
    this.#subjects.set(actorId, subject);
    subject.followers++;
    return subject;
  }

  #tick(): void {
    if (this.#viewers.size > 0) this.#tell(this.#viewers);
    const now = this.#clock.wallNow();
    if (now - this.#askedAt < askEvery) return;
    this.#askedAt = now;
    // Whoever has not got an answer since the last time has got one.
    for (const one of [...this.#asking]) this.#sendAway(one);
    for (const one of [...this.#guests, ...this.#viewers]) this.#askFor(one);
  }

  #askFor(one: Guest): void {
    this.#asking.add(one);
    void one.mayStay().then((may) => {
      this.#asking.delete(one);
      if (!may) this.#sendAway(one);
    });
  }

  #tell(viewers: Iterable<Viewer>): void {
    const now = this.#clock.wallNow();
    const overview = JSON.stringify(this.#overview(now));
    const views = new Map<FollowedConnection | undefined, string>();
    for (const [actorId, subject] of this.#subjects) {
      views.set(subject, JSON.stringify({ ...subject.view(), actor: this.names.referenceTo(actorId) }));
    }
    for (const viewer of viewers) {
      const isThere = viewer.tell(`{"overview":${overview},"subject":${views.get(viewer.subject) ?? 'null'}}`, now);
      if (!isThere) this.#leave(viewer);
    }
  }

  /** Those that did not end as they should, and when; nothing when that is not recorded. */
  #fallen(now: number) {
    const { watching } = this.server;
    return watching.abnormalCloses
      ?.slice(0, mostFallen)
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
      states: this.#census?.read() ?? [],
      supervisor: statesOf(snapshot),
      pressure: server.pressure,
      counters: server.counters,
      fallen: this.#fallen(at),
      exchange: exchange && {
        name: exchange.name,
        states: statesOf(exchange.actor.getSnapshot()),
        status: exchange.status,
      },
    };
  }
}
