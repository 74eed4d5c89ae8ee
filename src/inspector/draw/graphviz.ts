import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { type Clock, systemClock } from '../../actors/runtime/clock.js';

/** What the thread runs. It is given here as text, as a file of it would have to be found wherever this is built to. */
const thread = `
  const { parentPort, workerData } = require('node:worker_threads');
  const loading = require(workerData).instance();
  parentPort.on('message', async ({ number, dot }) => {
    try {
      const viz = await loading;
      parentPort.postMessage({ number, svg: viz.renderString(dot, { format: 'svg', engine: 'dot' }) });
    } catch (error) {
      parentPort.postMessage({ number, fault: String(error) });
    }
  });
`;

interface Answer {
  readonly number: number;
  readonly svg?: string;
  readonly fault?: string;
}

interface Waiting {
  readonly resolve: (svg: string) => void;
  readonly reject: (error: Error) => void;
}

/** For so long the thread is kept when there is nothing to lay out, in milliseconds. */
const patience = 1_000;

const findPackage = (): string => createRequire(import.meta.url).resolve('@viz-js/viz');

/**
 * Lays out charts. That takes some hundredths of a second each, for which nobody's messages may wait: a thread of its own
 * does it, which is there while it is needed.
 */
export class Graphviz {
  #thread: Worker | undefined;
  #idle: unknown;
  #last = 0;
  readonly #waiting = new Map<number, Waiting>();

  constructor(
    private readonly find: () => string = findPackage,
    private readonly clock: Clock = systemClock,
  ) {}

  /** Resolves with what Graphviz has drawn. Rejects when the package is missing, or cannot draw this. */
  layOut(dot: string): Promise<string> {
    return new Promise((resolve, reject) => {
      if (this.#idle !== undefined) this.clock.clearTimeout(this.#idle);
      const worker = this.#thread ?? this.#start();
      this.#thread = worker;
      const number = ++this.#last;
      this.#waiting.set(number, { resolve, reject });
      // The process does not end before it is drawn, and is not kept by a thread that has nothing to do.
      worker.ref();
      worker.postMessage({ number, dot });
    });
  }

  #start(): Worker {
    const worker = new Worker(thread, { eval: true, workerData: this.#found(), execArgv: [], name: 'charts' });
    worker.on('message', ({ number, svg, fault }: Answer) => {
      const waiting = this.#waiting.get(number);
      this.#waiting.delete(number);
      if (svg === undefined) waiting?.reject(new Error(`Graphviz cannot draw this: ${fault}`));
      else waiting?.resolve(svg);
      if (this.#waiting.size === 0) this.#rest(worker);
    });
    worker.on('error', (error: Error) => this.#fail(worker, error));
    return worker;
  }

  #found(): string {
    try {
      return this.find();
    } catch (cause) {
      throw new Error('Drawing a machine needs the package @viz-js/viz. Install it with: npm install @viz-js/viz', {
        cause,
      });
    }
  }

  #rest(worker: Worker): void {
    worker.unref();
    this.#idle = this.clock.setTimeout(() => {
      this.#thread = undefined;
      void worker.terminate();
    }, patience);
    this.clock.unref(this.#idle);
  }

  #fail(worker: Worker, error: Error): void {
    if (this.#thread === worker) this.#thread = undefined;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
