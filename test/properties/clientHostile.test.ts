import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Events } from '../../src/client/options.js';
import { askClient, bytes, contract, event, fromServer } from '../../src/contract/contract.js';
import { decode } from '../../src/protocol/codec.js';
import { reply } from '../../src/protocol/errors.js';
import { ClientWorld } from '../support/clientModel/clientWorld.js';
import { type Greeting, ScriptedServer } from '../support/clientModel/scriptedServer.js';
import { serverFrames } from '../support/clientModel/serverFrames.js';

/** Lines, each with so many frames at most. */
const runs = Number(process.env['MUSTER_RUNS'] ?? 480);
const most = 500;
/** A failure prints its seed. */
const seed = process.env['MUSTER_SEED'];

/** A schema that takes text. */
const text = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value: unknown) => (typeof value === 'string' ? { value } : { issues: [{ message: 'no text' }] }),
  },
} as const;
const app = contract({ app: { note: fromServer(text), say: event(bytes()), confirm: askClient(text, text) } });

const unhandled: unknown[] = [];
const note = (error: unknown): number => unhandled.push(error);
beforeEach(() => {
  process.on('unhandledRejection', note);
  process.on('uncaughtException', note);
});
afterEach(() => {
  process.off('unhandledRejection', note);
  process.off('uncaughtException', note);
});

/** Listeners that a client has added to signals and not removed. */
class SignalListeners {
  readonly present = new Set<unknown>();

  signal(): AbortSignal {
    const { signal } = new AbortController();
    signal.addEventListener = (_: string, listener: unknown) => void this.present.add(listener);
    signal.removeEventListener = (_: string, listener: unknown) => void this.present.delete(listener);
    return signal;
  }
}

/** A client of a hostile server, and what its program has seen. */
class Prey {
  handled = 0;
  readonly world: ClientWorld;
  readonly signals = new SignalListeners();
  #settled = 0;
  #asked = 0;

  constructor(greeting: Greeting) {
    const server = new ScriptedServer();
    server.greeting = greeting;
    const events: Events = {
      say: () => void this.handled++,
      question: () => {
        this.handled++;
        return reply('an answer');
      },
      fault: () => {
        this.handled++;
        throw new Error('fault');
      },
      fails: async () => {
        this.handled++;
        await Promise.resolve();
        throw new Error('fails');
      },
    };
    this.world = new ClientWorld(
      server,
      {
        auth: () => 'token',
        namespaces: {
          a: events,
          b: events,
          '': events,
          app: { note: () => void this.handled++, say: () => void this.handled++, confirm: () => void this.handled++ },
        },
        contract: app,
      },
      () => 0.5,
    );
  }

  /** Is in a namespace and a room, and has asked for more. */
  async begin(): Promise<void> {
    const { client } = this.world;
    this.#watch(client.connect('a', { signal: this.signals.signal() }));
    this.#watch(client.connect('app'));
    await this.world.run();
    const a = client.namespace('a');
    if (!a) return;
    this.#watch(a.joinRoom('r', { signal: this.signals.signal() }));
    await this.world.run();
    for (let left = 10; left > 0; left--)
      this.#watch(a.ask('mute', '', { timeout: 1_000_000, signal: this.signals.signal() }));
    await this.world.clock.settle();
  }

  /** The tokens of the client that nobody has answered. */
  get tokens(): readonly string[] {
    const received = this.world.server.line?.received ?? [];
    return received
      .filter((message) => message.includes(';mute;'))
      .map((message) => message.slice(0, message.indexOf(';')));
  }

  async end(): Promise<void> {
    const { client, clock } = this.world;
    const closing = client.close();
    await clock.settle();
    await clock.pass(2_000);
    await closing;
    await clock.settle();
  }

  /** What is left of the client. */
  remains(): object {
    const { client, clock, environment, runtime } = this.world;
    return {
      state: client.state,
      timers: clock.pending,
      listeners: environment.listeners.size,
      asks: runtime.asks.size,
      signals: this.signals.present.size,
      pending: this.#asked - this.#settled,
      unhandled,
    };
  }

  #watch(promise: Promise<unknown>): void {
    this.#asked++;
    const settle = (): void => {
      this.#settled++;
    };
    promise.then(settle, settle);
  }
}

/** What a program and a server would see if nothing were left of a client. */
const nothing = { state: 'closed', timers: 0, listeners: 0, asks: 0, signals: 0, pending: 0, unhandled: [] };

/** The frames that a client has to count, and those that it has taken without any counter. */
class Fates {
  all = 0;
  /** Answers to its asks, and steps of the server. */
  settled = 0;
  readonly #answered = new Set<string>();

  constructor(private readonly tokens: readonly string[]) {}

  note(payload: string | Uint8Array): void {
    this.all++;
    const frame = decode(payload);
    if (!frame) return;
    const { wait, event, isNoOp } = frame;
    const isAnswer = this.tokens.includes(wait) && !this.#answered.has(wait);
    // All tokens of a client begin alike, and a token that it has not made is nobody else's.
    const isOwn = wait.startsWith(this.tokens[0]?.slice(0, 13) ?? '$');
    const isStep = steps.has(event) && wait !== '' && !wait.startsWith('#') && !isNoOp;
    if (isOwn ? isAnswer : isStep) this.settled++;
    this.#answered.add(wait);
  }
}

/** Which frames take part in a step: the server asks for them. */
const steps = new Set(['_OnNamespaceConnect', '_OnNamespaceDisconnect', '_OnRoomJoin', '_OnRoomLeave']);

/** Puts a token of the client into a frame that wants one. */
const withToken = (frame: string | Uint8Array, tokens: readonly string[]): string | Uint8Array =>
  typeof frame === 'string' ? frame.replace(/^own(\d)/, (_, at) => tokens[Number(at)] ?? '$') : frame;

test('[CL20] whatever a server sends, nothing throws, all is counted, and nothing remains', async () => {
  let sent = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom<Greeting>('silent', 'plain', 'plain', 'aware', 'aware'),
      fc.array(serverFrames, { maxLength: most, size: 'max' }),
      fc.integer({ min: 1, max: 60 }),
      async (greeting, frames, atOnce) => {
        const prey = new Prey(greeting);
        const { world } = prey;
        await prey.begin();
        const { socket, client } = world;
        const before = { ...client.counters };
        const isCounted = greeting !== 'silent';
        const fates = new Fates(prey.tokens);
        for (const [at, frame] of frames.entries()) {
          sent++;
          const meant = withToken(frame, prey.tokens);
          if (isCounted && !(greeting === 'aware' && typeof meant === 'string' && meant.startsWith('#m;')))
            fates.note(meant);
          socket?.receive(meant);
          if (at % atOnce === 0) await world.clock.settle();
        }
        await world.clock.settle();
        // For answers of `auth`, pings and waits; not so long that the server is taken for silent.
        await world.clock.pass(5_000);
        const { counters } = client;
        const names = ['received', 'invalid', 'lateAnswers', 'strays', 'unhandled'] as const;
        const [received, ...dropped] = names.map((name) => counters[name] - before[name]);
        if (isCounted) {
          expect(received).toBe(fates.all);
          expect(dropped.reduce((sum, count) => sum + count, 0) + prey.handled + fates.settled).toBe(received);
        }
        await prey.end();
        expect(prey.remains()).toEqual(nothing);
      },
    ),
    { numRuns: runs, ...(seed && { seed: Number(seed) }) },
  );
  console.log(`${sent} frames of a hostile server`);
}, 120_000);
