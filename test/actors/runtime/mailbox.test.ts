import { describe, expect, test } from 'vitest';
import { createActor, type EventObject, setup } from 'xstate';
import { Mailboxes } from '../../../src/actors/runtime/mailbox.js';

/** An actor behind a door; what its chart does, and what is taken at the door, is written down in order. */
const makeGuarded = () => {
  const log: string[] = [];
  const errors: unknown[] = [];
  const mailboxes = new Mailboxes((error) => errors.push(error));
  const machine = setup({
    types: { events: {} as { readonly type: 'WORK' | 'SELF' | 'BUSY' | 'FAIL' | 'HOT' } },
    actions: {
      work: () => log.push('work'),
      putAside: () => mailboxes.defer(() => log.push('afterwards')),
      sendMore: ({ self }) => {
        self.send({ type: 'HOT' });
        self.send({ type: 'WORK' });
        log.push('sent');
      },
    },
  }).createMachine({
    initial: 'here',
    states: {
      here: { on: { WORK: { actions: ['work', 'putAside'] }, BUSY: { actions: ['putAside', 'sendMore'] } } },
    },
  });
  const actor = createActor(machine);
  const handleHot = ({ type }: EventObject): boolean => {
    if (type === 'HOT') log.push('hot');
    return type === 'HOT';
  };
  mailboxes.intercept(actor, { handleHot });
  actor.start();
  return { log, errors, mailboxes, actor };
};

describe('hot events', () => {
  test('[DO6] a hot event is intercepted, and no other', () => {
    const { log, actor } = makeGuarded();
    actor.send({ type: 'HOT' });
    actor.send({ type: 'WORK' });
    expect(log).toEqual(['hot', 'work', 'afterwards']);
  });

  test('[DO6] [BC3] it is handled at once even while the mailbox is busy; other events wait', () => {
    const { log, actor } = makeGuarded();
    actor.send({ type: 'BUSY' });
    expect(log.slice(0, 3)).toEqual(['hot', 'sent', 'work']);
  });
});

describe('deferred work', () => {
  test('[SV10] runs when every mailbox is empty, in order', () => {
    const { log, actor } = makeGuarded();
    actor.send({ type: 'BUSY' });
    expect(log).toEqual(['hot', 'sent', 'work', 'afterwards', 'afterwards']);
  });

  test('[SV10] every mailbox: also that of the actor that sent', () => {
    const { log, mailboxes, actor } = makeGuarded();
    mailboxes.enter(() => {
      actor.send({ type: 'WORK' });
      log.push('still inside');
    });
    expect(log).toEqual(['work', 'still inside', 'afterwards']);
  });

  test('[SV10] events that it sends to its own actor take effect at once', () => {
    const { log, mailboxes, actor } = makeGuarded();
    mailboxes.enter(() => {
      mailboxes.defer(() => {
        actor.send({ type: 'WORK' });
        log.push('sent');
      });
      mailboxes.defer(() => log.push('second'));
    });
    expect(log).toEqual(['work', 'sent', 'second', 'afterwards']);
  });

  test('[SV10] outside of every mailbox it runs soon, and never within its caller', async () => {
    const { log, mailboxes } = makeGuarded();
    mailboxes.defer(() => log.push('first'));
    mailboxes.defer(() => log.push('second'));
    expect(log).toEqual([]);
    await Promise.resolve();
    expect(log).toEqual(['first', 'second']);
  });

  test('[SV10] and not twice when a mailbox is visited before', async () => {
    const { log, mailboxes, actor } = makeGuarded();
    mailboxes.defer(() => log.push('once'));
    actor.send({ type: 'WORK' });
    expect(log).toEqual(['work', 'once', 'afterwards']);
    await Promise.resolve();
    expect(log).toEqual(['work', 'once', 'afterwards']);
  });

  test('[SV2] an error is reported, and later work runs', () => {
    const { log, errors, mailboxes } = makeGuarded();
    const failure = new Error('boom');
    mailboxes.enter(() => {
      mailboxes.defer(() => {
        throw failure;
      });
      mailboxes.defer(() => log.push('next'));
    });
    expect([log, errors]).toEqual([['next'], [failure]]);
  });

  test('[SV1] a step that throws leaves the mailboxes as they were', () => {
    const { log, mailboxes } = makeGuarded();
    expect(() =>
      mailboxes.enter(() => {
        mailboxes.defer(() => log.push('afterwards'));
        throw new Error('boom');
      }),
    ).toThrow('boom');
    expect(log).toEqual(['afterwards']);
    mailboxes.enter(() => mailboxes.defer(() => log.push('again')));
    expect(log).toEqual(['afterwards', 'again']);
  });
});
