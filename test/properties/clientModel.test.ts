import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { acts, type Command } from '../support/clientModel/clientActs.js';
import { scripts } from '../support/clientModel/clientCommands.js';
import { Pair } from '../support/clientModel/clientPair.js';

const runs = 5 * Number(process.env['MUSTER_RUNS'] ?? 60);
/** A failure prints its seed. */
const seed = process.env['MUSTER_SEED'];

const play = async (pair: Pair, commands: Iterable<Command>): Promise<void> => {
  await fc.asyncModelRun(() => ({ model: pair.model, real: pair }), commands);
};

/** In two namespaces and two rooms. */
const inside: readonly Command[] = [
  acts.connect('a'),
  acts.connect('b'),
  acts.join('a', 'r'),
  acts.join('b', 's'),
  acts.run(),
];

const title =
  '[CL1] [CL2] [CL3] [CL5] [CL6] [CL8] [CL9] [CL10] [CL11] [CL12] [CL13] [CL14] [CL16] [CL20] [CL21] [CL22] ' +
  'whatever happens, the program and the server see what a naive model says';

test(title, async () => {
  await fc.assert(
    // The draw of all waits, how it begins, and what happens.
    fc.asyncProperty(fc.constantFrom(0, 0.25, 0.999), fc.boolean(), scripts(60), async (random, isInside, commands) => {
      const pair = new Pair(random);
      if (isInside) await play(pair, inside);
      await play(pair, commands);
    }),
    { numRuns: runs, ...(seed && { seed: Number(seed) }) },
  );
}, 600_000);

const times = (count: number, command: Command): Command[] => Array.from({ length: count }, () => command);
const { connect, join, leave, emit, ask, run, end, advance, push, serverStep, stall, deliver, release, close, hint } =
  acts;
const back: readonly Command[] = [advance(26_000), run()];

/** What happens seldom by chance, or has gone wrong before. */
const fixed: readonly (readonly [title: string, commands: readonly Command[]])[] = [
  [
    '[CL8] entries under way go on when their line is lost',
    [connect('a'), connect('b'), join('a', 'r'), acts.open(), deliver(2), end(1006), ...back],
  ],
  [
    '[CL8] namespaces come first, then rooms, then what waited',
    [...inside, end(1006), emit('a', 'r'), emit('b', ''), emit('a', ''), ...back],
  ],
  [
    '[CL9] a void entry tells no handler',
    [...inside, push('a', '', 'slow'), run(), end(1006), ...back, end(1006), ...back, release(), run()],
  ],
  [
    '[CL10] asks end with their line, and those that wait go on',
    [...inside, ask('a', 'mute', 12_345), end(1006), ask('a', 'echo', 60_000), ask('a', 'echo', 777), ...back],
  ],
  [
    '[CL11] the outbox has two bounds',
    [...inside, end(1006), ...times(7, emit('a', '')), ...back, end(1006), ...times(4, emit('a', '', 90)), ...back],
  ],
  [
    '[CL11] frames of one namespace keep their order',
    [...inside, join('a', 's'), emit('a', 's'), emit('a', ''), emit('b', ''), run()],
  ],
  [
    '[CL12] what nothing proves is in doubt',
    [
      ...inside,
      ...times(3, emit('a', '')),
      advance(26_000),
      run(),
      ...times(2, emit('a', '')),
      ask('a', 'echo', 777),
      run(),
      emit('a', ''),
      emit('b', ''),
      end(1006),
      ...back,
    ],
  ],
  [
    '[CL12] refused entries are told, with what waited for them',
    [...inside, end(1006), acts.toggle('b', true), emit('b', 's'), emit('a', ''), ...back],
  ],
  [
    '[CL12] an entry that is not answered is taken back',
    [...inside, end(1006), advance(1_000), acts.open(), deliver(1), stall(), advance(11_000), stall(), run()],
  ],
  [
    '[CL13] a join of the server is answered before what waited is sent',
    [connect('a'), run(), serverStep('join', 'a', 's'), join('a', 's'), emit('a', 's'), run()],
  ],
  [
    '[CL13] a room that is being left ends with its namespace',
    [...inside, stall(), leave('a', 'r'), serverStep('disconnect', 'a', ''), stall(), run()],
  ],
  [
    '[CL13] a step of an ended line is not taken',
    [
      ...inside,
      push('a', '', 'slow'),
      serverStep('join', 'a', 's'),
      serverStep('disconnect', 'b', ''),
      run(),
      end(1006),
      ...back,
      release(),
      run(),
    ],
  ],
  [
    '[CL3] what came before the end still has its turn',
    [...inside, push('a', '', 'slow'), push('a', 'r', 'say'), push('b', '', 'say'), run(), close(), run(), release()],
  ],
  [
    '[CL22] waits grow, and begin anew after 5 s online',
    [...inside, end(1006), ...back, end(1006), ...back, advance(6_000), end(1006), ...back, end(1013), ...back],
  ],
  [
    '[CL22] a page dials at once, but once in each outage',
    [
      ...inside,
      end(1006),
      hint('VISIBLE'),
      end(1006),
      hint('VISIBLE'),
      end(1006),
      hint('ONLINE'),
      ...back,
      end(1006),
      hint('ONLINE'),
      run(),
    ],
  ],
  [
    '[CL14] a namespace that is asked for again begins in the turn of its end',
    [...inside, leave('a', ''), connect('a'), push('a', '', 'say'), deliver(2), run()],
  ],
  [
    '[CL14] the end of a line does not end a later leave',
    [
      ...[...inside, stall(), leave('a', ''), push('b', '', 'slow'), deliver(1), end(1006), stall()],
      ...[...back, connect('a'), run(), leave('a', ''), release(), run()],
    ],
  ],
];

describe('a fixed script', () => {
  test.each(fixed)('%s', async (_, commands) => {
    const pair = new Pair(0.999);
    await play(pair, commands);
    expect(pair.model.states.length).toBeGreaterThan(3);
  });
});
