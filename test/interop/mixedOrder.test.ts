import { expect, it } from 'vitest';
import { describeMessage } from '../support/server/testServer.js';
import { type MixedSetting, type Place, places, type Saying, type Seated } from './mixedCluster.js';
import { blue, describeMixed, eventful, red } from './mixedSuite.js';

interface Turn {
  readonly saying: Saying;
  /** Not to the connection with this id where it is said. */
  readonly less?: string;
}

const native = { namespace: '', isNative: true } as const;

/** All kinds of messages, one after the other; what is for one id says so. */
const turns: readonly ((body: string, number: number) => Turn)[] = [
  (body) => ({ saying: { body } }),
  (body) => ({ saying: { room: red, body } }),
  (body) => ({ saying: { to: 'twin', body: `${body} by id` } }),
  (body) => ({ saying: { room: blue, event: 'se;p', body: `${body};ü` } }),
  (_, number) => ({ saying: { namespace: 'bytes', body: Uint8Array.of(0xff, number) } }),
  (body) => ({ saying: { body }, less: 'twin' }),
  (body) => ({ saying: { to: 'js-b', body: `${body} by id` } }),
  (body) => ({ saying: { err: body } }),
  (body) => ({ saying: { ...native, body } }),
  (body) => ({ saying: { to: 'go-g', room: blue, body: `${body} by id` } }),
  (body) => ({ saying: { namespace: '', body } }),
  (body) => ({ saying: { room: red, err: body } }),
  (body) => ({ saying: { to: 'raw-a', body: `${body} by id` } }),
];

const isFor = (seated: Seated, { saying, less }: Turn, from: Place): boolean => {
  const { namespace = 'default', room, to, isNative } = saying;
  const { guest, place, rooms, namespaces } = seated;
  if (!namespaces.includes(namespace) || (room && !rooms.includes(room)) || (to && guest.id !== to)) return false;
  // A neffos.js client drops what is no frame.
  return !(isNative && guest.kind === 'js') && !(less === guest.id && place === from);
};

const lineFor = ({ saying }: Turn): string => {
  const { namespace = 'default', room = '', event = 'chat', body = '', err, isNative } = saying;
  const place = { namespace, room, event: isNative ? 'OnNativeMessage' : event };
  return describeMessage({ ...place, body: err === undefined ? body : `! ${err}`, isForced: false, isLocal: false });
};

/** By which way it came. */
const wayOf = (line: string): string =>
  line.endsWith(' by id') ? 'id' : (/^\S+ ([a-z]*)/.exec(line.replace('se;p', 'sep'))?.[1] ?? '');

/** A node of Go takes what comes by NATS in order for each subject, and no more than that. */
const inOrder = (lines: readonly string[], { place }: Seated, { broker }: MixedSetting): readonly string[] => {
  if (broker === 'redis' || place !== 'g') return lines;
  return ['id', 'default', 'bytes', ''].flatMap((way) => lines.filter((line) => wayOf(line) === way));
};

describeMixed(eventful, (setting, the) => {
  for (const from of ['a', 'g'] as const)
    it(`[EX5] from ${from}: 200 messages of all kinds, one by one, come in that order everywhere`, async () => {
      const isMute = setting.isMute && from === 'g';
      const kinds = isMute ? turns.filter((turn) => turn('', 0).saying.namespace !== '') : turns;
      const said = Array.from({ length: 200 }, (_, n) => kinds[n % kinds.length]?.(String(n), n) ?? { saying: {} });
      const skipOf = ({ less }: Turn) => (less === undefined ? undefined : { conn: less });
      await Promise.all(said.map((turn) => the().say(from, [turn.saying], skipOf(turn))));
      const told = await the().told(from);
      for (const seated of the().guests) {
        const due = said.filter((turn) => isFor(seated, turn, from)).map(lineFor);
        const lines = inOrder(told[seated.name] ?? [], seated, setting);
        expect([seated.name, lines]).toEqual([seated.name, inOrder(due, seated, setting)]);
      }
    });

  it('[EX5] three that speak at once: what each of them says stays in order everywhere', async () => {
    const numbers = Array.from({ length: 60 }, (_, n) => n);
    await Promise.all(numbers.flatMap((n) => places.map((place) => the().say(place, [{ body: `${place} ${n}` }]))));
    const told = [await the().told('a'), await the().told('b'), await the().told('g')];
    for (const { name } of the().guests) {
      const lines = told.flatMap((one) => one[name] ?? []);
      for (const place of places) {
        const due = numbers.map((n) => `chat default: ${place} ${n}`);
        expect([name, lines.filter((line) => line.includes(`: ${place} `))]).toEqual([name, due]);
      }
      expect(lines).toHaveLength(places.length * numbers.length);
    }
  });
});
