import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test as check, fc } from '@fast-check/vitest';
import { type Browser, chromium as browserType } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { and, assign, createActor, createMachine, fromPromise, not, setup } from 'xstate';
import { SteppedMachine } from '../../../src/actors/charts/steppedMachine.js';
import {
  connectionMachine,
  linkMachine,
  namespaceMachine,
  roomMachine,
  supervisorMachine,
} from '../../../src/index.js';
import { allStates, type ChartState, describeMachine, statesOf } from '../../../src/inspector/draw/chart.js';
import { draw } from '../../../src/inspector/draw/draw.js';
import { Graphviz } from '../../../src/inspector/draw/graphviz.js';
import { arbitraryMachine } from '../../support/model/randomMachines.js';
import { chromium, describeWith } from '../../support/peers/installed.js';

/** What is used of the browser's own parser, in the browser. */
declare const DOMParser: new () => {
  parseFromString(
    text: string,
    type: string,
  ): {
    querySelectorAll(selector: string): Iterable<{
      readonly localName: string;
      readonly textContent: string;
      getAttribute(name: string): string | null;
      getAttributeNames(): string[];
    }>;
  };
};

const charts = { supervisorMachine, connectionMachine, namespaceMachine, roomMachine, linkMachine };

/** The states that a drawing has groups for. */
const drawnStates = (svg: string): string[] =>
  Array.from(svg.matchAll(/ data-state="([^"]*)"/g), ([, id = '']) =>
    id.replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&'),
  );

const find = (root: ChartState, id: string): ChartState | undefined => allStates(root).find((state) => state.id === id);

describe('a description of a machine', () => {
  check.prop([arbitraryMachine])('[IN15] has every state and every transition once', ({ machine, states, written }) => {
    const root = describeMachine(machine);
    expect(allStates(root).map(({ id }) => id)).toEqual(states);
    const described = allStates(root).flatMap(({ id, transitions }) =>
      transitions.map(({ on, guard, actions, targets }) => {
        const trigger = on.kind === 'event' ? on.event : on.kind === 'after' ? `after ${on.delay}` : on.kind;
        return JSON.stringify([id, trigger, guard, actions, targets]);
      }),
    );
    const expected = written.map(({ state, trigger, guard, actions, targets }) =>
      JSON.stringify([state, trigger, guard, actions, targets]),
    );
    expect(described.sort()).toEqual(expected.sort());
    expect(JSON.parse(JSON.stringify(root))).toEqual(root);
  });

  const rich = setup({
    types: { events: {} as { type: 'GO' } | { type: 'STAY' } },
    actors: { work: fromPromise(async () => {}) },
    actions: { note: () => {}, prepare: () => {} },
    guards: { isReady: () => true, isLate: () => false },
    delays: { patience: 1_500, growing: () => 5 },
  }).createMachine({
    id: 'rich',
    description: 'Everything.',
    initial: 'one',
    states: {
      one: {
        tags: ['a', 'b'],
        entry: ['note', { type: 'note' }],
        exit: assign({}),
        invoke: { src: 'work', id: 'worker', onDone: 'two', onError: { actions: 'note' } },
        always: { guard: and(['isReady', not('isLate')]), target: 'two' },
        after: { patience: 'two', growing: 'two', 250: { actions: 'note' } },
        on: {
          GO: [
            { guard: 'isReady', target: 'two' },
            { target: 'one', reenter: true },
          ],
          STAY: { target: 'one', actions: 'note' },
        },
      },
      two: { type: 'parallel', states: { left: {}, right: {} }, onDone: 'three' },
      three: { type: 'final' },
    },
  });

  test('[IN15] shows what triggers a transition, under which guard, and whether it leaves its state', () => {
    const root = describeMachine(rich);
    expect(root).toMatchObject({
      id: 'rich',
      type: 'compound',
      description: 'Everything.',
      initial: { target: 'rich.one' },
    });
    const one = find(root, 'rich.one');
    expect(one).toMatchObject({ tags: ['a', 'b'], entry: ['note', 'note'], exit: ['assign'], invokes: ['worker'] });
    const taken = one?.transitions.map(({ on, guard, isOtherwise, isInternal, targets }) => {
      return { on, guard, isOtherwise, isInternal, target: targets[0] };
    });
    const plain = { guard: undefined, isOtherwise: false, isInternal: false, target: 'rich.two' };
    expect(taken).toEqual([
      { ...plain, on: { kind: 'event', event: 'GO' }, guard: 'isReady' },
      { ...plain, on: { kind: 'event', event: 'GO' }, isOtherwise: true, target: 'rich.one' },
      { ...plain, on: { kind: 'event', event: 'STAY' }, isInternal: true, target: 'rich.one' },
      { ...plain, on: { kind: 'actor', actor: 'worker', what: 'done' } },
      { ...plain, on: { kind: 'actor', actor: 'worker', what: 'error' }, isInternal: true, target: undefined },
      { ...plain, on: { kind: 'after', delay: '250', ms: 250 }, isInternal: true, target: undefined },
      { ...plain, on: { kind: 'after', delay: 'patience', ms: 1_500 } },
      { ...plain, on: { kind: 'after', delay: 'growing' } },
      { ...plain, on: { kind: 'always' }, guard: '(isReady and not isLate)' },
    ]);
    expect(find(root, 'rich.two')).toMatchObject({ type: 'parallel', transitions: [{ on: { kind: 'done' } }] });
    expect(find(root, 'rich.three')).toMatchObject({ type: 'final', transitions: [] });
  });

  test('[IN15] has the delays that a program provides', () => {
    const root = describeMachine(connectionMachine.provide({ delays: { closeTimeout: 42 } }));
    const closing = find(root, 'connection.closing');
    expect(closing?.transitions).toMatchObject([{ on: { kind: 'after', delay: 'closeTimeout', ms: 42 } }]);
  });
});

