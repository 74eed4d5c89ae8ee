import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Command } from '../support/model/commands.js';
import { ModelRun, type ModelRunOptions } from '../support/model/modelRun.js';
import {
  type Call,
  type ClientRef,
  type HandlerEnd,
  type Instructions,
  type LifecycleEvent,
  lifecycleEvents,
  type ModelExclusion,
  type ModelMessage,
  type Program,
  type Script,
} from '../support/model/program.js';
import { noResources } from '../support/server/supervisorHarness.js';

const runs = Number(process.env['MUSTER_RUNS'] ?? 400);

// Names: few enough to meet often.

const ids = ['ann', 'bob', 'cid'];
const many = Array.from({ length: 128 }, (_, n) => `r${n}`);
const id = fc.constantFrom(...ids);
const namespace = fc.constantFrom('chat', 'chat', 'chat', 'chat', 'game', '');
const room = fc.constantFrom('r0', 'r0', 'r0', 'r1', 'r1', 'r2', 'r;3', 'r127', 'sticky', 'nowhere', '');
const place = fc.record({ namespace, room: fc.constantFrom('', '', 'r0', 'r0', 'r1', 'r2', 'r;3', 'r127') });
const who: fc.Arbitrary<ClientRef> = fc.oneof(
  { weight: 3, arbitrary: fc.constant('self' as const) },
  { weight: 2, arbitrary: fc.nat(50) },
);
const flag = (percent: number): fc.Arbitrary<boolean> => fc.nat(99).map((n) => n < percent);
const maybe = (percent: number, value: fc.Arbitrary<string>): fc.Arbitrary<string | undefined> =>
  fc.tuple(flag(percent), value).map(([isThere, given]) => (isThere ? given : undefined));
/** A unique text; now and then so long that it ends a slice, or needs a longer header. */
const body = fc.oneof(
  { weight: 30, arbitrary: fc.nat(1e6).map((n) => `#${n}`) },
  { weight: 3, arbitrary: fc.nat(9).map((n) => `${n};*100`) },
  { weight: 1, arbitrary: fc.nat(9).map((n) => `${n}*66000`) },
);

// What user code does

const message: fc.Arbitrary<ModelMessage> = fc
  .tuple(place, body, flag(10), maybe(15, id))
  .map(([where, text, isBinary, to]) => ({ ...where, body: text, isBinary, to }));
const skip: fc.Arbitrary<ModelExclusion> = fc.oneof(
  { weight: 5, arbitrary: fc.constant({ skip: 'none' as const }) },
  { weight: 1, arbitrary: fc.record({ skip: fc.constant('conn' as const), who }) },
  { weight: 1, arbitrary: fc.record({ skip: fc.constant('nsConn' as const), who }) },
  { weight: 1, arbitrary: fc.record({ skip: fc.constant('room' as const), who, room: fc.constantFrom('r0', 'r1') }) },
  { weight: 1, arbitrary: fc.record({ skip: fc.constant('id' as const), id }) },
);
const broadcast: fc.Arbitrary<Call> = fc.record({
  call: fc.constant('broadcast' as const),
  except: skip,
  messages: fc.array(message, { minLength: 1, maxLength: 3 }),
});
const emit: fc.Arbitrary<Call> = fc.record({ call: fc.constant('emit' as const), body, isBinary: flag(15) });
const emitTo: fc.Arbitrary<Call> = fc.record({ call: fc.constant('emitTo' as const), who: fc.nat(50), body });
const emitRoom: fc.Arbitrary<Call> = fc.record({
  call: fc.constant('emitRoom' as const),
  room: fc.constantFrom('r0', 'r1', 'r;3', 'r127'),
  body,
});
const close: fc.Arbitrary<Call> = fc.record({
  call: fc.constant('close' as const),
  who,
  code: fc.constantFrom(1000, 3000, 4999),
});
/** Sends, and closes no connection. */
const talk = fc.array(fc.oneof(broadcast, broadcast, emit, emit, emitTo, emitRoom), { maxLength: 4 });
const ask: fc.Arbitrary<Call> = fc.record({ call: fc.constant('ask' as const), body, sequel: talk });
const askAll: fc.Arbitrary<Call> = fc.record({ call: fc.constant('askAll' as const), message, sequel: talk });
const call = fc.oneof(
  { weight: 10, arbitrary: broadcast },
  { weight: 8, arbitrary: emit },
  { weight: 3, arbitrary: emitTo },
  { weight: 3, arbitrary: emitRoom },
  { weight: 1, arbitrary: close },
  { weight: 2, arbitrary: ask },
  { weight: 2, arbitrary: askAll },
);
const act: fc.Arbitrary<Script> = fc.array(call, { maxLength: 5 });
const walk: fc.Arbitrary<Call> = fc.record({
  call: fc.constant('do' as const),
  visit: act,
  later: fc.oneof(fc.constant(undefined), talk),
  isFailing: flag(20),
});
const script: fc.Arbitrary<Script> = fc.array(
  fc.oneof({ weight: 20, arbitrary: call }, { weight: 1, arbitrary: walk }),
  { maxLength: 5 },
);
const finale: fc.Arbitrary<HandlerEnd> = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ end: 'silent' as const }) },
  { weight: 4, arbitrary: fc.record({ end: fc.constant('reply' as const), body }) },
  {
    weight: 2,
    arbitrary: fc.record({ end: fc.constant('throw' as const), text: fc.constantFrom('no', 'never; ever') }),
  },
  { weight: 1, arbitrary: fc.constant({ end: 'closeError' as const, code: 4001, text: 'enough' }) },
);
const soft = finale.filter(({ end }) => end !== 'closeError');
const instructions = (isSleep: boolean): fc.Arbitrary<Instructions> =>
  fc.record({ now: script, later: isSleep ? talk : fc.constant([]), finale: isSleep ? soft : finale });
