import { describe, expect, test } from 'vitest';
import { createActor, initialTransition, type StateValue, transition } from 'xstate';
import { type LinkEvent, linkMachine } from '../../src/machines/link.js';
import { FakeClock } from '../support/server/fakeClock.js';

type EventType = LinkEvent['type'];

/** Every event that there is; one that is forgotten here does not compile, so that its keys are just these. */
const events = Object.keys({
  UP: true,
  FAILED: true,
  LOST: true,
  CLOSE: true,
} satisfies Record<EventType, true>) as EventType[];

const states = {
  connecting: 'connecting',
  online: 'online',
  waiting: { degraded: 'waiting' },
  trying: { degraded: 'trying' },
  settling: { degraded: 'settling' },
  closed: 'closed',
} as const satisfies Record<string, StateValue>;
type Name = keyof typeof states;
type Busy = Exclude<Name, 'closed'>;
const busy: readonly Busy[] = ['connecting', 'online', 'waiting', 'trying', 'settling'];

type Row = readonly [rules: string, to: Name, does: readonly string[], tries?: number];

/** So often it was tried before each step. */
const tries = 3;

/** State -> event -> the rules it serves, the next state, what is to be done, and how often it was tried then. */
const table: { readonly [name in Busy]: Partial<Record<EventType, Row>> } = {
  connecting: {
    UP: ['[EX1] [EX10]', 'online', ['resume'], 0],
    FAILED: ['[EX1]', 'closed', ['shutDown']],
    CLOSE: ['[EX16]', 'closed', ['shutDown']],
  },
  online: {
    LOST: ['[EX10]', 'waiting', ['suspend']],
    CLOSE: ['[EX16]', 'closed', ['suspend', 'shutDown']],
  },
  waiting: {
    CLOSE: ['[EX16]', 'closed', ['shutDown']],
  },
  trying: {
    UP: ['[EX10]', 'settling', []],
    FAILED: ['[EX10]', 'waiting', []],
    CLOSE: ['[EX16]', 'closed', ['shutDown']],
  },
  settling: {
    FAILED: ['[EX10]', 'waiting', []],
    CLOSE: ['[EX16]', 'closed', ['shutDown']],
  },
};

const stateAt = (name: Name) => linkMachine.resolveState({ value: states[name], context: { tries } });

/** What a step leads to; timers are xstate's own business and are tested with a clock. */
const step = (name: Name, type: EventType) => {
  const [next, actions] = transition(linkMachine, stateAt(name), { type });
  const does = actions.map((action) => action.type).filter((action) => !action.startsWith('xstate.'));
  return { value: next.value, does, tries: next.context.tries };
};

const rowsOf = (from: Busy) =>
  events.flatMap((type) => {
    const [rules, to, does, then = tries] = table[from][type] ?? [];
    return rules === undefined || to === undefined ? [] : [[rules, type, to, does, then] as const];
  });

describe.each(busy)('%s', (from) => {
  test.each(rowsOf(from))('%s %s leads to %s', (_, type, to, does, then) => {
    expect(step(from, type)).toEqual({ value: states[to], does, tries: then });
  });

  test.each(events.filter((type) => !table[from][type]))('[SV9] [EX10] %s changes nothing', (type) => {
    expect(step(from, type)).toEqual({ value: states[from], does: [], tries });
  });
});

describe('the chart', () => {
  test('[EX10] the initial state is connecting', () => {
    const [snapshot, actions] = initialTransition(linkMachine);
    expect([snapshot.value, snapshot.context]).toEqual(['connecting', { tries: 0 }]);
    expect(actions.map(({ type }) => type).filter((type) => !type.startsWith('xstate.'))).toEqual(['connect']);
  });

  test('[SV9] the table has every state', () => {
    const paths = Object.values(linkMachine.states).flatMap(({ key, states: inner }) => {
      const names = Object.keys(inner);
      return names.length === 0 ? [key] : names;
    });
    expect(paths.toSorted()).toEqual(Object.keys(states).toSorted());
  });

  test('[SV9] every state has a description', () => {
    const described = (node: {
      readonly config: { readonly description?: string };
      readonly states: object;
    }): boolean => Boolean(node.config.description) && Object.values(node.states).every(described);
    expect(described(linkMachine.root)).toBe(true);
  });

  test.each<[Name, readonly string[]]>([
    ['connecting', ['connecting']],
    ['online', ['online']],
    ['waiting', ['degraded']],
    ['trying', ['degraded']],
    ['settling', ['degraded']],
    ['closed', ['closed']],
  ])('[EX10] [SV9] %s has the tags %j', (name, tags) => {
    expect([...stateAt(name).tags].sort()).toEqual(tags);
  });

  test('[EX10] closed is the last state', () => {
    expect(stateAt('closed').status).toBe('done');
  });
});

