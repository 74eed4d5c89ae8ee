import { Worker } from 'node:worker_threads';
import type { ClientRecord } from '../history/history.js';
import type { Done, News, Order, Plan } from './clientThread.js';

/** What the clients of the churn have received and done. */
export interface ChurnReport {
  readonly records: readonly ClientRecord[];
  /** Frames that the server must not send. */
  readonly violations: readonly string[];
  /** Open clients whose last ask has no reply. */
  readonly unanswered: number;
  readonly done: Done;
}

/** The clients of the churn. They run in a thread, so that they take no time from the server. */
export class ChurnClients {
  readonly #worker: Worker;
  #failure: Error | undefined;
  #awaited: { readonly resolve: (news: News) => void; readonly reject: (error: Error) => void } | undefined;

  constructor(plan: Plan) {
    this.#worker = new Worker(new URL('./clientThread.js', import.meta.url), { workerData: plan });
    this.#worker.on('message', (news: News) => this.#awaited?.resolve(news));
    this.#worker.on('error', (error: Error) => this.#failed(error));
    this.#worker.on('exit', () => this.#failed(new Error('the thread of the clients has ended')));
  }

  /** Resolves when every client is in the namespace and its rooms. */
  async arrived(): Promise<void> {
    await this.#news();
  }

  beginChurn(): void {
    this.#order({ type: 'begin' });
  }

  /** Resolves when the clients have run for one tick. */
  async yield(): Promise<void> {
    this.#order({ type: 'yield' });
    await this.#news();
  }

  /** Ends the churn; resolves when every ask has a reply. */
  async settle(): Promise<void> {
    this.#order({ type: 'settle' });
    await this.#news();
  }

  /** Makes every client ask a last time, and resolves with their report. */
  async finish(): Promise<ChurnReport> {
    this.#order({ type: 'finish' });
    const news = await this.#news();
    if (news.type !== 'report') throw new Error(`expected a report, got ${news.type}`);
    const { numbers, lengths, ends, ...rest } = news;
    let at = 0;
    const seen = Array.from(lengths, (length, connection): ClientRecord => {
      at += length;
      return { numbers: numbers.subarray(at - length, at), end: ends[connection] ?? 'left' };
    });
    return { records: seen, ...rest };
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
