import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Conn, exclude, type Message, type NSConn, reply } from '../../src/index.js';
import { type FakeClient, noResources, SupervisorHarness, settled } from '../support/server/supervisorHarness.js';

const runs = Number(process.env['MUSTER_RUNS'] ?? 1_000);

/** One thing that happens to a connection. */
type Happening =
  | { readonly does: 'arrive' }
  | {
      readonly does: 'ask' | 'join' | 'leave' | 'visit' | 'tell' | 'stall' | 'unstall' | 'hangUp' | 'close' | 'tick';
      readonly who: number;
      readonly room: string;
    };

const goodbye = 'close 1001 retry=1000';
const rooms = ['', 'r', 'no entry'];

interface Setting {
  readonly people: number;
  readonly happenings: readonly Happening[];
  readonly framesPerTick: number;
  readonly inboxMessages: number;
  readonly slowConsumerMessages: number;
  readonly sliceMs: number;
  readonly syncBroadcaster: boolean;
  readonly gathers: boolean;
  readonly memo: boolean;
  /** After so many happenings the server is closed. */
  readonly closesAfter: number;
}

const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 1, arbitrary: fc.constant({ does: 'arrive' as const }) },
  {
    weight: 20,
    arbitrary: fc.record({
      does: fc.constantFrom(
        ...(['ask', 'ask', 'ask', 'ask', 'join', 'join', 'leave', 'tell', 'tell', 'tell'] as const),
        ...(['visit', 'stall', 'unstall', 'tick', 'tick', 'tick'] as const),
      ),
      who: fc.nat(20),
      room: fc.constantFrom(...rooms),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      does: fc.constantFrom('hangUp' as const, 'close' as const),
      who: fc.nat(20),
      room: fc.constant(''),
    }),
  },
);

const setting: fc.Arbitrary<Setting> = fc.record({
  people: fc.integer({ min: 1, max: 5 }),
  happenings: fc.array(happening, { maxLength: 40, size: 'max' }),
  framesPerTick: fc.constantFrom(1, 2, 64),
  inboxMessages: fc.constantFrom(2, 64),
  slowConsumerMessages: fc.constantFrom(3, 1_000),
  sliceMs: fc.constantFrom(0.5, 3, 1_000),
  syncBroadcaster: fc.boolean(),
  gathers: fc.boolean(),
  memo: fc.boolean(),
  closesAfter: fc.constantFrom(5, 15, 30, 1_000, 1_000, 1_000),
});

/** What is known of one client, beside what its socket has seen. */
interface File {
  /** Numbers of what it is due, in the order of the calls. */
  readonly due: number[];
  /** Its asks, in the order in which they were sent. */
  readonly asks: string[];
  /** Asks whose handler has begun, and the one that has not ended. */
  readonly begun: string[];
  turn: string | undefined;
  /** Its line was full, or broken, at some time: a tail may be missing. */
  isUnsure: boolean;
  wasLetIn: boolean;
  farewells: number;
}

/** A harness whose handlers, hooks and visitors settle later, and the messages that each client should get. */
class Play {
  readonly harness: SupervisorHarness;
  readonly files: File[] = [];
  readonly faults: string[] = [];
  readonly walks: { readonly visited: string[]; isOver: boolean }[] = [];
  #last = 0;
  #lastWait = 0;
  #isVisiting = false;

  constructor(
    given: Setting,
    private readonly scheduler: fc.Scheduler,
  ) {
    const { framesPerTick, inboxMessages, slowConsumerMessages, sliceMs, syncBroadcaster, gathers, memo } = given;
    const pause = async (ns: NSConn, { event, room }: Message): Promise<void> => {
      const end = this.#begin(ns.conn, '');
      await this.#pause(event);
      end();
      if (room.startsWith('no')) throw new Error('no entry');
    };
    this.harness = new SupervisorHarness({
      namespaces: {
        chat: {
          _OnRoomJoin: pause,
          _OnRoomJoined: pause,
          _OnRoomLeave: pause,
          _OnRoomLeft: pause,
          work: async (ns, { room, body }) => {
            const end = this.#begin(ns.conn, String(body));
            this.tell(room, null);
            await this.#pause('work');
            this.emit(ns);
            await this.#pause('more work');
            this.tell('', ns.conn);
            end();
            return reply(body);
          },
        },
      },
      onConnect: async (conn) => {
        await this.#pause('onConnect');
        this.fileOf(conn).wasLetIn = !conn.isClosed;
      },
      onDisconnect: (conn) => {
        const file = this.fileOf(conn);
        file.farewells++;
        if (file.turn !== undefined) this.faults.push(`${conn.id} is told its end within a turn`);
      },
      limits: { framesPerTick, inboxMessages, slowConsumerMessages, highWaterMark: 60 },
      sliceMs,
      syncBroadcaster,
      gathers,
      memo,
      msPerRead: 1,
    });
  }

