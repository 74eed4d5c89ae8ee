import { describe, expect, test } from 'vitest';
import { assign, createActor, fromPromise } from 'xstate';
import {
  connectionConfig,
  connectionMachine,
  connectionSetup,
  linkConfig,
  linkMachine,
  linkSetup,
  namespaceConfig,
  namespaceMachine,
  namespaceSetup,
  roomConfig,
  roomMachine,
  roomSetup,
  supervisorConfig,
  supervisorMachine,
  supervisorSetup,
} from '../../src/index.js';

describe('a chart of the exported setup and parts', () => {
  test.each([
    ['supervisor', supervisorSetup.extend({}).createMachine(supervisorConfig), supervisorMachine],
    ['connection', connectionSetup.extend({}).createMachine(connectionConfig), connectionMachine],
    ['namespace', namespaceSetup.extend({}).createMachine(namespaceConfig), namespaceMachine],
    ['room', roomSetup.extend({}).createMachine(roomConfig), roomMachine],
    ['link', linkSetup.extend({}).createMachine(linkConfig), linkMachine],
  ])('[SV21] without anything of its own is the built-in one: %s', (_, own, builtIn) => {
    expect(own.config).toEqual(builtIn.config);
    expect(Object.keys(own.implementations.actions).sort()).toEqual(
      Object.keys(builtIn.implementations.actions).sort(),
    );
    expect(own.implementations).toMatchObject({
      guards: builtIn.implementations.guards,
      delays: builtIn.implementations.delays,
    });
  });

  test('[SV21] runs its own events, context, actors, actions, guards and delays, of each call of extend', async () => {
    const done: unknown[] = [];
    const machine = linkSetup
      .extend({
        types: {
          context: {} as { readonly score: number },
          events: {} as { readonly type: 'SCORE'; readonly by: number },
        },
        actors: { load: fromPromise(async () => 5) },
      })
      .extend({
        types: { tags: {} as 'scored' },
        actors: { store: fromPromise(async () => 6) },
        actions: {
          add: assign({ score: ({ context, event }) => context.score + (event.type === 'SCORE' ? event.by : 0) }),
          tell: ({ context }) => void done.push(context.score),
        },
        guards: { isGood: ({ event }) => event.type === 'SCORE' && event.by > 0 },
        delays: { soon: 1 },
      })
      .createMachine({
        ...linkConfig,
        context: { ...linkConfig.context, score: 0 },
        on: { ...linkConfig.on, SCORE: { guard: 'isGood', actions: ['add', 'tell'] } },
        states: {
          ...linkConfig.states,
          connecting: {
            tags: ['connecting', 'scored'],
            invoke: [
              { src: 'load', onDone: { actions: ({ event }) => void done.push(event.output) } },
              { src: 'store', onDone: { actions: ({ event }) => void done.push(event.output) } },
            ],
            after: { soon: { target: 'closed' } },
          },
        },
      });
    const actor = createActor(machine).start();
    actor.send({ type: 'SCORE', by: -1 });
    actor.send({ type: 'SCORE', by: 2 });
    expect([done, actor.getSnapshot().hasTag('scored')]).toEqual([[2], true]);
    await expect.poll(() => actor.getSnapshot().value).toBe('closed');
    expect(done.toSorted()).toEqual([2, 5, 6]);
  });

  test.each([
    [{ event: {} }, 'event'],
    [{ types: {}, states: {}, on: {} }, 'states, on'],
    [undefined, 'undefined'],
    [null, 'null'],
    ['MUTE', 'MUTE'],
  ])('[SV21] extend does not take %j', (own, got) => {
    expect(() => connectionSetup.extend(own as never)).toThrow(
      new TypeError(`extend takes an object of types, actors, actions, guards, delays; got ${got}`),
    );
  });
});
