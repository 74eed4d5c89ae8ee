import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { type Events, type NSConn, reply } from '../../src/index.js';
import { decode, encode, type Frame, messageFrom, type NativeMode } from '../../src/protocol/codec.js';
import type { Body } from '../../src/protocol/message.js';
import { type ConnectionEvent, connectionEvent, type Sent } from '../support/model/frameGenerators.js';
import { type FakeClient, noResources, SupervisorHarness, settled } from '../support/server/supervisorHarness.js';

/** So many frames are generated, at least. */
const wanted = Number(process.env['MUSTER_FRAMES'] ?? 100_000);
const perRun = 80;
const modes: readonly NativeMode[] = ['none', 'mixed', 'only'];

/** What has become of the frames, over all runs. */
const outcomes = {
  handler: 0,
  chart: 0,
  refused: 0,
  unhandled: 0,
  ignored: 0,
  invalid: 0,
  'answer that was waited for': 0,
  'stray answer': 0,
  'empty, or the handshake': 0,
  'after the end': 0,
};
type Outcome = keyof typeof outcomes;

const boom = new Error('boom');
const never = (): Promise<never> => new Promise(() => {});

/** What arrives of a text: half a character does not. */
const arrived = (text: string): string => Buffer.from(text).toString();

/** Handlers that do what their names say. They report each run to `ran`, and broadcasts to `issued`. */
const handlers = (ran: () => void, issued: (line: string) => void): Events => {
  const does: Record<string, (ns: NSConn, body: Body) => unknown> = {
    ok: () => undefined,
    reply: (_, body) => reply(body),
    boom: () => {
      throw boom;
    },
    reject: () => Promise.reject(boom),
    later: () => settled(),
    odd: () => ({ not: 'a reply' }),
    all(ns, body) {
      ns.conn.server.broadcast(null, { namespace: 'n', event: 'news', body: String(body) });
      issued(arrived(`;n;;news;0;0;${body}`));
    },
    others(ns) {
      ns.conn.server.broadcast(ns, { namespace: 'n', room: 'r', event: 'news', body: 'others' });
      issued(';n;r;news;0;0;others');
    },
    enter: (ns) => ns.joinRoom('t', { timeout: 500 }).catch(() => {}),
    quit: (ns) =>
      ns
        .room('t')
        ?.leave({ timeout: 500 })
        .catch(() => {}),
    hang: never,
    question: (ns) => ns.ask('question', '', { timeout: 500 }).catch(() => {}),
    close: (ns) => ns.conn.close(4_000, 'bye'),
  };
  return Object.fromEntries(
    Object.entries(does).map(([event, run]) => [
      event,
      (ns, message) => {
        ran();
        // What comes back may be anything: that is the point.
        return run(ns, message.body) as undefined;
      },
    ]),
  );
};

const refuse =
  (name: string) =>
  (_: unknown, { room }: { room: string }) => {
    if (room === name) throw new Error('no');
  };

const lifecycle: Events = { _OnRoomJoin: refuse('secret'), _OnRoomLeave: refuse('sticky') };

/** One connection to which things happen, beside one to which nothing does. */
class FuzzRun {
  readonly #tokens = new Set<string>();
  readonly #news: string[] = [];
  readonly harness: SupervisorHarness;
  readonly client: FakeClient;
  readonly neighbour: FakeClient;
  handled = 0;
  said = 0;
  /** Never in `framesIn`: nothing is in them, or they end the handshake. */
  unseen = 0;
  #lastToken = 0;
  #isStalled = false;

