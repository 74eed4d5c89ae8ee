import { expect, onTestFinished } from 'vitest';
import type { StackExchange } from '../../../src/exchange/exchange.js';
import type { Limits } from '../../../src/index.js';
import { audit, type Balance, expectAllSeen, expectAllTold } from './audit.js';
import type { useNodes } from './nodes.js';
import { type Address, Moments, Station, seenBy } from './recordingNode.js';
import type { Chance } from './workload.js';

const patience = { timeout: 10_000, interval: 5 };
const filler = '.'.repeat(2_048);
/** Something is said so often, in milliseconds, while there is load. */
const pace = 2;

/** Two stations on one broker, and clients of theirs. */
export class Town {
  readonly stations: readonly Station[];
  readonly #ids: string[] = [];
  #load: NodeJS.Timeout | undefined;

  private constructor(
    readonly a: Station,
    readonly b: Station,
    private readonly chance: Chance,
  ) {
    this.stations = [a, b];
    onTestFinished(() => clearInterval(this.#load));
  }

  static async open(
    makeNode: ReturnType<typeof useNodes>,
    exchanges: { readonly a: StackExchange; readonly b: StackExchange },
    limits: Partial<Limits>,
    chance: Chance,
  ): Promise<Town> {
    const moments = new Moments();
    const a = new Station('a', moments, () => [a, b]);
    const b = new Station('b', moments, () => [a, b]);
    await a.open(makeNode, exchanges.a, limits);
    await b.open(makeNode, exchanges.b, limits);
    return new Town(a, b, chance);
  }

  /** The same clients on both: in a room, in another, in both, and in none. */
  async settle(): Promise<void> {
    for (const station of this.stations) {
      await station.welcome('one', 'r1');
      await station.welcome('two', 'r2');
      await station.welcome(`${station.name}-both`, 'r1', 'r2');
      await station.welcome(`${station.name}-none`);
    }
    this.#ids.push('one', 'two', 'a-both', 'b-both', 'a-none', 'b-none');
    await this.#expect(({ guests }) => guests.reduce((sum, { rooms }) => sum + rooms.size, 0), 4);
    // One word on each channel, so that whatever is missing from now on is noticed.
    await this.sayEverywhere();
    await this.areEven();
  }

  /** Something to somebody, on each of them. */
  chat(): void {
    for (const station of this.stations) station.say(this.#somewhere(), filler.slice(0, this.chance(filler.length)));
  }

  /** From now on they talk all the time. */
  load(): void {
    this.#load = setInterval(() => this.chat(), pace);
  }

  async states(state: 'online' | 'degraded', stations = this.stations): Promise<void> {
    await expect.poll(() => stations.map(({ status }) => status.state), patience).toEqual(stations.map(() => state));
  }

  /** So much has been heard on both, from now on. */
  async crosses(count: number): Promise<void> {
    const heard = (): number[] => this.stations.flatMap(({ heard }) => [...heard.values()].map(({ length }) => length));
    const wanted = heard().map((length) => length + count);
    await expect.poll(() => heard().every((length, at) => length >= (wanted[at] ?? 0)), patience).toBe(true);
  }

  /** What is said now comes to whoever is on this server. */
  async isLocallyWell(): Promise<void> {
    for (const station of this.stations) {
      const word = `${station.name} ${station.say()}`;
      for (const { client } of station.clients) {
        await expect.poll(() => seenBy(client).includes(word), patience).toBe(true);
      }
    }
  }

  /** A word to all and to every id, on both, one after the other, so that there is always room for it. */
  async sayEverywhere(): Promise<void> {
    for (const address of [...this.#ids.map((to) => ({ to })), {}]) {
      for (const station of this.stations) station.say(address);
      await this.nothingWaits();
    }
  }

  async nothingWaits(): Promise<void> {
    await this.#expect(({ status }) => status.waiting.messages, 0);
  }

  /** One more client, who stays; it may be let in only later. */
  async joins(station: Station, id: string): Promise<void> {
    this.#ids.push(id);
    await station.welcome(id, `r${1 + this.chance(2)}`);
  }

  /** The last word of each has come to the other. */
  async areEven(): Promise<void> {
    const { a, b } = this;
    await expect.poll(() => [a.lastOf(b), b.lastOf(a)], patience).toEqual([b.said.length, a.said.length]);
    await this.nothingWaits();
  }

  /** Nobody says any more: everything adds up. */
  async settleUp(): Promise<Balance> {
    clearInterval(this.#load);
    await this.states('online');
    await this.sayEverywhere();
    await this.areEven();
    const balance = audit(this.stations);
    await expectAllSeen(this.stations);
    return balance;
  }

  /** Every loss has been told. */
  async allIsTold(): Promise<void> {
    await expectAllTold(this.stations);
  }

  async #expect(what: (station: Station) => number, wanted: number): Promise<void> {
    await expect.poll(() => this.stations.map(what), patience).toEqual(this.stations.map(() => wanted));
  }

  #somewhere(): Address {
    const id = this.#ids[this.chance(this.#ids.length)] ?? '';
    const room = `r${1 + this.chance(2)}`;
    return (
      [{}, { room }, { room }, { to: id }, { exclude: id }, { room, to: id }, { room, exclude: id }][this.chance(7)] ??
      {}
    );
  }
}