  arrive(): void {
    // A closed server refuses every arrival.
    if (this.harness.supervisor.actor.getSnapshot().status !== 'active') return;
    const client = this.harness.connect(`client${this.harness.clients.length}`);
    this.files.push({ due: [], asks: [], begun: [], turn: undefined, isUnsure: false, wasLetIn: false, farewells: 0 });
    client.socket.receive('M', '$0;chat;;_OnNamespaceConnect;0;0;');
  }

  happen(happening: Happening): void {
    if (happening.does === 'arrive') return this.arrive();
    const { harness } = this;
    if (happening.does === 'tick') return harness.clock.tick();
    const client = harness.clients[happening.who % harness.clients.length];
    if (!client) return undefined;
    const { room } = happening;
    const file = this.files[client.index];
    switch (happening.does) {
      case 'ask': {
        const wait = `$${++this.#lastWait}`;
        if (!client.socket.isOpen) return undefined;
        file?.asks.push(wait);
        return client.socket.receive(`${wait};chat;${room};work;0;0;${wait}`);
      }
      case 'join':
      case 'leave': {
        const event = happening.does === 'join' ? '_OnRoomJoin' : '_OnRoomLeave';
        const wait = `$${++this.#lastWait}`;
        if (!client.socket.isOpen) return undefined;
        file?.asks.push(wait);
        return client.socket.receive(`${wait};chat;${room};${event};0;0;`);
      }
      case 'tell':
        return this.tell(room, happening.who % 3 === 0 ? (client.conn ?? null) : null, happening.who % 5 === 0);
      case 'visit':
        return this.visit();
      case 'stall':
        if (file) file.isUnsure = true;
        return client.socket.stall();
      case 'unstall':
        return client.socket.drain();
      case 'hangUp':
        if (file) file.isUnsure = true;
        return client.socket.disconnect();
      case 'close':
        return client.conn?.close(4000, 'out');
    }
  }

  /** Broadcasts; every current member should get it. */
  tell(room: string, except: Conn | null, isOfId = false): void {
    const number = ++this.#last;
    for (const { index, conn } of this.harness.clients) {
      const ns = conn && !conn.isClosed ? conn.namespace('chat') : undefined;
      if (ns && conn !== except && (room === '' || ns.room(room))) this.files[index]?.due.push(number);
    }
    const skipped = except && isOfId ? exclude(except.id) : except;
    this.harness.server.broadcast(skipped, { namespace: 'chat', room, event: 'news', body: `${number}` });
  }

  emit(ns: NSConn): void {
    const number = ++this.#last;
    if (ns.emit('news', `${number}`)) this.fileOf(ns.conn).due.push(number);
  }

  visit(): void {
    const walk: (typeof this.walks)[number] = { visited: [], isOver: false };
    this.walks.push(walk);
    const visitor = async (conn: Conn): Promise<void> => {
      if (this.#isVisiting) this.faults.push(`${conn.id} is visited before the last visit is over`);
      this.#isVisiting = true;
      walk.visited.push(conn.id);
      const ns = conn.namespace('chat');
      if (ns) this.emit(ns);
      await this.#pause('visit');
      this.tell('r', null);
      this.#isVisiting = false;
    };
    const over = (): void => {
      walk.isOver = true;
    };
    this.harness.server.do(visitor).then(over, over);
  }

  /** Everything comes to its end. */
  async end(): Promise<void> {
    do {
      while (this.scheduler.count() > 0) {
        await this.scheduler.waitNext(1);
        await settled();
        for (const { socket } of this.harness.clients) socket.pump();
        await settled();
      }
      await this.harness.settle();
    } while (this.scheduler.count() > 0);
  }

  fileOf(conn: Conn): File {
    const file = this.files[this.harness.clientOf(conn).index];
    if (!file) throw new Error(`there is no file of ${conn.id}`);
    return file;
  }

  #begin(conn: Conn, ask: string): () => void {
    const file = this.fileOf(conn);
    if (file.turn !== undefined) this.faults.push(`${conn.id} begins ${ask} within ${file.turn}`);
    file.turn = ask;
    if (ask !== '') file.begun.push(ask);
    return () => {
      file.turn = undefined;
    };
  }

