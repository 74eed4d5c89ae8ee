import { expect } from 'vitest';
import { channelKeyOf, type Said, type Station, seenBy } from './recordingNode.js';

const countOf = <T>(items: readonly T[], suits: (item: T) => boolean): number => items.filter(suits).length;

/** What one station has not heard of another, channel by channel, as numbers tell it. */
const gaps = (listener: Station, speaker: Station) => {
  const heard = new Set(listener.heard.get(speaker));
  const ids = new Set(listener.guests.map(({ id }) => id));
  const isFor = ({ address: { to } }: Said): boolean => to === undefined || ids.has(to);
  const byChannel = new Map<string, Said[]>();
  for (const one of speaker.said.filter(isFor)) {
    const key = channelKeyOf(one.address);
    const said = byChannel.get(key) ?? [];
    said.push(one);
    byChannel.set(key, said);
  }
  return [...byChannel.values()].flatMap((said) => {
    const first = said.findIndex(({ number }) => heard.has(number));
    const last = said.findLastIndex(({ number }) => heard.has(number));
    // What came before anything was heard on a channel nobody can miss.
    return first === -1 ? [] : said.slice(first, last + 1).filter(({ number }) => !heard.has(number));
  });
};

/** It heard the channel before, heard something later, and has not heard this. */
const isInexcusable = (listener: Station, speaker: Station, { handed, isConfirmed }: Said): boolean =>
  handed !== undefined &&
  isConfirmed &&
  listener.hearings.some(
    ({ since, upTo }) =>
      (since.get(handed.channel) ?? Number.POSITIVE_INFINITY) < handed.at && (upTo.get(speaker) ?? 0) > handed.at,
  );

/** What has been said and lost by all, in numbers. */
export interface Balance {
  said: number;
  heard: number;
  missing: number;
  unconfirmed: number;
  expired: number;
  overflowed: number;
}

/**
 * The books of all stations against what their servers count, at the end, when everybody has heard a last word of all
 * others on every channel: nothing came twice or out of order (EX5, EX12), what is missing is counted (EX9), and so is
 * the reason for it: it was never handed over (EX11), or was in doubt (EX12), or its listener had no session.
 */
export const audit = (stations: readonly Station[]): Balance => {
  const balance: Balance = { said: 0, heard: 0, missing: 0, unconfirmed: 0, expired: 0, overflowed: 0 };
  for (const station of stations) {
    const { name, said, faults, status } = station;
    const { published, waiting, lost } = status;
    const handed = countOf(said, (one) => one.handed !== undefined);
    const missing = stations.flatMap((other) => {
      if (other === station) return [];
      const missing = gaps(station, other);
      const lost = missing.filter((one) => isInexcusable(station, other, one));
      expect(lost, `${name} has not heard of ${other.name}, for no reason`).toEqual([]);
      const inDoubt = countOf(missing, (one) => one.handed !== undefined && !one.isConfirmed);
      expect(inDoubt, `in doubt between ${other.name} and ${name}`).toBeLessThanOrEqual(other.status.lost.unconfirmed);
      return missing;
    });
    expect(faults).toEqual([]);
    expect({ name, ...waiting }).toEqual({ name, messages: 0, bytes: 0 });
    expect({ name, keptBack: said.length - handed }).toEqual({ name, keptBack: lost.expired + lost.overflowed });
    expect({ name, handed }).toEqual({ name, handed: published + lost.unconfirmed + lost.refused });
    expect({ name, missing: missing.length }).toEqual({ name, missing: lost.missing });
    expect({ name, broken: lost.broken, flooded: lost.flooded, refused: lost.refused }).toEqual({
      name,
      broken: 0,
      flooded: 0,
      refused: 0,
    });
    balance.said += said.length;
    for (const heard of station.heard.values()) balance.heard += heard.length;
    balance.missing += lost.missing;
    balance.unconfirmed += lost.unconfirmed;
    balance.expired += lost.expired;
    balance.overflowed += lost.overflowed;
  }
  return balance;
};

/** Each client has seen exactly what was for it, in order; one that has gone, the beginning of it. */
export const expectAllSeen = async (stations: readonly Station[]): Promise<void> => {
  for (const { name, clients } of stations) {
    for (const { guest, client } of clients) {
      const { id, due, isGone } = guest() ?? { id: '', due: [], isGone: false };
      if (!isGone)
        await expect.poll(() => seenBy(client).length, { timeout: 10_000 }).toBeGreaterThanOrEqual(due.length);
      const seen = seenBy(client);
      expect(seen, `${id} of ${name}`).toEqual(isGone ? due.slice(0, seen.length) : due);
    }
  }
};

/** Everything that is counted as lost has been told (EX18). */
export const expectAllTold = async (stations: readonly Station[]): Promise<void> => {
  for (const station of stations) {
    const counted = (): Record<string, number> =>
      Object.fromEntries(Object.entries(station.status.lost).filter(([, messages]) => messages > 0));
    await expect.poll(() => station.toldLosses, { timeout: 5_000 }).toEqual(counted());
  }
};