describe('a drawing', () => {
  test.each(Object.entries(charts))(
    '[IN16] of the %s has every state and refers to nothing',
    async (_name, machine) => {
      const svg = await draw(machine);
      expect(drawnStates(svg).sort()).toEqual(
        allStates(describeMachine(machine))
          .map(({ id }) => id)
          .sort(),
      );
      expect(svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" class="chart" /);
      expect(svg).toMatch(/<\/svg>$/);
      expect(svg.replace('http://www.w3.org/2000/svg', '')).not.toMatch(
        /:\/\/|href|url\(|<script|<style|style=|<title|\son\w+=/,
      );
      const colours = Array.from(svg.matchAll(/ (?:fill|stroke)="([^"]*)"/g), ([, colour = '']) => colour);
      expect(
        colours.filter((colour) => colour !== 'none' && !/^var\(--chart-\w+, (?:currentColor|none)\)$/.test(colour)),
      ).toEqual([]);
    },
  );

  test('[IN16] shows a machine as it was edited', async () => {
    const edited = createMachine({
      id: 'edited',
      initial: 'idle',
      states: { idle: { on: { WAKE: 'awake' } }, awake: { description: 'At last.', after: { 2000: 'idle' } } },
    });
    const svg = await draw(edited);
    expect(drawnStates(svg)).toEqual(['edited', 'edited.idle', 'edited.awake']);
    const words = svg.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ');
    for (const word of ['WAKE', 'At last.', 'after 2 s', 'awake']) expect(words).toContain(word);
  });

  check.prop([arbitraryMachine], { numRuns: 40 })(
    '[IN16] as an outline has the same states and arrows, and nothing of what is done',
    async ({ machine }) => {
      const [whole, outline] = [await draw(machine), await draw(machine, { isOutline: true })];
      const arrows = (svg: string) => Array.from(svg.matchAll(/ data-from="[^"]*" data-to="[^"]*"/g), ([ends]) => ends);
      expect(drawnStates(outline).sort()).toEqual(drawnStates(whole).sort());
      expect([...new Set(arrows(outline))].sort()).toEqual([...new Set(arrows(whole))].sort());
      const inks = (svg: string) => new Set(Array.from(svg.matchAll(/<tspan class="(\w+)"/g), ([, ink]) => ink));
      expect(['action', 'note', 'tag'].filter((ink) => inks(outline).has(ink))).toEqual([]);
    },
  );

  test('[IN16] has every state where Graphviz loses some for the alignment of regions', async () => {
    // Found by the test above.
    const crowded = createMachine({
      id: 'a0',
      initial: 'k0',
      states: {
        k0: {
          type: 'parallel',
          states: {
            k0: {
              type: 'parallel',
              states: { k0: { id: 'a3' }, k1: { initial: 'k0', states: { k0: {} } }, k2: {}, k3: {} },
            },
            k1: {
              type: 'parallel',
              states: { k0: { on: { a: { guard: () => true }, out: '#a19' } }, k1: {}, k2: {}, k3: {} },
            },
            k2: {},
            k3: { type: 'parallel', on: { a: '#a3' }, states: { k0: {}, k1: {}, k2: {} } },
          },
        },
        k1: {},
        k2: { id: 'a19', initial: 'k0', states: { k0: {}, k1: {}, k2: {} } },
      },
    });
    const drawings = [await draw(crowded), await draw(crowded, { isOutline: true })];
    expect(drawings.map((svg) => new Set(drawnStates(svg)).size)).toEqual([23, 23]);
  });

  test('[IN16] has every arrow where Graphviz finds no way for a curve', async () => {
    // Found by the test above: with curves, this drawing lacks an arrow.
    const narrow = createMachine({
      id: 'n0',
      initial: 'k0',
      states: {
        k0: {
          type: 'parallel',
          states: {
            k0: { initial: 'k0', states: { k0: {}, k1: {}, k2: {} }, on: { OUT: '#n17' } },
            k1: { id: 'n6' },
          },
        },
        k1: {
          initial: 'k0',
          states: {
            k0: {},
            k1: {
              initial: 'k0',
              states: { k0: { on: { BACK: '#n6' } }, k3: { initial: 'k0', states: { k0: {} } } },
            },
            k2: {
              id: 'n17',
              initial: 'k0',
              states: {
                k0: { initial: 'k1', states: { k1: {}, k2: {} } },
                k2: { initial: 'k1', states: { k1: {} } },
              },
            },
          },
        },
      },
    });
    const arrowCount = (svg: string) => new Set(svg.match(/ data-from="[^"]*" data-to="[^"]*"/g)).size;
    const drawings = [await draw(narrow), await draw(narrow, { isOutline: true })];
    expect(drawings.map(arrowCount)).toEqual([10, 10]);
  });

  test('[IN16] needs a package, and names it if it is missing', async () => {
    const without = new Graphviz(() => createRequire(import.meta.url).resolve('@viz-js/none'));
    await expect(without.layOut('digraph {}')).rejects.toThrow(/npm install @viz-js\/viz/);
    await expect(without.layOut('digraph {}')).rejects.toThrow(/npm install @viz-js\/viz/);
  });

  test('[IN16] reports charts that cannot be drawn, and draws all others', async () => {
    const graphviz = new Graphviz();
    const [bad, good] = await Promise.allSettled([graphviz.layOut('digraph { a -'), graphviz.layOut('digraph { a }')]);
    expect(bad).toMatchObject({ status: 'rejected', reason: { message: expect.stringMatching(/cannot draw this/) } });
    expect(good).toMatchObject({ status: 'fulfilled', value: expect.stringContaining('<svg') });
    // One that is no package of that kind fails in its thread.
    const foreign = new Graphviz(() => createRequire(import.meta.url).resolve('immer'));
    for (let times = 0; times < 2; times++) await expect(foreign.layOut('digraph {}')).rejects.toThrow();
  });

  test('[IN16] [BC5] the event loop runs while a chart is laid out', async () => {
    // The layout ends only when the event loop has run many ticks: laid out in this thread, it would never be released.
    const folder = mkdtempSync(join(tmpdir(), 'layout-'));
    const release = join(folder, 'release');
    const graphviz = new Graphviz(() => fileURLToPath(new URL('blockingViz.cjs', import.meta.url)));
    try {
      const drawing = graphviz.layOut(release);
      for (let ticks = 0; ticks < 100; ticks++) await new Promise((resolve) => setImmediate(resolve));
      writeFileSync(release, '');
      expect(await drawing).toBe('<svg>released</svg>');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('[IN17] has a group for each state that an actor is in', async () => {
    const actor = createActor(connectionMachine, { input: { id: 'joe', isNativeOnly: false, isReachable: true } });
    actor.start();
    const drawn = drawnStates(await draw(connectionMachine));
    const active = statesOf(actor.getSnapshot());
    actor.stop();
    expect(active).toContain('connection.acknowledging.client.unacknowledged');
    expect(drawn).toEqual(expect.arrayContaining(active));
  });

  test.each([
    [
      'namespace',
      namespaceMachine,
      'ASKED.CONNECT',
      ['namespace', 'namespace.connecting', 'namespace.connecting.deciding'],
    ],
    ['room', roomMachine, 'JOIN', ['room', 'room.joining', 'room.joining.asking']],
  ] as const)(
    '[IN17] has a group for each state that a %s is in, which is only stepped',
    async (_name, machine, type, states) => {
      const chart = new SteppedMachine(machine, () => {});
      const active = statesOf(chart.step(chart.initial, { type }).value);
      expect(active.sort()).toEqual([...states].sort());
      expect(drawnStates(await draw(machine))).toEqual(expect.arrayContaining(active));
    },
  );
});

describeWith(chromium, 'a drawing in a browser', (path) => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await browserType.launch({ executablePath: path, args: ['--no-sandbox'] });
  });
  afterAll(() => browser.close());

  test('[IN16] is well-formed and safe for any name in a chart', async () => {
    const machines = fc.sample(arbitraryMachine, { numRuns: 150, seed: 6 });
    const drawings = await Promise.all(machines.map(({ machine }) => draw(machine)));
    const page = await browser.newPage();
    const read = await page.evaluate(
      (texts) =>
        texts.map((text) => {
          const all = [...new DOMParser().parseFromString(text, 'image/svg+xml').querySelectorAll('*')];
          return {
            states: all.flatMap((element) => element.getAttribute('data-state') ?? []),
            elements: all.map(({ localName }) => localName),
            attributes: all.flatMap((element) => element.getAttributeNames()),
            words: all.flatMap(({ localName, textContent }) => (localName === 'text' ? textContent : [])).join(''),
          };
        }),
      drawings,
    );
    const elements = new Set(read.flatMap((drawing) => drawing.elements));
    const attributes = new Set(read.flatMap((drawing) => drawing.attributes));
    const shapes = ['ellipse', 'g', 'path', 'polygon', 'polyline', 'rect', 'svg', 'text', 'tspan'];
    expect([...elements].filter((name) => !shapes.includes(name))).toEqual([]);
    expect([...attributes].filter((name) => /^(on|style|href|id$)/.test(name))).toEqual([]);
    const joined = (text: string): string => text.replaceAll(/\s/g, '');
    const lost = machines.flatMap(({ written }, at) =>
      written
        .flatMap(({ trigger, guard = '', actions }) => [trigger, guard, ...actions])
        .filter((word) => !joined(read[at]?.words ?? '').includes(joined(word))),
    );
    expect(lost).toEqual([]);
    expect(read.map(({ states }) => states.sort())).toEqual(machines.map(({ states }) => [...states].sort()));
  });
});