  constructor(isAcknowledged: boolean, isSeated: boolean) {
    const ran = (): void => {
      this.handled++;
    };
    const events = { ...handlers(ran, (line) => void this.#news.push(line)), ...lifecycle };
    this.harness = new SupervisorHarness({
      namespaces: { n: events, m: events, closed: { _OnNamespaceConnect: refuse('') } },
      limits: {
        handlerTimeout: 1_000,
        slowConsumerTimeout: 1e9,
        slowConsumerMessages: 1e9,
        slowConsumerBytes: 1e9,
        pingInterval: 1e9,
      },
    });
    this.neighbour = this.harness.open('neighbour', 'n', ['r']);
    this.client = this.harness.connect('guest');
    if (!isAcknowledged) return;
    this.#say('M');
    if (!isSeated) return;
    for (const ns of ['n', 'm']) this.#say(this.#ask(`$;${ns};;_OnNamespaceConnect;0;0;`));
    for (const ns of ['n', 'm'])
      for (const room of ['r', 's']) this.#say(this.#ask(`$;${ns};${room};_OnRoomJoin;0;0;`));
  }

  async happen(what: ConnectionEvent): Promise<void> {
    const { harness, client } = this;
    const ns = client.conn?.namespace('n');
    const options = { timeout: 500 };
    switch (what.kind) {
      case 'says':
        return this.#sends(what.sent);
      case 'rests':
        return harness.settle();
      case 'waits':
        harness.clock.advance(what.ms);
        return harness.settle();
      case 'stalls':
        this.#isStalled = true;
        return client.socket.stall();
      case 'drains':
        this.#isStalled = false;
        return client.socket.drain();
      case 'asked':
        return void ns?.ask('question', '', options).catch(() => {});
      case 'called in':
        return void ns?.joinRoom('u', options).catch(() => {});
      case 'called out':
        return void ns
          ?.room('s')
          ?.leave(options)
          .catch(() => {});
      default:
        return client.conn?.close();
    }
  }

  /** Time passes until nothing happens any more. */
  async settle(): Promise<void> {
    if (this.#isStalled) this.client.socket.drain();
    for (let before = '', quiet = 0; quiet < 3; ) {
      this.harness.clock.advance(1_000);
      await this.harness.settle();
      const now = `${this.handled} ${this.client.socket.sent.length} ${this.client.socket.isPaused}`;
      quiet = now === before ? quiet + 1 : 0;
      before = now;
    }
  }

  /** What has become of all that was said. */
  tally(): Record<Outcome, number> {
    const { counters } = this.harness.supervisor;
    const answers = this.client.socket.payloads
      .map((payload) => decode(payload))
      .filter((frame) => frame !== undefined);
    const mine = answers.filter(({ wait }) => this.#tokens.has(wait));
    const isRefusal = ({ isError, body }: Frame): boolean => isError && /^bad |^too many /.test(String(body));
    const refused = mine.filter(isRefusal).length;
    const chart = mine.filter((frame) => this.#lifecycleTokens.has(frame.wait) && !isRefusal(frame)).length;
    const known = {
      handler: this.handled,
      chart,
      refused,
      unhandled: counters.unhandledEvents,
      ignored: counters.ignoredEvents,
      invalid: counters.invalidFrames,
      'stray answer': counters.strayAnswers,
      'answer that was waited for': this.#answers - counters.strayAnswers,
      'empty, or the handshake': this.unseen,
    };
    const sum = Object.values(known).reduce((total, count) => total + count, 0);
    return { ...known, 'after the end': this.said - sum };
  }

  readonly #lifecycleTokens = new Set<string>();
  #answers = 0;

  /** Checks that another client gets every broadcast in order, and nothing else. */
  checkNeighbour(): void {
    const { socket } = this.neighbour;
    expect(socket.isOpen).toBe(true);
    expect(socket.payloads).toEqual(this.#news);
  }

  /** Every frame that went out is one, with a token of the client's or of ours. */
  checkFrames(): void {
    for (const payload of this.client.socket.payloads) {
      if (/^(A|close )/.test(payload)) continue;
      const frame = decode(payload);
      expect(frame, payload).toBeDefined();
      if (frame?.wait.startsWith('$')) expect(this.#tokens, payload).toContain(frame.wait);
    }
    for (const { error } of this.harness.errors)
      expect([boom.message, 'did not settle within 1000 ms', 'no', 'write closed']).toContain((error as Error).message);
  }

  #sends(sent: Sent): void {
    if (sent.kind === 'answer') {
      const { tokens } = this.client.socket;
      const token = tokens.at(-1 - (sent.pick % Math.max(tokens.length, 1))) ?? 'nobody';
      this.#say(`${token}${sent.rest}`);
    } else {
      this.#say(this.#ask(sent.payload));
    }
  }

  /** The frame, with a token of its own if it is an ask. */
  #ask(payload: string | Uint8Array): string | Uint8Array {
    const text = typeof payload === 'string' ? payload : Buffer.from(payload).toString();
    const isText = typeof payload === 'string' || Buffer.from(text).equals(payload);
    if (!text.startsWith('$') || !isText) return payload;
    const token = `$${++this.#lastToken}`;
    this.#tokens.add(token);
    if (/;_On(NamespaceConnect|NamespaceDisconnect|RoomJoin|RoomLeave|RoomLeft);/.test(text))
      this.#lifecycleTokens.add(token);
    const asked = token + text.slice(1);
    return typeof payload === 'string' ? asked : new TextEncoder().encode(asked);
  }

  #say(payload: string | Uint8Array): void {
    for (const mode of modes) checkCodec(payload, mode);
    this.said++;
    const frame = decode(payload);
    const isHandshake = payload === 'M' && this.client.socket.lines.length === 0;
    if (payload.length === 0 || isHandshake) this.unseen++;
    if (frame && frame.wait !== '' && !frame.wait.startsWith('$')) this.#answers++;
    if (frame?.wait.startsWith('$')) this.#tokens.add(frame.wait);
    this.client.socket.receive(payload);
  }
}

/** Reading never fails, and what was read can be written and read again. */
const checkCodec = (payload: string | Uint8Array, mode: NativeMode): void => {
  const frame = decode(payload, mode);
  if (!frame || frame.isNative || frame.isError) return;
  const again = decode(encode(messageFrom(frame), frame.wait), mode);
  if (!again) throw new Error(`not read again: ${String(payload)}`);
  const { namespace, room, event, wait, body } = again;
  if (namespace !== frame.namespace || room !== frame.room || event !== frame.event || wait !== frame.wait) {
    throw new Error(`read as something else: ${String(payload)}`);
  }
  if (body.length !== frame.body.length) throw new Error(`another body: ${String(payload)}`);
};

describe('random input of a client', () => {
  let frames = 0;

  test('[FR2] [SV2] [SV3] causes no throw, affects no other client, yields valid frames only, and leaves nothing behind', {
    timeout: 300_000,
  }, async () => {
    const play = async (
      isAcknowledged: boolean,
      isSeated: boolean,
      happenings: readonly ConnectionEvent[],
    ): Promise<void> => {
      const run = new FuzzRun(isAcknowledged, isSeated);
      for (const what of happenings) await run.happen(what);
      await run.settle();
      run.checkNeighbour();
      run.checkFrames();
      for (const [outcome, count] of Object.entries(run.tally())) outcomes[outcome as Outcome] += count;
      frames += run.said;
      await run.harness.disconnectAll();
      expect(run.harness.resources).toEqual(noResources);
    };
    const nearlyAlways = fc.nat(40).map((number) => number > 0);
    const usually = fc.oneof({ arbitrary: fc.constant(true), weight: 9 }, { arbitrary: fc.constant(false), weight: 1 });
    const property = fc.asyncProperty(
      nearlyAlways,
      usually,
      fc.array(connectionEvent, { minLength: perRun, maxLength: 2 * perRun, size: 'max' }),
      play,
    );
    const seed = Number(process.env['MUSTER_SEED'] ?? Date.now());
    await fc.assert(property, { numRuns: Math.ceil(wanted / perRun), seed });
    expect(frames).toBeGreaterThanOrEqual(wanted);
    const reached = outcomes.handler + outcomes.chart;
    expect(reached * 2).toBeGreaterThanOrEqual(frames);
  });

  afterAll(() => {
    const lines = Object.entries(outcomes).map(([outcome, count]) => {
      const share = ((100 * count) / Math.max(frames, 1)).toFixed(1).padStart(5);
      return `${share} %  ${outcome}`;
    });
    console.log(`${frames} frames\n${lines.join('\n')}`);
  });
});
