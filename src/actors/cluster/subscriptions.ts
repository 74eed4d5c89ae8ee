import type { ExchangeSession } from '../../exchange/exchange.js';

interface Wanted<Meaning> {
  readonly channel: string;
  readonly meaning: Meaning;
  /** How many want it. */
  count: number;
  isHeard: boolean;
  /** Told once it is heard. */
  waiting: (() => void)[];
}

/** What subscriptions tell, and ask. */
export interface SubscriptionsHost<Meaning> {
  /** Without this one nothing can be relied on. */
  isVital(meaning: Meaning): boolean;
  /** The broker would not have this one, but goes on. */
  refused(error: unknown): void;
  /** What the broker does not confirm in time comes to nothing. */
  inTime(asked: Promise<void>): Promise<void>;
  failed(error: unknown, session: ExchangeSession): void;
  report(error: unknown): void;
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

  constructor(private readonly host: SubscriptionsHost<Meaning>) {}

  meaningOf(channel: string): Meaning | undefined {
    return this.#wanted.get(channel)?.meaning;
  }

  isHeard(channel: string): boolean {
    return this.#wanted.get(channel)?.isHeard ?? false;
  }

  /** It is wanted once more. `heard` is called when what is published from then on comes, or when none is up. */
  hold(channel: string, meaning: Meaning, heard: () => void): void {
    const known = this.#wanted.get(channel);
    const wanted = known ?? { channel, meaning, count: 0, isHeard: false, waiting: [] };
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
    if (this.#unasked.delete(channel)) return true;
    try {
      this.#session?.unsubscribe([channel]);
    } catch (error) {
      this.host.report(error);
    }
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
      if (session) this.host.inTime(this.#ask(session)).catch((error: unknown) => this.host.failed(error, session));
    });
  }

  async #ask(session: ExchangeSession): Promise<void> {
    const asked = Array.from(this.#unasked, (channel) => this.#wanted.get(channel)).filter((one) => one !== undefined);
    this.#unasked.clear();
    if (asked.length === 0) return;
    try {
      await session.subscribe(asked.map(({ channel }) => channel));
      for (const wanted of asked) this.#heard(session, wanted);
    } catch (error) {
      // A session that still answers has refused some of them; one that does not is lost.
      await session.ping();
      for (const wanted of asked) await this.#askAlone(session, wanted, asked.length === 1 ? error : undefined);
    }
  }

  async #askAlone(session: ExchangeSession, wanted: Wanted<Meaning>, refusal: unknown): Promise<void> {
    const isWanted = this.#wanted.get(wanted.channel) === wanted;
    try {
      if (refusal !== undefined) throw refusal;
      if (isWanted) await session.subscribe([wanted.channel]);
    } catch (error) {
      if (this.host.isVital(wanted.meaning)) throw error;
      this.host.refused(error);
    }
    this.#heard(session, wanted);
  }

  /** It is, or never will be: nobody has to wait any more. */
  #heard(session: ExchangeSession, wanted: Wanted<Meaning>): void {
    if (this.#session !== session) return;
    wanted.isHeard = true;
    for (const heard of wanted.waiting.splice(0)) heard();
  }
}
