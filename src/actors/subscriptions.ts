import type { ExchangeSession } from '../exchange/exchange.js';

interface Wanted<Meaning> {
  readonly meaning: Meaning;
  /** How many want it. */
  count: number;
  isHeard: boolean;
  /** Told once it is heard. */
  waiting: (() => void)[];
}

/**
 * Which channels this server wants to hear, and what each of them means. Those that come within one turn are subscribed
 * to together; a session that begins is asked for all of them (EX3).
 */
export class Subscriptions<Meaning> {
  readonly #wanted = new Map<string, Wanted<Meaning>>();
  /** Wanted, and not yet asked for. */
  readonly #unasked = new Set<string>();
  #session: ExchangeSession | undefined;
  /** Everything that was wanted when the session began is heard. */
  #isUp = false;
  #isScheduled = false;

  constructor(
    /** The broker has not confirmed what it was asked for: nothing can be relied on. */
    private readonly failed: (error: unknown, session: ExchangeSession) => void,
  ) {}

  meaningOf(channel: string): Meaning | undefined {
    return this.#wanted.get(channel)?.meaning;
  }

  isHeard(channel: string): boolean {
    return this.#wanted.get(channel)?.isHeard ?? false;
  }

  /** It is wanted once more. `heard` is called when what is published from then on comes, or when none is up. */
  hold(channel: string, meaning: Meaning, heard: () => void): void {
    const known = this.#wanted.get(channel);
    const wanted = known ?? { meaning, count: 0, isHeard: false, waiting: [] };
    wanted.count++;
    if (!known) {
      this.#wanted.set(channel, wanted);
      this.#unasked.add(channel);
    }
    if (this.#isUp && !wanted.isHeard) wanted.waiting.push(heard);
    else heard();
    this.#schedule();
  }

  /** It is wanted once less; true when by nobody any more. */
  release(channel: string): boolean {
    const wanted = this.#wanted.get(channel);
    if (!wanted || --wanted.count > 0) return false;
    this.#wanted.delete(channel);
    if (!this.#unasked.delete(channel)) this.#session?.unsubscribe([channel]);
    return true;
  }

  /** This session hears for us: resolves when all that is wanted is confirmed, what comes meanwhile included. */
  async begin(session: ExchangeSession): Promise<void> {
    this.#unasked.clear();
    for (const [channel, wanted] of this.#wanted) {
      wanted.isHeard = false;
      this.#unasked.add(channel);
    }
    this.#session = session;
    while (this.#unasked.size > 0 && this.#session === session) await this.#ask(session);
    if (this.#session === session) this.#isUp = true;
  }

  /** Nothing is heard any more, and nobody has to wait for it. */
  end(): void {
    this.#session = undefined;
    this.#isUp = false;
    for (const wanted of this.#wanted.values()) {
      wanted.isHeard = false;
      for (const heard of wanted.waiting.splice(0)) heard();
    }
  }

  #schedule(): void {
    if (this.#isScheduled || !this.#isUp || this.#unasked.size === 0) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      const session = this.#session;
      if (session) this.#ask(session).catch((error: unknown) => this.failed(error, session));
    });
  }

  async #ask(session: ExchangeSession): Promise<void> {
    const channels = [...this.#unasked];
    this.#unasked.clear();
    if (channels.length === 0) return;
    const asked = channels.map((channel) => this.#wanted.get(channel));
    await session.subscribe(channels);
    if (this.#session !== session) return;
    for (const wanted of asked) {
      if (!wanted) continue;
      wanted.isHeard = true;
      for (const heard of wanted.waiting.splice(0)) heard();
    }
  }
}
