import { patience as timeout } from './patience.js';

interface Waiter<T> {
  readonly resolve: (item: T) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** A queue of received items, read one by one. */
export class ReceiveQueue<T> {
  readonly all: T[] = [];
  readonly #waiters: Waiter<T>[] = [];
  #read = 0;
  #end: string | undefined;

  constructor(private readonly name: string) {}

  push(item: T): void {
    this.all.push(item);
    const waiter = this.#waiters.shift();
    if (!waiter) return;
    this.#read++;
    clearTimeout(waiter.timer);
    waiter.resolve(item);
  }

  /** Returns the next unread item; rejects if none arrives in time. */
  next(): Promise<T> {
    if (this.#read < this.all.length) return Promise.resolve(this.all[this.#read++] as T);
    if (this.#end !== undefined) return Promise.reject(this.#emptyError(this.#end));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
        reject(this.#emptyError(`nothing within ${timeout} ms`));
      }, timeout);
      const waiter = { resolve, reject, timer };
      this.#waiters.push(waiter);
    });
  }

  /** Returns the next `count` items. */
  async take(count: number): Promise<T[]> {
    const taken: T[] = [];
    while (taken.length < count) taken.push(await this.next());
    return taken;
  }

  /** Returns all unread items, and marks them as read. */
  rest(): T[] {
    const rest = this.all.slice(this.#read);
    this.#read = this.all.length;
    return rest;
  }

  /** Ends the queue: every further `next` rejects. */
  end(why: string): void {
    this.#end = why;
    for (const { reject, timer } of this.#waiters.splice(0)) {
      clearTimeout(timer);
      reject(this.#emptyError(why));
    }
  }

  #emptyError(why: string): Error {
    return new Error(`${this.name}: ${why}; received so far: ${this.all.map(String).join(' | ') || 'nothing'}`);
  }
}
