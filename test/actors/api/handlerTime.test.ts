import { describe, expect, test } from 'vitest';
import { reply } from '../../../src/protocol/errors.js';
import { SupervisorHarness } from '../../support/server/supervisorHarness.js';

/** Waits until settled promises have had their reactions. */
const settle = async (): Promise<void> => {
  for (let at = 0; at < 20; at++) await Promise.resolve();
};

describe('the time of a handler', () => {
  const start = () => {
    let open = (): void => {};
    const harness: SupervisorHarness = new SupervisorHarness({
      debug: ({ what }) => {
        if (what.includes('logged')) harness.clock.spend(40);
      },
      namespaces: {
        n: {
          quick: () => {},
          logged: () => {},
          long: () => harness.clock.spend(30),
          asked: () => reply('x'),
          slow: async () => {
            await new Promise<void>((resolve) => {
              open = resolve;
            });
            // Counts for this handler, up to its end.
            harness.clock.spend(7);
          },
        },
      },
    });
    const sum = (): number => harness.supervisor.metrics.handlers.time.sum;
    return { harness, sum, socket: harness.open('a', 'n').socket, letGo: () => open() };
  };

  test('[IN7] is measured for each of those that follow one another', () => {
    const { socket, sum } = start();
    socket.receive(';n;;long;0;0;', ';n;;quick;0;0;', ';n;;asked;0;0;', ';n;;long;0;0;', ';n;;quick;0;0;');
    expect(sum()).toBe(60);
  });

  test('[IN7] has nothing of what passes between two reads', async () => {
    const { harness, socket, sum } = start();
    socket.receive(';n;;quick;0;0;');
    await settle();
    harness.clock.spend(500);
    socket.receive(';n;;quick;0;0;');
    expect(sum()).toBe(0);
  });

  test('[IN7] has nothing of what a hook takes', () => {
    const { socket, sum } = start();
    socket.receive(';n;;quick;0;0;', ';n;;logged;0;0;', ';n;;quick;0;0;');
    expect(sum()).toBe(0);
  });

  test('[IN7] has nothing of the turn that it waited for', async () => {
    const { harness, socket, sum, letGo } = start();
    socket.receive(';n;;slow;0;0;', ';n;;quick;0;0;');
    harness.clock.spend(10);
    letGo();
    await settle();
    expect(sum()).toBe(17);
  });
});
