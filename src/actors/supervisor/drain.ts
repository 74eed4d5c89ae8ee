import type { Broadcaster } from '../../broadcast/broadcaster.js';
import { ErrWrite } from '../../protocol/errors.js';
import type { Cluster } from '../cluster/cluster.js';
import type { Connection } from '../connection/connection.js';
import type { ServerContext } from '../context.js';
import type { BackgroundTask } from '../runtime/background.js';
import type { Arrivals } from './arrivals.js';
import type { DoQueue } from './doQueue.js';
import type { Registry } from './registry.js';

/** The orderly end of a server: delivers what was published, then closes every connection (DR1). */
export class Drain implements BackgroundTask {
  #rest: Iterator<Connection> | undefined;

  constructor(
    private readonly context: ServerContext,
    private readonly arrivals: Arrivals,
    private readonly registry: Registry,
    private readonly broadcaster: Broadcaster,
    private readonly cluster: Cluster,
    private readonly doQueue: DoQueue,
  ) {}

  /** Rejects every `do`, and closes the connections once everything broadcast so far is delivered. */
  begin(): void {
    this.doQueue.refuse(ErrWrite);
    void this.broadcaster.flush().then(() => this.context.background.wake(this));
  }

  /** Runs a slice: closes registered connections, each after its present turn. */
  run(until: number): boolean {
    const { clock } = this.context;
    this.#rest ??= this.registry.registered[Symbol.iterator]();
    for (let next = this.#rest.next(); !next.done; next = this.#rest.next()) {
      next.value.end('drain');
      if (clock.now() >= until) return true;
    }
    return false;
  }

  /** Resolves when every connection and the link are closed. Kills the rest after `timeout` ms. */
  async whenOver(timeout: number): Promise<void> {
    const { clock, deadlines } = this.context;
    const until = clock.now() + timeout;
    const deadline = deadlines.after(timeout, () => this.#kill());
    await this.registry.whenEmpty();
    this.arrivals.destroyLingering();
    deadline.cancel();
    await this.cluster.close(until - clock.now());
  }

  #kill(): void {
    this.registry.killAll();
    this.arrivals.destroyLingering();
  }
}
