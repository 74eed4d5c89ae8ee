import { expect } from 'vitest';
import { bodiesOf, channelKeyOf, type NodePublication, type RecordingNode } from './recordingNode.js';

const countOf = <T>(items: readonly T[], suits: (item: T) => boolean): number => items.filter(suits).length;

/** Returns what one node is missing of another, by the numbers on each channel. */
const gaps = (receiver: RecordingNode, publisher: RecordingNode) => {
  const received = new Set(receiver.received.get(publisher));
  const ids = new Set(receiver.clients.map(({ id }) => id));
  const isFor = ({ address: { to } }: NodePublication): boolean => to === undefined || ids.has(to);
  const byChannel = new Map<string, NodePublication[]>();
  for (const one of publisher.published.filter(isFor)) {
    const key = channelKeyOf(one.address);
    const published = byChannel.get(key) ?? [];
    published.push(one);
    byChannel.set(key, published);
  }
  return [...byChannel.values()].flatMap((published) => {
    const first = published.findIndex(({ number }) => received.has(number));
    const last = published.findLastIndex(({ number }) => received.has(number));
    // A receiver cannot notice what was published before the first message that it received.
    return first === -1 ? [] : published.slice(first, last + 1).filter(({ number }) => !received.has(number));
  });
};

/** Whether the receiver was subscribed before and received a later message in the same uplink. */
const isUnexplained = (
  receiver: RecordingNode,
  publisher: RecordingNode,
  { handed, isConfirmed }: NodePublication,
): boolean =>
  handed !== undefined &&
  isConfirmed &&
  receiver.uplinks.some(
    ({ since, upTo }) =>
      (since.get(handed.channel) ?? Number.POSITIVE_INFINITY) < handed.at && (upTo.get(publisher) ?? 0) > handed.at,
  );

/** What all nodes have published and lost. */
export interface AuditTotals {
  published: number;
  received: number;
  missing: number;
  unconfirmed: number;
  expired: number;
  overflowed: number;
}

/**
 * Compares the records of all nodes with what their servers count, after each has received a last message of the others
 * on every channel. Nothing arrived twice or out of order (EX5, EX12). What is missing is counted (EX9), and so is the
 * reason: it was never published (EX11), it was unconfirmed (EX12), or its receiver had no uplink.
 */
export const audit = (nodes: readonly RecordingNode[]): AuditTotals => {
  const totals: AuditTotals = { published: 0, received: 0, missing: 0, unconfirmed: 0, expired: 0, overflowed: 0 };
  for (const node of nodes) {
    const { name, published: all, faults, status } = node;
    const { published, waiting, lost } = status;
    const handed = countOf(all, (one) => one.handed !== undefined);
    const missing = nodes.flatMap((other) => {
      if (other === node) return [];
      const missing = gaps(node, other);
      const lost = missing.filter((one) => isUnexplained(node, other, one));
      expect(lost, `${name} misses messages of ${other.name} without a reason`).toEqual([]);
      const inDoubt = countOf(missing, (one) => one.handed !== undefined && !one.isConfirmed);
      expect(inDoubt, `in doubt between ${other.name} and ${name}`).toBeLessThanOrEqual(other.status.lost.unconfirmed);
      return missing;
    });
    expect(faults).toEqual([]);
    expect({ name, ...waiting }).toEqual({ name, messages: 0, bytes: 0 });
    expect({ name, unpublished: all.length - handed }).toEqual({ name, unpublished: lost.expired + lost.overflowed });
    expect({ name, handed }).toEqual({ name, handed: published + lost.unconfirmed + lost.refused });
    expect({ name, missing: missing.length }).toEqual({ name, missing: lost.missing });
    expect({ name, broken: lost.broken, flooded: lost.flooded, refused: lost.refused }).toEqual({
      name,
      broken: 0,
      flooded: 0,
      refused: 0,
    });
    totals.published += all.length;
    for (const received of node.received.values()) totals.received += received.length;
    totals.missing += lost.missing;
    totals.unconfirmed += lost.unconfirmed;
    totals.expired += lost.expired;
    totals.overflowed += lost.overflowed;
  }
  return totals;
};

/** Checks that each client has received exactly what was for it, in order; a closed one, a prefix of it. */
export const expectAllDelivered = async (nodes: readonly RecordingNode[]): Promise<void> => {
  for (const { name, rawClients } of nodes) {
    for (const { record, client } of rawClients) {
      const { id, expected, isClosed } = record() ?? { id: '', expected: [], isClosed: false };
      if (!isClosed)
        await expect.poll(() => bodiesOf(client).length, { timeout: 10_000 }).toBeGreaterThanOrEqual(expected.length);
      const received = bodiesOf(client);
      expect(received, `${id} of ${name}`).toEqual(isClosed ? expected.slice(0, received.length) : expected);
    }
  }
};

/** Checks that every counted loss has been reported to `onError` (EX18). */
export const expectLossesReported = async (nodes: readonly RecordingNode[]): Promise<void> => {
  for (const node of nodes) {
    const counted = (): Record<string, number> =>
      Object.fromEntries(Object.entries(node.status.lost).filter(([, messages]) => messages > 0));
    await expect.poll(() => node.reportedLosses, { timeout: 5_000 }).toEqual(counted());
  }
};
