import { type BackgroundTasks, RunQueue } from '../../actors/runtime/background.js';
import type { Clock, TickCounter } from '../../actors/runtime/clock.js';

/** Maximum time from the first read of a tick in which messages of all clients are parsed at once, in ms (LM9). */
const readMs = 10;

/** Bounds the time that reading takes in one tick, over all connections (LM9). */
class ReadBudget {
  #tick = -1;
  #until = 0;

  constructor(
    private readonly ticks: Pick<TickCounter, 'current'>,
    private readonly clock: Pick<Clock, 'now'>,
  ) {}

  /** Whether the time of the present tick is over. The first look in a tick begins it. */
  get isSpent(): boolean {
    const { current } = this.ticks;
    const now = this.clock.now();
    if (current === this.#tick) return now >= this.#until;
    this.#tick = current;
    this.#until = now + readMs;
    return false;
  }
}

/** What the readers of one server share. */
export interface ReadContext {
  /** Maximum size of a message, in bytes. */
  readonly payload: number;
  /** Bounds the time of reading in a tick. */
  readonly budget: Pick<ReadBudget, 'isSpent'>;
  /** The connections whose bytes wait, in order. */
  readonly queue: Pick<RunQueue, 'add'>;
}

/** Returns what the readers of one server share. */
export const makeReadContext = (
  payload: number,
  ticks: TickCounter,
  {
    clock,
    background,
  }: { readonly clock: Pick<Clock, 'now'>; readonly background: Pick<BackgroundTasks, 'wake' | 'gathering'> },
): ReadContext => ({
  payload,
  budget: new ReadBudget(ticks, clock),
  queue: new RunQueue(
    () => clock.now(),
    (task) => background.wake(task),
    background.gathering,
  ),
});