  #pause(label: string): Promise<void> {
    return this.scheduler.schedule(Promise.resolve(), label);
  }
}

/** Returns the messages and the answers of a client, each in order. */
const heardBy = ({ socket }: FakeClient) => {
  const news: number[] = [];
  const answers: string[] = [];
  for (const payload of socket.payloads) {
    const told = /^;chat;[^;]*;news;0;0;(\d+)$/.exec(payload)?.[1];
    const answer = /^(\$\d+);/.exec(payload)?.[1];
    if (told !== undefined) news.push(Number(told));
    else if (answer !== undefined && answer !== '$0') answers.push(answer);
  }
  return { news, answers };
};

const check = (play: Play): void => {
  expect(play.faults).toEqual([]);
  for (const client of play.harness.clients) {
    const file = play.files[client.index];
    if (!file) throw new Error('everybody has a file');
    const { news, answers } = heardBy(client);
    const isThere = client.conn !== undefined && !client.conn.isClosed;
    // No event is duplicated, out of order or superfluous, and only a tail may be missing.
    const dueNow = isThere || !file.isUnsure ? file.due : file.due.slice(0, news.length);
    expect({ id: client.id, news }).toEqual({ id: client.id, news: dueNow });
    // Answers arrive once, in the order of the asks, to the asking client.
    const asked = isThere ? file.asks : file.asks.slice(0, answers.length);
    expect({ id: client.id, answers }).toEqual({ id: client.id, answers: asked });
    expect(file.begun).toEqual(file.asks.filter((ask) => file.begun.includes(ask)));
    expect(file.turn).toBe(undefined);
    // A server that closes lets a turn end, and says goodbye behind its answer.
    if (client.socket.payloads.at(-1) === goodbye && !file.isUnsure) {
      expect({ id: client.id, open: file.begun.filter((ask) => !answers.includes(ask)) }).toEqual({
        id: client.id,
        open: [],
      });
    }
  }
  for (const { visited, isOver } of play.walks) {
    expect(isOver).toBe(true);
    const order = play.harness.clients.map(({ id }) => id);
    expect(visited).toEqual(order.filter((id) => visited.includes(id)));
  }
};

describe('handlers, hooks and visitors that take their time', () => {
  test('[SV7] [BC2] [BC3] [DO1] [DO4] [LM9] [DR1] turns do not overlap and no message is lost, in any order of settling', {
    timeout: 60_000 + runs * 1_000,
  }, async () => {
    const property = fc.asyncProperty(fc.scheduler(), setting, async (scheduler, given) => {
      const play = new Play(given, scheduler);
      for (let n = 0; n < given.people; n++) play.arrive();
      await play.end();
      let drained: Promise<void> | undefined;
      for (const [at, happening] of given.happenings.entries()) {
        const happen = (): void => {
          if (at === given.closesAfter) drained = play.harness.server.close();
          play.happen(happening);
        };
        void scheduler.schedule(Promise.resolve(), happening.does).then(happen);
      }
      await play.end();
      for (const { socket } of play.harness.clients) socket.drain();
      await play.end();
      check(play);
      if (drained) expect(play.harness.server.totalConnections).toBe(0);

      await play.harness.disconnectAll();
      await play.end();
      await drained;
      expect(play.faults).toEqual([]);
      expect(play.files.map(({ farewells }) => farewells)).toEqual(
        play.files.map(({ wasLetIn }) => (wasLetIn ? 1 : 0)),
      );
      expect(play.harness.resources).toEqual(noResources);
    });
    await fc.assert(property, { numRuns: runs });
  });
});