const hookScript: fc.Arbitrary<Script> = fc.array(
  fc.oneof(
    { weight: 64, arbitrary: broadcast },
    { weight: 18, arbitrary: emit },
    { weight: 6, arbitrary: emitTo },
    { weight: 6, arbitrary: emitRoom },
    { weight: 1, arbitrary: close },
  ),
  { maxLength: 2 },
);
const program: fc.Arbitrary<Program> = fc
  .tuple(fc.array(hookScript, { minLength: lifecycleEvents.length, maxLength: lifecycleEvents.length }), hookScript)
  .map(([scripts, onDisconnect]) => {
    const scriptOf = (hook: LifecycleEvent): Script => scripts[lifecycleEvents.indexOf(hook)] ?? [];
    return {
      handlers: {
        _OnNamespaceConnect: scriptOf('_OnNamespaceConnect'),
        _OnNamespaceConnected: scriptOf('_OnNamespaceConnected'),
        _OnNamespaceDisconnect: scriptOf('_OnNamespaceDisconnect'),
        _OnRoomJoin: scriptOf('_OnRoomJoin'),
        _OnRoomJoined: scriptOf('_OnRoomJoined'),
        _OnRoomLeave: scriptOf('_OnRoomLeave'),
        _OnRoomLeft: scriptOf('_OnRoomLeft'),
      },
      onDisconnect,
    };
  });

// What the world does

