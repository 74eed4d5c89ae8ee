import { describe, expect, test } from 'vitest';
import { createActor, setup } from 'xstate';
import { Conn } from '../../../src/actors/api/conn.js';
import type { ConnPort } from '../../../src/actors/api/connPort.js';
import type { ServerFace } from '../../../src/actors/api/serverFace.js';
import { BackgroundTasks } from '../../../src/actors/runtime/background.js';
import { Deadlines } from '../../../src/actors/runtime/deadlines.js';
import { DoQueue, type Visitor, type VisitTarget } from '../../../src/actors/supervisor/doQueue.js';
import type { UpgradeRequest } from '../../../src/actors/transport/socket.js';
import { HandlerTimeout } from '../../../src/protocol/errors.js';
import { FakeClock } from '../../support/server/fakeClock.js';

/** A handle with nothing behind it but an id: the walk hands it on and asks nothing of it. */
const connOf = (id: string): Conn => {
  const unasked = (): never => {
    throw new Error('a walk asks nothing of a connection');
  };
  const actor = createActor(setup({}).createMachine({}));
  const server: ServerFace = {
    broadcast: unasked,
    do: unasked,
    ask: unasked,
    totalConnections: 0,
    pressure: { log: 0, lag: 0, isThrottling: false },
    connections: unasked,
    connectionsByNamespace: unasked,
    roomNames: unasked,
    members: unasked,
    flush: unasked,
    close: unasked,
  };
  const port: ConnPort = {
    id,
    isClient: false,
    server,
    request: { headers: {} } as UpgradeRequest,
    remoteAddress: undefined,
    user: undefined,
    actor,
    isClosed: false,
    pressure: 0,
    connect: unasked,
    waitConnect: unasked,
    disconnect: unasked,
    namespace: unasked,
    namespaces: unasked,
    join: unasked,
    leave: unasked,
    room: unasked,
    rooms: unasked,
    write: unasked,
    ask: unasked,
    compose: unasked,
    broadcast: unasked,
    close: unasked,
  };
  return new Conn(port);
};

interface VisitedConnection extends VisitTarget {
  isClosed: boolean;
}

const makeLatch = () => {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
};

const timeout = 30_000;

/** The walk of `do` with a turn of its own, over these connections. */
const makeVisits = (...ids: readonly string[]) => {
  const clock = new FakeClock();
  const sweeper = new Deadlines(clock);
  const turn = new BackgroundTasks(clock, 4);
  const log: string[] = [];
  const connections = new Set<VisitedConnection>(
    ids.map((id) => ({ conn: connOf(id), isClosed: false, isVisited: false })),
  );
  const visits = new DoQueue({
    clock,
    deadlines: sweeper,
    limits: { handlerTimeout: timeout },
    callbacks: { report: () => {}, guarded: (code) => void code() },
    background: turn,
  });
  const run = (visit: Visitor): { readonly failures: unknown[] } => {
    const failures: unknown[] = [];
    visits.queue({
      visit,
      done: (failure) => {
        log.push(failure === undefined ? '(done)' : '(failed)');
        failures.push(failure);
      },
    });
    return { failures };
  };
  const begin = (): void => visits.begin(connections, () => log.push('(ended)'));
  const settle = async (): Promise<void> => {
    for (let at = 0; at < 6; at++) await Promise.resolve();
  };
  const turns = async (count = 1): Promise<void> => {
    for (let at = 0; at < count; at++) {
      clock.runImmediates();
      await settle();
    }
  };
  const connectionCalled = (id: string): VisitedConnection => {
    const found = [...connections].find(({ conn }) => conn.id === id);
    if (!found) throw new Error(`there is no ${id}`);
    return found;
  };
  return { clock, sweeper, log, guests: connections, guest: connectionCalled, visits, run, begin, turns };
};

describe('visiting', () => {
  test('[DO1] each connection is visited once, in order of registration', async () => {
    const { log, run, begin, turns } = makeVisits('a', 'b', 'c');
    const { failures } = run((conn) => log.push(conn.id));
    begin();
    expect(log).toEqual([]);
    await turns(3);
    expect(log).toEqual(['a', 'b', 'c', '(ended)', '(done)']);
    expect(failures).toEqual([undefined]);
  });

  test('[DO1] without connections it ends as well', async () => {
    const { log, run, begin, turns } = makeVisits();
    run(() => log.push('visited'));
    begin();
    await turns();
    expect(log).toEqual(['(ended)', '(done)']);
  });

  test('[DO1] a connection that is closed at its turn is not visited', async () => {
    const { log, run, begin, turns, guest, guests } = makeVisits('a', 'b', 'c', 'd');
    run((conn) => {
      log.push(conn.id);
      if (conn.id !== 'a') return;
      guest('b').isClosed = true;
      guests.delete(guest('c'));
    });
    begin();
    await turns();
    expect(log).toEqual(['a', 'd', '(ended)', '(done)']);
  });

  test('[DO1] an asynchronous visitor is awaited', async () => {
    const { log, run, begin, turns } = makeVisits('a', 'b');
    const steps = [makeLatch(), makeLatch()] as const;
    run(async (conn) => {
      log.push(conn.id);
      await steps[conn.id === 'a' ? 0 : 1].opened;
      log.push(`${conn.id} done`);
    });
    begin();
    await turns(3);
    expect(log).toEqual(['a']);
    steps[0].open();
    await turns(2);
    await turns(1);
    expect(log).toEqual(['a', 'a done', 'b']);
    steps[1].open();
    await turns(2);
    await turns(1);
    expect(log).toEqual(['a', 'a done', 'b', 'b done', '(ended)', '(done)']);
  });

  test('[BC5] [DO1] a long do continues from slice to slice', async () => {
    const { clock, log, run, begin, turns } = makeVisits(...'abcdefghij');
    run((conn) => {
      log.push(conn.id);
      clock.spend(1);
    });
    begin();
    await turns();
    expect(log).toEqual(['a', 'b', 'c', 'd']);
    await turns();
    expect(log).toHaveLength(8);
    await turns(2);
    expect(log).toEqual([...'abcdefghij', '(ended)', '(done)']);
  });

  test('[DO4] dos run one after the other', async () => {
    const { log, run, begin, turns } = makeVisits('a', 'b');
    run((conn) => log.push(`1 ${conn.id}`));
    run((conn) => log.push(`2 ${conn.id}`));
    begin();
    await turns();
    begin();
    await turns();
    expect(log).toEqual(['1 a', '1 b', '(ended)', '(done)', '2 a', '2 b', '(ended)', '(done)']);
  });
});

