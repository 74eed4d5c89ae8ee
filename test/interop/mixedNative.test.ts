import { expect, it } from 'vitest';
import type { MixedMessage, MixedSetting, Place, PlacedClient, Skip } from './mixedCluster.js';
import { describeMixed, nativeOnly } from './mixedSuite.js';

/** A kind of message, and what each client receives of it. */
interface Kind {
  readonly title: string;
  readonly says: readonly MixedMessage[];
  readonly skips?: Skip;
  received(placed: PlacedClient, from: Place): readonly string[];
}

const native = (body: string | Uint8Array, to?: string): MixedMessage =>
  to === undefined ? { namespace: '', isNative: true, body } : { namespace: '', isNative: true, body, to };
const line = (body: string): string => `OnNativeMessage : ${body}`;
const when = (isTold: boolean, ...lines: readonly string[]): readonly string[] => (isTold ? lines : []);
/** A node of Go that has native messages only listens for ids alone. */
const isOurs = ({ place }: PlacedClient): boolean => place !== 'g';

const bytes = Uint8Array.of(0xff, 0x3b, 0x00, 0xfe);
const textBytes = new TextEncoder().encode('ab;c');
const frame = ';default;;chat;0;0;x';

/** What says nothing by id, and so is not said by a node of Go that has no channel for it. */
const toAll: readonly Kind[] = [
  {
    title: 'to all: once, those of Go are not reached',
    says: [native('to; all ü')],
    received: (placed) => when(isOurs(placed), line('to; all ü')),
  },
  {
    title: 'the same text twice in a row: twice',
    says: [native('again'), native('again')],
    received: (placed) => when(isOurs(placed), line('again'), line('again')),
  },
  {
    title: 'the same text again, with others between',
    says: ['x', 'y', 'x', 'x', 'y', 'x'].map((body) => native(body)),
    received: (placed) => when(isOurs(placed), ...['x', 'y', 'x', 'x', 'y', 'x'].map(line)),
  },
  {
    title: 'what looks like a frame: as it is',
    says: [native(frame)],
    // In the line of a raw client it looks like one again.
    received: (placed) => when(isOurs(placed), placed.client.kind === 'raw' ? 'chat default: x' : line(frame)),
  },
  {
    title: 'bytes that are no text: binary',
    says: [native(bytes)],
    received: (placed) => when(isOurs(placed), line('<ff3b00fe>')),
  },
  {
    title: 'bytes that are text as well: binary where they are said, then text',
    says: [native(textBytes)],
    received: (placed, from) =>
      when(isOurs(placed), line(placed.place === from ? `<${Buffer.from(textBytes).toString('hex')}>` : 'ab;c')),
  },
  {
    title: 'less a sender: of ours it is left out, Go has no way to say so',
    says: [native('others')],
    skips: { conn: 'twin' },
    received: (placed, from) => when(isOurs(placed) && placed.name !== `twin-${from}`, line('others')),
  },
  {
    title: 'less an id: where it is said, and nowhere else',
    says: [native('others')],
    skips: { id: 'twin' },
    received: (placed, from) => when(isOurs(placed) && placed.name !== `twin-${from}`, line('others')),
  },
];

const byId: readonly Kind[] = [
  ...['raw-a', 'go-b', 'raw-g', 'go-g'].map(
    (id): Kind => ({
      title: `to the id ${id}: it alone`,
      says: [native('you', id)],
      received: ({ client }) => when(client.id === id, line('you')),
    }),
  ),
  {
    title: 'to an id: all that have it, at every node',
    says: [native('you', 'twin'), native('you', 'twin'), native('two', 'twin')],
    received: ({ client }) => when(client.id === 'twin', line('you'), line('you'), line('two')),
  },
];

describeMixed(nativeOnly, ({ isMute }: MixedSetting, the) => {
  const cross = (kinds: readonly Kind[], from: Place): void => {
    for (const { title, says, skips, received } of kinds)
      it(`[EX4] [EX6] from ${from}: ${title}`, async () => {
        await the().broadcast(from, says, skips);
        const expected = the().clients.map((placed) => [placed.name, received(placed, from)] as const);
        expect(await the().received(from)).toEqual(Object.fromEntries(expected));
      });
  };

  cross([...toAll, ...byId], 'a');
  cross(byId, 'g');
  if (isMute) console.warn('Go neffos v0.0.24 has no NATS subject for the empty namespace: it speaks to ids alone');
  else cross(toAll, 'g');

  it('[EX4] two equal messages at once both arrive', async () => {
    await Promise.all(
      ['a', 'b', 'a', 'b'].map((place) => the().broadcast(place === 'a' ? 'a' : 'b', [native('same')])),
    );
    const [first, second] = [await the().received('a'), await the().received('b')];
    for (const { name, place } of the().clients)
      expect([name, first[name]?.concat(second[name] ?? [])]).toEqual([
        name,
        place === 'g' ? [] : Array(4).fill(line('same')),
      ]);
  });

  it('[EX5] 200 in a row keep their order', async () => {
    const said = Array.from({ length: 200 }, (_, n) => String(n % 7));
    await Promise.all(said.map((body) => the().broadcast('a', [native(body)])));
    const received = await the().received('a');
    for (const { name, place } of the().clients)
      expect([name, received[name]]).toEqual([name, place === 'g' ? [] : said.map(line)]);
  });

  it('[EX14] of all that, nothing was lost', () => {
    expect(the().lost()).toEqual([]);
  });
});