const anyone = fc.nat(1000);
const does = <T extends string>(what: T): fc.Arbitrary<T> => fc.constant(what);
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      does: does('connect'),
      id,
      outcome: fc.constantFrom(
        'accept' as const,
        'accept' as const,
        'accept' as const,
        'connect' as const,
        'refuse' as const,
      ),
    }),
  },
  { weight: 3, arbitrary: fc.record({ does: does('acknowledge'), who: anyone }) },
  {
    weight: 10,
    arbitrary: fc.record({
      does: does('step'),
      who: anyone,
      namespace: fc.oneof(namespace, namespace, fc.constantFrom('closed', 'undeclared')),
      room,
      event: fc.constantFrom(
        '_OnNamespaceConnect' as const,
        '_OnNamespaceConnect' as const,
        '_OnNamespaceDisconnect' as const,
        '_OnRoomJoin' as const,
        '_OnRoomJoin' as const,
        '_OnRoomLeave' as const,
        '_OnRoomLeft' as const,
      ),
      isAsk: flag(95),
    }),
  },
  {
    weight: 14,
    arbitrary: fc.record({
      does: does('send'),
      who: anyone,
      namespace,
      room: fc.constantFrom('', '', '', 'r0', 'r1', 'r;3', 'r127'),
      event: fc.constantFrom('run' as const, 'run' as const, 'run' as const, 'run' as const, 'unknown' as const),
      isAsk: flag(60),
      isBinary: flag(15),
      instructions: instructions(false),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      does: does('send'),
      who: anyone,
      namespace,
      room: fc.constant(''),
      event: does('sleep'),
      isAsk: flag(60),
      isBinary: flag(15),
      instructions: instructions(true),
    }),
  },
  { weight: 4, arbitrary: fc.record({ does: does('resume'), who: anyone }) },
  { weight: 12, arbitrary: fc.record({ does: does('answer'), who: anyone, nth: fc.nat(7), isRefusal: flag(25) }) },
  {
    weight: 10,
    arbitrary: fc.record({
      does: does('begin'),
      who: anyone,
      kind: fc.constantFrom(
        'connect' as const,
        'disconnect' as const,
        'join' as const,
        'join' as const,
        'leave' as const,
      ),
      namespace,
      room,
    }),
  },
  { weight: 10, arbitrary: fc.record({ does: does('play'), script }) },
  { weight: 2, arbitrary: fc.record({ does: does('play'), script: fc.tuple(walk) }) },
  { weight: 8, arbitrary: fc.record({ does: does('resumeVisit') }) },
  { weight: 1, arbitrary: fc.record({ does: does('disconnect'), who: anyone }) },
  { weight: 4, arbitrary: fc.record({ does: does('stall'), who: anyone }) },
  { weight: 5, arbitrary: fc.record({ does: does('drain'), who: anyone, isStillStalled: flag(30) }) },
  { weight: 14, arbitrary: fc.record({ does: does('tick') }) },
);

// Short scenes that chance alone plays too rarely

const spoken = (room: string, to?: string): fc.Arbitrary<Command> =>
  fc.tuple(body, flag(10)).map(([text, isBinary]) => ({
    does: 'play',
    script: [
      {
        call: 'broadcast',
        except: { skip: 'none' },
        messages: [{ namespace: 'chat', room, body: text, isBinary, to }],
      },
    ],
  }));
const someRoom = fc.constantFrom('r0', 'r1', 'r;3');
/** A client joins or leaves a room in the turn of a broadcast to it. */
const passage: fc.Arbitrary<Command[][]> = fc
  .tuple(someRoom, anyone, fc.constantFrom('_OnRoomJoin' as const, '_OnRoomLeave' as const))
  .chain(([room, who, event]) =>
    fc.tuple(
      spoken(room),
      fc.constant<Command>({ does: 'step', who, namespace: 'chat', room, event, isAsk: true }),
      spoken(room),
    ),
  )
  .chain((scene) => fc.boolean().map((isAtOnce) => (isAtOnce ? [scene] : scene.map((step) => [step]))));
/** A congested client gets messages of several kinds, and then its socket drains during a turn. */
const jam: fc.Arbitrary<Command[]> = fc
  .tuple(someRoom, anyone, id, fc.boolean())
  .chain(([room, who, to, isStillStalled]) =>
    fc.tuple(
      fc.constant<Command>({ does: 'stall', who }),
      spoken(''),
      fc.constant<Command>({ does: 'tick' }),
      spoken(room),
      spoken('', to),
      spoken(room, to),
      fc.constant<Command>({ does: 'drain', who, isStillStalled }),
    ),
  );
/** More than fits one write, to sockets that are full. */
const flood: fc.Arbitrary<Command[]> = fc
  .tuple(anyone, fc.nat(9), fc.boolean())
  .map(([who, digit, isStillStalled]): Command[] => {
    const message = { namespace: 'chat', room: 'r;3', isBinary: false, to: undefined };
    const messages = Array.from({ length: 5 }, (_, n) => ({ ...message, body: `${digit}${n}*33000` }));
    const say: Command = { does: 'play', script: [{ call: 'broadcast', except: { skip: 'none' }, messages }] };
    const drain: Command = { does: 'drain', who, isStillStalled };
    return [{ does: 'stall', who }, say, { does: 'tick' }, say, { does: 'tick' }, drain, drain];
  });
/** Several things in one turn of the event loop. */
const burst: fc.Arbitrary<Command[][]> = fc
  .array(
    command.filter(({ does }) => does === 'step' || does === 'play' || does === 'send'),
    { minLength: 2, maxLength: 5 },
  )
  .map((scene) => [scene.filter((step) => !(step.does === 'send' && step.event === 'sleep'))]);
