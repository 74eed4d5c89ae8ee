import { expect } from 'vitest';
import { NSConn, type Room } from '../../../src/client/handles.js';
import type { Events, Recovery } from '../../../src/client/options.js';
import { reply } from '../../../src/protocol/errors.js';
import { ClientWorld } from './clientWorld.js';
import { ModelClient } from './modelClient.js';
import type { Outcome } from './modelOutcome.js';
import { declared, type ModelPlace } from './modelPlace.js';
import { ScriptedServer } from './scriptedServer.js';

/** A promise of the program, and what the model says of it. */
interface Watched {
  readonly name: string;
  readonly real: Outcome;
  readonly model: Outcome;
  /** How often the real one has settled. */
  settlements: number;
}

interface AskHandle {
  readonly token: string;
  readonly controller: AbortController;
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const lifecycle = [
  '_OnNamespaceConnect',
  '_OnNamespaceConnected',
  '_OnNamespaceDisconnect',
  '_OnRoomJoin',
  '_OnRoomJoined',
  '_OnRoomLeave',
  '_OnRoomLeft',
] as const;

/** A real client and the model of it, each with a server of its own. */
export class Pair {
  readonly model: ModelClient;
  readonly world: ClientWorld;
  readonly watched: Watched[] = [];
  readonly asks: AskHandle[] = [];
  readonly handled: string[] = [];
  readonly recoveries: string[] = [];
  /** The handles that the program has seen, by name. It keeps those of what it has left. */
  readonly held = new Map<string, NSConn | Room>();
  readonly #handles = new Map<ModelPlace | string, NSConn | Room>();
  #release: (() => void) | undefined;

  constructor(random: number) {
    this.model = new ModelClient(new ScriptedServer(), random);
    this.world = new ClientWorld(
      new ScriptedServer(),
      {
        namespaces: Object.fromEntries(declared.map((namespace) => [namespace, this.#events()])),
        onReconnect: (recovery) => void this.recoveries.push(describeRecovery(recovery)),
      },
      () => random,
    );
    this.watch(
      'ready',
      this.world.client.ready.then(() => ''),
      this.model.ready,
    );
  }

  /** Keeps an eye on a promise. */
  readonly watch = (name: string, promise: Promise<string>, model: Outcome): void => {
    const real: Outcome = { state: 'pending', text: '' };
    const watched: Watched = { name, real, model, settlements: 0 };
    const settled = (state: 'resolved' | 'rejected', text: string): void => {
      Object.assign(real, { state, text });
      watched.settlements++;
    };
    promise.then(
      (text) => settled('resolved', text),
      (error) => settled('rejected', textOf(error)),
    );
    this.watched.push(watched);
  };

  /** Compares what two calls of `emit` have returned. */
  emitted(isTaken: boolean, expected: boolean): void {
    expect(isTaken).toBe(expected);
  }

  ask(handle: NSConn | undefined, event: string, timeout: number): void {
    if (!handle) return;
    const controller = new AbortController();
    const promise = handle.ask(event, 'body', { timeout, signal: controller.signal });
    const { outcome, token } = this.model.ask(handle.namespace, event, 'body', timeout);
    this.asks.push({ token, controller });
    this.watch(
      `ask ${event}`,
      promise.then(({ body }) => String(body)),
      outcome,
    );
  }
  abort(at: number): void {
    const ask = this.asks[at % Math.max(1, this.asks.length)];
    ask?.controller.abort('aborted');
    if (ask) this.model.abort(ask.token);
  }

  /** The handler that has not settled settles. */
  release(): void {
    this.#release?.();
    this.model.release();
  }

  /** Compares all that a program can see, and all that the server has received. */
  check(): void {
    const { client, server, states, clock } = this.world;
    const { model } = this;
    const { counters } = client;
    const { lines, received, invalid, silences, sent, refused, unsent, inDoubt, strays } = counters;
    const { unhandled, lateAnswers, handlerErrors } = counters;
    expect({ states, reason: client.reason }).toEqual({
      states: ['dialing', ...model.states.slice(1)],
      reason: model.reason,
    });
    expect(normalise(server)).toEqual(normalise(model.server));
    expect(this.handled).toEqual(model.handled);
    expect(this.recoveries).toEqual(model.recoveries);
    expect(this.watched.map(({ name, real }) => [name, real])).toEqual(
      this.watched.map(({ name, model: expected }) => [name, expected]),
    );
    expect(this.watched.every(({ settlements }) => settlements <= 1)).toBe(true);
    expect({
      lines,
      received,
      invalid,
      silences,
      sent,
      refused,
      unsent,
      inDoubt,
      strays,
      unhandled,
      lateAnswers,
      handlerErrors,
    }).toEqual({
      ...model.counters,
      ...model.traffic,
    });
    expect(clock.now()).toBeCloseTo(model.clock.now(), 6);
    this.#checkHandles();
  }

  #checkHandles(): void {
    const { client } = this.world;
    for (const place of [...this.model.places.values()].flatMap((ns) => [ns, ...ns.rooms.values()])) {
      const ns = client.namespace(place.namespace);
      const held = this.#handles.get(place.namespace);
      const handle = place.room === '' ? ns : held instanceof NSConn ? held.room(place.room) : undefined;
      const isKept = this.model.isKept(place);
      expect([place.namespace, place.room, handle !== undefined]).toEqual([place.namespace, place.room, isKept]);
      if (!handle) continue;
      // A namespace keeps its handle for ever, and a room until it is left.
      const key = place.room === '' ? place.namespace : place;
      expect(this.#handles.get(key) ?? handle).toBe(handle);
      this.#handles.set(key, handle);
      this.held.set(`${place.namespace}/${place.room}`, handle);
      const nsPlace = this.model.places.get(place.namespace);
      const isIn = place.presence === 'in' && nsPlace?.presence === 'in';
      expect('isJoined' in handle ? handle.isJoined : handle.isConnected).toBe(isIn);
    }
  }

  #events(): Events {
    const log = (line: string): number => this.handled.push(line);
    const events: Record<string, Events[string]> = {};
    for (const event of lifecycle) {
      events[event] = (_, { namespace, room, isForced, isLocal }) =>
        void log(`${event} ${namespace}/${room} ${isForced ? 'F' : ''}${isLocal ? 'L' : ''}`);
    }
    const own: Events = {
      say: () => {},
      question: (_, { body }) => reply(`to ${String(body)}`),
      fault: () => {
        throw new Error('fault');
      },
      slow: () =>
        new Promise<void>((resolve) => {
          this.#release = resolve;
        }),
    };
    for (const [event, handler] of Object.entries(own)) {
      events[event] = (ns, message) => {
        log(`${event} ${message.namespace}/${message.room} ${String(message.body)}`);
        return handler(ns, message);
      };
    }
    return events;
  }
}

const describeRecovery = ({ reason, inDoubt, unsent, refused }: Recovery): string => {
  const entries = refused.map(({ namespace, room, error }) => `${namespace}/${room} ${textOf(error)}`);
  return `${reason.code} ${reason.text} doubt ${inDoubt} unsent ${unsent} refused ${entries}`;
};

/** What the server has received on each line, with tokens by the order in which they first came. */
const normalise = (server: ScriptedServer): string[][] => {
  const names = new Map<string, string>();
  return server.lines.map(({ received }) =>
    received.map((message) =>
      message.replace(/^\$(?!#)[^;]*/, (token) => {
        const name = names.get(token) ?? `$${names.size}`;
        names.set(token, name);
        return name;
      }),
    ),
  );
};
