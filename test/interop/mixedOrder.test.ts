import { expect, it } from 'vitest';
import { describeMessage } from '../support/server/testServer.js';
import { type MixedMessage, type MixedSetting, type Place, type PlacedClient, places } from './mixedCluster.js';
import { blue, describeMixed, eventful, red } from './mixedSuite.js';

interface Turn {
  readonly message: MixedMessage;
  /** Not to the connection with this id where it is said. */
  readonly less?: string;
}

const native = { namespace: '', isNative: true } as const;

/** All kinds of messages, one after the other; what is for one id says so. */
const turns: readonly ((body: string, number: number) => Turn)[] = [
  (body) => ({ message: { body } }),
  (body) => ({ message: { room: red, body } }),
  (body) => ({ message: { to: 'twin', body: `${body} by id` } }),
  (body) => ({ message: { room: blue, event: 'se;p', body: `${body};ü` } }),
  (_, number) => ({ message: { namespace: 'bytes', body: Uint8Array.of(0xff, number) } }),
  (body) => ({ message: { body }, less: 'twin' }),
  (body) => ({ message: { to: 'js-b', body: `${body} by id` } }),
  (body) => ({ message: { err: body } }),
  (body) => ({ message: { ...native, body } }),
  (body) => ({ message: { to: 'go-g', room: blue, body: `${body} by id` } }),
  (body) => ({ message: { namespace: '', body } }),
  (body) => ({ message: { room: red, err: body } }),
  (body) => ({ message: { to: 'raw-a', body: `${body} by id` } }),
];

const isFor = (placed: PlacedClient, { message, less }: Turn, from: Place): boolean => {
  const { namespace = 'default', room, to, isNative } = message;
  const { client, place, rooms, namespaces } = placed;
  if (!namespaces.includes(namespace) || (room && !rooms.includes(room)) || (to && client.id !== to)) return false;
  // A neffos.js client drops what is no frame.
  return !(isNative && client.kind === 'js') && !(less === client.id && place === from);
};

const lineFor = ({ message }: Turn): string => {
  const { namespace = 'default', room = '', event = 'chat', body = '', err, isNative } = message;
  const place = { namespace, room, event: isNative ? 'OnNativeMessage' : event };
  return describeMessage({ ...place, body: err === undefined ? body : `! ${err}`, isForced: false, isLocal: false });
};

/** By which way it came. */
const wayOf = (line: string): string =>
  line.endsWith(' by id') ? 'id' : (/^\S+ ([a-z]*)/.exec(line.replace('se;p', 'sep'))?.[1] ?? '');

/** A node of Go takes what comes by NATS in order for each subject, and no more than that. */
const inOrder = (lines: readonly string[], { place }: PlacedClient, { broker }: MixedSetting): readonly string[] => {
  if (broker === 'redis' || place !== 'g') return lines;
  return ['id', 'default', 'bytes', ''].flatMap((way) => lines.filter((line) => wayOf(line) === way));
};

describeMixed(eventful, (setting, the) => {
  for (const from of ['a', 'g'] as const)
    it(`[EX5] from ${from}: 200 messages of all kinds, one by one, arrive in that order everywhere`, async () => {
      const isMute = setting.isMute && from === 'g';
      const kinds = isMute ? turns.filter((turn) => turn('', 0).message.namespace !== '') : turns;
      const said = Array.from({ length: 200 }, (_, n) => kinds[n % kinds.length]?.(String(n), n) ?? { message: {} });
      const skipOf = ({ less }: Turn) => (less === undefined ? undefined : { conn: less });
      await Promise.all(said.map((turn) => the().broadcast(from, [turn.message], skipOf(turn))));
      const received = await the().received(from);
      for (const placed of the().clients) {
        const due = said.filter((turn) => isFor(placed, turn, from)).map(lineFor);
        const lines = inOrder(received[placed.name] ?? [], placed, setting);
        expect([placed.name, lines]).toEqual([placed.name, inOrder(due, placed, setting)]);
      }
    });

  it('[EX5] three publishers at once: the messages of each keep their order everywhere', async () => {
    const numbers = Array.from({ length: 60 }, (_, n) => n);
    await Promise.all(
      numbers.flatMap((n) => places.map((place) => the().broadcast(place, [{ body: `${place} ${n}` }]))),
    );
    const received = [await the().received('a'), await the().received('b'), await the().received('g')];
    for (const { name } of the().clients) {
      const lines = received.flatMap((one) => one[name] ?? []);
      for (const place of places) {
        const due = numbers.map((n) => `chat default: ${place} ${n}`);
        expect([name, lines.filter((line) => line.includes(`: ${place} `))]).toEqual([name, due]);
      }
      expect(lines).toHaveLength(places.length * numbers.length);
    }
  });
});
