import { Worker } from 'node:worker_threads';
import type { Sighting } from '../history/history.js';
import type { Done, News, Order, Plan } from './clientThread.js';

/** What the clients of the churn have seen and done. */
export interface CrewReport {
  readonly seen: readonly Sighting[];
  /** What came that could not be. */
  readonly complaints: readonly string[];
  /** Clients still there whose last question has no answer. */
  readonly unanswered: number;
  readonly done: Done;
}

/** The clients of the churn, which live in a thread of their own, so that they take no time of the server's. */
export class ChurnCrew {
  readonly #worker: Worker;
  #failure: Error | undefined;
  #awaited: { readonly resolve: (news: News) => void; readonly reject: (error: Error) => void } | undefined;

  constructor(plan: Plan) {
    this.#worker = new Worker(new URL('./clientThread.js', import.meta.url), { workerData: plan });
    this.#worker.on('message', (news: News) => this.#awaited?.resolve(news));
    this.#worker.on('error', (error: Error) => this.#failed(error));
    this.#worker.on('exit', () => this.#failed(new Error('the clients are gone')));
  }

  /** Everybody is where it should be. */
  async arrived(): Promise<void> {
    await this.#news();
  }

  beginChurn(): void {
    this.#order({ type: 'begin' });
  }

  /** Resolves when the clients have had a turn to read what has come. */
  async pulse(): Promise<void> {
    this.#order({ type: 'pulse' });
    await this.#news();
  }

  /** Nobody comes or goes any more, and all steps are done. */
  async settle(): Promise<void> {
    this.#order({ type: 'settle' });
    await this.#news();
  }

  /** Everybody asks one last thing, and says what it saw. */
  async finish(): Promise<CrewReport> {
    this.#order({ type: 'finish' });
    const news = await this.#news();
    if (news.type !== 'report') throw new Error(`a report was due, got ${news.type}`);
    const { numbers, lengths, ends, ...rest } = news;
    let at = 0;
    const seen = Array.from(lengths, (length, connection): Sighting => {
      at += length;
      return { numbers: numbers.subarray(at - length, at), end: ends[connection] ?? 'left' };
    });
    return { seen, ...rest };
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  #order(order: Order): void {
    this.#worker.postMessage(order);
  }

  #failed(error: Error): void {
    this.#failure ??= error;
    this.#awaited?.reject(this.#failure);
  }

  #news(): Promise<News> {
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#awaited = { resolve, reject };
    });
  }
}
