import fc from 'fast-check';
import { acts, type Command } from './clientActs.js';
import type { Greeting, Step } from './scriptedServer.js';

const namespaces = fc.constantFrom('a', 'a', 'b', 'c');
const rooms = fc.constantFrom('', 'r', 's');
const roomNames = fc.constantFrom('r', 's');
const names = fc.constantFrom('a', 'b', 'r', 's');

const of = (weight: number, arbitrary: fc.Arbitrary<Command>): fc.WeightedArbitrary<Command> => ({ weight, arbitrary });

const program: readonly fc.WeightedArbitrary<Command>[] = [
  of(4, namespaces.map(acts.connect)),
  of(1, namespaces.map(acts.waitConnect)),
  of(
    5,
    fc.tuple(namespaces, roomNames).map(([ns, room]) => acts.join(ns, room)),
  ),
  of(
    3,
    fc.tuple(namespaces, rooms).map(([ns, room]) => acts.leave(ns, room)),
  ),
  of(
    7,
    fc.tuple(namespaces, rooms, fc.constantFrom(1, 1, 1, 90)).map(([ns, room, size]) => acts.emit(ns, room, size)),
  ),
  of(
    5,
    fc
      .tuple(namespaces, fc.constantFrom('echo', 'boom', 'mute'), fc.constantFrom(777, 12_345))
      .map(([ns, event, timeout]) => acts.ask(ns, event, timeout)),
  ),
  of(2, fc.nat().map(acts.abort)),
  of(2, fc.constant(acts.release())),
  of(1, fc.constant(acts.retry())),
  of(1, fc.constant(acts.close())),
];

const ends: readonly (readonly [number, string])[] = [
  [1006, ''],
  [1006, ''],
  [1006, ''],
  [1001, 'retry=700'],
  [1012, 'retry=0'],
  [1013, 'busy'],
  [1011, 'failed'],
  [4401, 'token'],
  [4100, 'retry=5'],
];
const finalEnds: readonly (readonly [number, string])[] = [
  [1000, ''],
  [1008, 'go'],
  [4001, 'replaced'],
  [4099, 'retry=5'],
];
const greetings: readonly Greeting[] = [
  'aware',
  'aware',
  'plain',
  'silent',
  { refusal: 'not you', code: 4401 },
  { refusal: 'later', code: 1013 },
  { refusal: 'never', code: 1008 },
];

const network: readonly fc.WeightedArbitrary<Command>[] = [
  of(14, fc.constant(acts.run())),
  of(2, fc.constant(acts.open())),
  of(
    5,
    fc.tuple(fc.integer({ min: 1, max: 6 }), fc.nat(2)).map(([count, back]) => acts.deliver(count, back)),
  ),
  of(
    4,
    fc.constantFrom(...ends).map(([code, text]) => acts.end(code, text)),
  ),
  of(
    1,
    fc.constantFrom(...finalEnds).map(([code, text]) => acts.end(code, text)),
  ),
  of(2, fc.constant(acts.stall())),
  of(2, fc.constantFrom(...greetings).map(acts.greeting)),
  of(1, fc.constantFrom(0, 0, 4_000).map(acts.storm)),
  of(
    2,
    fc.tuple(names, fc.boolean()).map(([name, isEntry]) => acts.toggle(name, isEntry)),
  ),
  of(
    6,
    fc
      .tuple(namespaces, rooms, fc.constantFrom('say', 'say', 'slow', 'unknown', 'fault'))
      .map(([ns, room, event]) => acts.push(ns, room, event)),
  ),
  of(
    2,
    fc
      .tuple(namespaces, rooms, fc.constantFrom('question', 'fault', 'slow'))
      .map(([ns, room, event]) => acts.serverAsk(ns, room, event)),
  ),
  of(
    5,
    fc
      .tuple(fc.constantFrom<Step>('connect', 'join', 'disconnect', 'leave'), namespaces, roomNames)
      .map(([step, ns, room]) => acts.serverStep(step, ns, room)),
  ),
  of(1, fc.constantFrom('garbage', 'a;b', '$x;a;;say;0;0;other', '#7;;;;0;0;').map(acts.send)),
  of(7, fc.constantFrom(1, 400, 1_100, 4_000, 11_000, 26_000, 40_000).map(acts.advance)),
  of(2, fc.constantFrom('VISIBLE' as const, 'ONLINE' as const, 'OFFLINE' as const).map(acts.hint)),
];

/** Scripts of a client, its program, its page and its server. */
export const scripts = (maxCommands: number): fc.Arbitrary<Iterable<Command>> =>
  fc.commands([fc.oneof(...program, ...network)], { maxCommands, size: 'max' });
