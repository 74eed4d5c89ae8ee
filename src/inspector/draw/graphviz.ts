import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { type Clock, systemClock } from '../../actors/runtime/clock.js';

/** The program of the thread. It is text, because a bundler would not include a file of its own. */
const thread = `
  const { parentPort, workerData } = require('node:worker_threads');
  let loading = require(workerData).instance();
  parentPort.on('message', async ({ number, dot }) => {
    try {
      const viz = await loading;
      parentPort.postMessage({ number, svg: viz.renderString(dot, { format: 'svg', engine: 'dot' }) });
    } catch (error) {
      // Graphviz may have aborted, and such an instance does nothing any more.
      loading = loading.then(() => require(workerData).instance());
      parentPort.postMessage({ number, fault: String(error) });
    }
  });
`;

interface Answer {
  readonly number: number;
  readonly svg?: string;
  readonly fault?: string;
}

interface PendingDrawing {
  readonly resolve: (svg: string) => void;
  readonly reject: (error: Error) => void;
}

/** How long the thread stays without a chart to lay out, in ms. */
const idleTimeout = 1_000;

const findPackage = (): string => createRequire(import.meta.url).resolve('@viz-js/viz');

/**
 * Lays out charts in a worker thread: one chart takes tens of milliseconds, which would block the event loop. The
 * thread starts with the first chart and ends when it is idle.
 */
export class Graphviz {
  #thread: Worker | undefined;
  #idle: unknown;
  #last = 0;
  readonly #waiting = new Map<number, PendingDrawing>();

  constructor(
    private readonly find: () => string = findPackage,
    private readonly clock: Clock = systemClock,
  ) {}

  /** Resolves with the SVG of a chart in DOT. Rejects if the package is missing, or Graphviz cannot draw the chart. */
  layOut(dot: string): Promise<string> {
    return new Promise((resolve, reject) => {
      if (this.#idle !== undefined) this.clock.clearTimeout(this.#idle);
      const worker = this.#thread ?? this.#start();
      this.#thread = worker;
      const number = ++this.#last;
      this.#waiting.set(number, { resolve, reject });
      // Keeps the process alive until the chart is drawn; an idle thread does not.
      worker.ref();
      worker.postMessage({ number, dot });
    });
  }

  #start(): Worker {
    const worker = new Worker(thread, { eval: true, workerData: this.#packagePath(), execArgv: [], name: 'charts' });
    worker.on('message', ({ number, svg, fault }: Answer) => {
      const waiting = this.#waiting.get(number);
      this.#waiting.delete(number);
      if (svg === undefined) waiting?.reject(new Error(`Graphviz cannot draw this: ${fault}`));
      else waiting?.resolve(svg);
      if (this.#waiting.size === 0) this.#stopWhenIdle(worker);
    });
    worker.on('error', (error: Error) => this.#fail(worker, error));
    return worker;
  }

  #packagePath(): string {
    try {
      return this.find();
    } catch (cause) {
      throw new Error('Drawing a machine needs the package @viz-js/viz. Install it with: npm install @viz-js/viz', {
        cause,
      });
    }
  }

  #stopWhenIdle(worker: Worker): void {
    worker.unref();
    this.#idle = this.clock.setTimeout(() => {
      this.#thread = undefined;
      void worker.terminate();
    }, idleTimeout);
    this.clock.unref(this.#idle);
  }

  #fail(worker: Worker, error: Error): void {
    if (this.#thread === worker) this.#thread = undefined;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
