import type { ServerResponse } from 'node:http';
import type { AnyMachineSnapshot } from 'xstate';
import type { Machines } from '../actors/house.js';
import type { Server } from '../server/server.js';
import { Census } from './census.js';
import { statesOf } from './chart.js';
import { Subject } from './subject.js';
import { Viewer } from './viewer.js';

/** How often viewers are told how things stand, and how often they are asked for again, in milliseconds. */
const tellEvery = 250;
export const askEvery = 15_000;
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
  readonly #subjects = new Map<string, Subject>();
  #census: Census | undefined;
  #stopWatching: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #askedAt = 0;

  constructor(
    private readonly server: Server,
    private readonly machines: Machines,
  ) {}

  get viewers(): number {
    return this.#viewers.size + this.#guests.size;
  }
  get isFull(): boolean {
    return this.viewers >= mostViewers;
  }

  /** Somebody looks, and follows this actor, if there is one of this name. */
  join(response: ServerResponse, follows: string, mayStay: () => Promise<boolean>): void {
    const viewer = new Viewer(response.writeHead(200, streamHeaders), follows, mayStay);
    this.#viewers.add(viewer);
    whenGone(response, () => this.#leave(viewer));
    if (this.#viewers.size === 1) this.#begin();
    this.#follow(follows);
    this.#tell([viewer]);
  }

  /** Somebody looks who is told something else; ends with the others. */
  welcome(response: ServerResponse, guest: Guest): void {
    this.#guests.add(guest);
    whenGone(response, () => {
      this.#guests.delete(guest);
      guest.end();
    });
  }

  /** Nobody looks any more. */
  close(): void {
    for (const guest of this.#guests) guest.end();
    this.#guests.clear();
    for (const viewer of this.#viewers) {
      viewer.end();
      this.#leave(viewer);
    }
  }

  #begin(): void {
    const { server, machines } = this;
    const census = new Census(machines.connection, () => performance.now());
    this.#census = census;
    this.#stopWatching = server.watching.listen({
      began: (actor) => census.began(actor),
      stepped: (actor, event, before, after) => {
        census.stepped(actor, before, after);
        this.#subjects.get(actor.id)?.trail.note(event, before, after);
      },
    });
    census.begin();
    this.#askedAt = Date.now();
    this.#timer = setInterval(() => this.#tick(), tellEvery);
    this.#timer.unref();
  }

  #leave(viewer: Viewer): void {
    if (!this.#viewers.delete(viewer)) return;
    const subject = this.#subjects.get(viewer.follows);
    if (subject && --subject.followers === 0) this.#subjects.delete(viewer.follows);
    if (this.#viewers.size > 0) return;
    clearInterval(this.#timer);
    this.#stopWatching?.();
    this.#census = undefined;
  }

  #follow(actorId: string): void {
    const { server } = this;
    let subject = this.#subjects.get(actorId);
    if (!subject) {
      const conn = actorId === '' ? undefined : server.connections().find(({ actor }) => actor.id === actorId);
      if (!conn) return;
      subject = new Subject(
        conn,
        (one) => server.watching.standpointsOf(one),
        () => Date.now(),
      );
      this.#subjects.set(actorId, subject);
    }
    subject.followers++;
  }

  #tick(): void {
    this.#tell(this.#viewers);
    const now = Date.now();
    if (now - this.#askedAt < askEvery) return;
    this.#askedAt = now;
    for (const viewer of this.#viewers) {
      void viewer.mayStay().then((may) => {
        if (may) return;
        viewer.end();
        this.#leave(viewer);
      });
    }
  }

  #tell(viewers: Iterable<Viewer>): void {
    const now = Date.now();
    const overview = JSON.stringify(this.#overview(now));
    const subjects = new Map(Array.from(this.#subjects, ([id, subject]) => [id, JSON.stringify(subject.view())]));
    for (const viewer of viewers) {
      const isThere = viewer.tell(`{"overview":${overview},"subject":${subjects.get(viewer.follows) ?? 'null'}}`, now);
      if (!isThere) this.#leave(viewer);
    }
  }

  /** Those that did not end as they should, and how long ago; nothing when that is not recorded. */
  #fallen() {
    const now = performance.now();
    return this.server.watching.fallen?.slice(0, mostFallen).map(({ at, ...one }) => ({ ...one, ago: now - at }));
  }

  #overview(at: number) {
    const { server } = this;
    const { exchange } = server;
    const snapshot: AnyMachineSnapshot = server.supervisor.getSnapshot();
    return {
      at,
      total: server.totalConnections,
      states: this.#census?.read() ?? [],
      supervisor: statesOf(snapshot),
      pressure: server.pressure,
      counters: server.counters,
      fallen: this.#fallen(),
      exchange: exchange && {
        name: exchange.name,
        states: statesOf(exchange.actor.getSnapshot()),
        status: exchange.status,
      },
    };
  }
}