/** What happens, turn by turn. */
const turns: fc.Arbitrary<Command[][]> = fc
  .array(
    fc.oneof(
      { weight: 100, arbitrary: command.map((step) => [[step]]) },
      { weight: 10, arbitrary: burst },
      { weight: 6, arbitrary: passage },
      { weight: 3, arbitrary: jam.map((scene) => scene.map((step) => [step])) },
      { weight: 1, arbitrary: flood.map((scene) => scene.map((step) => [step])) },
    ),
    { minLength: 1, maxLength: 70, size: 'max' },
  )
  .map((scenes) => scenes.flat());

/** Who is there when it begins, and in how many rooms. */
interface Resident {
  readonly id: string;
  readonly rooms: 0 | 1 | 2 | 128;
}
const resident: fc.Arbitrary<Resident> = fc.record({
  id,
  rooms: fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom(0 as const, 1 as const, 2 as const) },
    { weight: 1, arbitrary: fc.constant(128 as const) },
  ),
});
const residents = fc.oneof(
  { weight: 3, arbitrary: fc.array(resident, { minLength: 1, maxLength: 6 }) },
  { weight: 1, arbitrary: fc.array(resident, { minLength: 17, maxLength: 40 }) },
);
const options: fc.Arbitrary<ModelRunOptions> = fc.record({
  program,
  sliceMs: fc.constantFrom(0.5, 3, 1000),
  syncBroadcaster: flag(15),
  highWaterMark: fc.constantFrom(1, 60, 200),
  answersClose: fc.boolean(),
  gathers: fc.boolean(),
  memo: fc.boolean(),
});

const moveIn = async (run: ModelRun, { id, rooms }: Resident, index: number): Promise<void> => {
  await run.run({ does: 'connect', id, outcome: 'accept' });
  await run.run({ does: 'acknowledge', who: index });
  const step = { does: 'step', who: index, namespace: 'chat', isAsk: true } as const;
  await run.run({ ...step, event: '_OnNamespaceConnect', room: '' });
  const names = rooms === 2 ? ['r0', 'r;3'] : many.slice(0, rooms);
  await run.runAll(names.map((room) => ({ ...step, event: '_OnRoomJoin', room })));
};

const compare = (run: ModelRun): void => {
  for (const { index } of run.harness.clients) {
    const { seen, expected } = run.seenBy(index);
    expect({ index, lines: seen }).toEqual({ index, lines: expected });
  }
};

const compareBooks = ({ harness, model }: ModelRun): void => {
  expect(harness.supervisor.total).toBe(model.total);
  for (const namespace of ['chat', 'game', '']) {
    for (const room of ['', 'r0', 'r1', 'r;3', 'r127']) {
      const members = harness.supervisor.members(namespace, room).map(({ conn }) => harness.clientOf(conn).index);
      const expected = model.membersOf(namespace, room);
      expect({ namespace, room, members: members.sort(byNumber) }).toEqual({ namespace, room, members: expected });
    }
  }
};
const byNumber = (a: number, b: number): number => a - b;

describe('everything that a connection is sent', () => {
  test('[BC3] [BC1] [BC2] [BC4] equals the output of a naive model, byte for byte and in order', {
    timeout: 60_000 + runs * 1_000,
  }, async () => {
    const property = fc.asyncProperty(options, residents, turns, async (given, people, happenings) => {
      const run = new ModelRun(given);
      for (const [index, person] of people.entries()) await moveIn(run, person, index);
      run.model.areHandlersOn = true;
      for (const turn of happenings) {
        await run.runAll(turn);
        expect(run.harness.supervisor.total).toBe(run.model.total);
      }
      compareBooks(run);
      await run.finish();
      compare(run);
      compareBooks(run);
      expect(run.model.missingEndEvents).toEqual([]);
      expect(run.model.unfinished).toEqual([]);

      run.model.areHandlersOn = false;
      await run.runAll(run.harness.clients.map(({ index }) => ({ does: 'disconnect', who: index })));
      await run.finish();
      expect(run.model.missingEndEvents).toEqual([]);
      expect(run.harness.resources).toEqual(noResources);
      const isOver = run.harness.supervisor.drain(1_000);
      await run.harness.settle();
      await isOver;
      expect(run.harness.resources).toEqual(noResources);
    });
    await fc.assert(property, { numRuns: runs });
  });
});