describe('visits that fail', () => {
  test('[DO3] a visitor that throws or rejects fails its visit only', async () => {
    const { log, sweeper, run, begin, turns } = makeVisits('a', 'b', 'c', 'd');
    const { failures } = run((conn) => {
      log.push(conn.id);
      if (conn.id === 'a') throw new Error('thrown');
      if (conn.id === 'b') return Promise.reject(new Error('rejected'));
      return conn.id === 'c' ? new Error('returned') : undefined;
    });
    begin();
    await turns(4);
    expect(log).toEqual(['a', 'b', 'c', 'd', '(ended)', '(failed)']);
    expect(failures).toEqual([
      new AggregateError([new Error('thrown'), new Error('rejected'), new Error('returned')], '3 visits failed'),
    ]);
    expect(sweeper.size).toBe(0);
  });

  test('[DO3] a visitor that does not settle in time fails, and the do continues', async () => {
    const { clock, log, run, begin, turns } = makeVisits('a', 'b');
    const { failures } = run((conn) => {
      log.push(conn.id);
      return conn.id === 'a' ? new Promise(() => {}) : undefined;
    });
    begin();
    await turns();
    clock.advance(timeout - 1);
    await turns(2);
    expect(log).toEqual(['a']);
    clock.advance(1);
    await turns(0);
    await Promise.resolve();
    await turns(3);
    await turns(3);
    expect(log).toEqual(['a', 'b', '(ended)', '(failed)']);
    expect(failures).toEqual([new AggregateError([new HandlerTimeout(timeout)], '1 visit failed')]);
  });

  test('[DO3] [DO4] a visitor that does not settle in time after another do was requested is reported as possibly waiting for itself', async () => {
    const { clock, run, begin, turns } = makeVisits('a', 'b', 'c');
    const { failures } = run(({ id }) => {
      if (id === 'b') run(() => {});
      return id === 'c' ? undefined : new Promise(() => {});
    });
    begin();
    for (const _ of ['a', 'b']) {
      await turns();
      clock.advance(timeout);
      await turns(0);
      await Promise.resolve();
      await turns(3);
    }
    await turns(3);
    const messages = failures.flatMap((failure) => (failure instanceof AggregateError ? failure.errors : []));
    expect(messages).toEqual([expect.any(HandlerTimeout), expect.any(HandlerTimeout)]);
    expect(messages.map(({ message }) => message)).toEqual([
      'did not settle within 30000 ms',
      'did not settle within 30000 ms; a walk was asked for meanwhile: a do awaited by its own visitor waits for itself',
    ]);
    expect(failures).toMatchObject([{ message: '2 visits failed' }]);
  });

  test('[DO3] a visitor that fails by itself is reported with its error, whatever was requested meanwhile', async () => {
    const { run, begin, turns } = makeVisits('a');
    const { failures } = run(async () => {
      run(() => {});
      throw new Error('boom');
    });
    begin();
    await turns(3);
    expect(failures).toEqual([new AggregateError([new Error('boom')], '1 visit failed')]);
  });

  test('[DO3] failed visits of one do do not count for the next', async () => {
    const { log, run, begin, turns } = makeVisits('a');
    run(() => {
      throw new Error('boom');
    });
    run(() => {});
    begin();
    await turns();
    begin();
    await turns();
    expect(log).toEqual(['(ended)', '(failed)', '(ended)', '(done)']);
  });
});

describe('visits of a stopped queue', () => {
  test('[DR1] the current do and waiting ones reject, and no further connection is visited', async () => {
    const { clock, log, visits, run, begin, turns } = makeVisits(...'abcdefgh');
    const end = new Error('over');
    const outcomes = [1, 2].map((walk) =>
      run((conn) => {
        log.push(`${walk} ${conn.id}`);
        clock.spend(2);
      }),
    );
    begin();
    await turns();
    visits.refuse(end);
    visits.refuse(end);
    await turns(3);
    expect(log).toEqual(['1 a', '1 b', '(failed)', '(failed)']);
    expect(outcomes.map(({ failures }) => failures)).toEqual([[end], [end]]);
  });

  test('[DR1] also from within a visit', async () => {
    const { log, visits, run, begin, turns } = makeVisits('a', 'b');
    run((conn) => {
      log.push(conn.id);
      visits.refuse(new Error('over'));
    });
    begin();
    await turns(2);
    expect(log).toEqual(['a', '(failed)']);
  });

  test('[DR1] a visit that settles later changes nothing', async () => {
    const { clock, log, visits, run, begin, turns } = makeVisits('a', 'b');
    const late = makeLatch();
    run((conn) => {
      log.push(conn.id);
      return late.opened;
    });
    begin();
    await turns();
    visits.refuse(new Error('over'));
    late.open();
    await turns(2);
    expect(log).toEqual(['a', '(failed)']);
    expect(clock.immediates).toBe(0);
  });
});