describe('times', () => {
  const make = (delays: Parameters<typeof linkMachine.provide>[0]['delays'] = {}) => {
    const clock = new FakeClock();
    const log: string[] = [];
    const note = (type: string) => () => void log.push(`${type} at ${clock.now()}`);
    const machine = linkMachine.provide({
      actions: {
        connect: note('connect'),
        abandon: note('abandon'),
        resume: note('resume'),
        suspend: note('suspend'),
        shutDown: note('shutDown'),
      },
      delays,
    });
    const actor = createActor(machine, { clock }).start();
    const send = (...types: readonly EventType[]): void => {
      for (const type of types) actor.send({ type });
    };
    return { clock, log, actor, send, value: () => actor.getSnapshot().value };
  };

  test('[EX1] [EX15] a first attempt fails after 4 s, and the link ends', () => {
    const { clock, log, actor, value } = make();
    clock.advance(3_999);
    expect(value()).toBe('connecting');
    clock.advance(1);
    expect(log).toEqual(['connect at 0', 'abandon at 4000', 'shutDown at 4000']);
    expect([actor.getSnapshot().status, clock.timers]).toEqual(['done', 0]);
  });

  test('[EX10] a lost broker is reconnected with growing delays, up to 1 s', () => {
    const { clock, log, send } = make();
    send('UP', 'LOST');
    log.length = 0;
    const gaps: number[] = [];
    let last = clock.now();
    for (let attempt = 0; attempt < 9; attempt++) {
      while (log.length === attempt) clock.advance(1);
      gaps.push(clock.now() - last);
      last = clock.now();
      send('FAILED');
    }
    expect(gaps).toEqual([100, 200, 400, 800, 1_000, 1_000, 1_000, 1_000, 1_000]);
  });

  test('[EX10] a reconnect fails after 4 s, and another one follows', () => {
    const { clock, log, send, value } = make();
    send('UP', 'LOST');
    clock.advance(100);
    expect(value()).toEqual(states.trying);
    clock.advance(4_000);
    expect(value()).toEqual(states.waiting);
    clock.advance(200);
    expect(log.slice(3)).toEqual(['connect at 100', 'abandon at 4100', 'connect at 4300']);
    send('UP');
    expect(value()).toEqual(states.settling);
  });

  test('[EX10] [EX11] after a reconnect waiting messages are published 2 s later, when other servers have reconnected', () => {
    const { clock, log, send, value } = make();
    send('UP', 'LOST');
    clock.advance(150);
    send('UP');
    clock.advance(1_999);
    expect([value(), log.at(-1)]).toEqual([states.settling, 'connect at 100']);
    clock.advance(1);
    expect([value(), log.at(-1), clock.timers]).toEqual(['online', 'resume at 2150', 0]);
  });

  test('[EX10] lost again in that time, it is reconnected with the same delays', () => {
    const { clock, log, send } = make();
    send('UP', 'LOST');
    clock.advance(100);
    send('UP');
    clock.advance(1_000);
    send('FAILED');
    clock.advance(10_000);
    expect(log.slice(3, 5)).toEqual(['connect at 100', 'connect at 1300']);
  });

  test('[EX10] once online the delays start again', () => {
    const { clock, send, actor, value } = make();
    send('UP', 'LOST');
    clock.advance(100);
    send('FAILED');
    clock.advance(200);
    expect(actor.getSnapshot().context.tries).toBe(2);
    send('UP');
    clock.advance(2_000);
    send('LOST');
    clock.advance(100);
    expect([value(), actor.getSnapshot().context.tries]).toEqual([states.trying, 1]);
  });

  test.each<[Name, readonly EventType[], number]>([
    ['connecting', [], 0],
    ['online', ['UP'], 0],
    ['waiting', ['UP', 'LOST'], 0],
    ['trying', ['UP', 'LOST'], 100],
  ])('[EX16] closed while %s, it has no timer left and does nothing any more', (name, before, ms) => {
    const { clock, log, send, actor, value } = make();
    send(...before);
    clock.advance(ms);
    expect(value()).toEqual(states[name]);
    send('CLOSE');
    expect([log.at(-1), clock.timers, actor.getSnapshot().status]).toEqual([`shutDown at ${ms}`, 0, 'done']);
    log.length = 0;
    clock.advance(60_000);
    expect(log).toEqual([]);
  });

  test('[EX10] while it is online no timer of the chart runs', () => {
    const { clock, send } = make();
    send('UP');
    expect(clock.timers).toBe(0);
  });

  test('[SV9] a program gives it other times by name', () => {
    const { clock, send, log } = make({ connectTimeout: 10, retryDelay: 5, settleDelay: 3 });
    send('UP', 'LOST');
    clock.advance(5 + 10 + 5);
    send('UP');
    clock.advance(3);
    expect(log.slice(3)).toEqual(['connect at 5', 'abandon at 15', 'connect at 20', 'resume at 23']);
  });
});
