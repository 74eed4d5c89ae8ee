import { expect, it } from 'vitest';
import type { MixedMessage, MixedSetting, Place, PlacedClient, Skip } from './mixedCluster.js';
import { blue, describeMixed, eventful, red } from './mixedSuite.js';

/** A kind of message, and what each client receives of it. */
interface Kind {
  readonly title: string;
  readonly says: readonly MixedMessage[];
  readonly skips?: Skip;
  received(placed: PlacedClient, from: Place, setting: MixedSetting): readonly string[];
}

const isRed = ({ rooms }: PlacedClient): boolean => rooms.includes(red);
const isBlue = ({ rooms }: PlacedClient): boolean => rooms.includes(blue);
const isTwin = ({ client }: PlacedClient): boolean => client.id === 'twin';
const isIn = ({ namespaces }: PlacedClient, namespace: string): boolean => namespaces.includes(namespace);
const when = (isTold: boolean, ...lines: readonly string[]): readonly string[] => (isTold ? lines : []);
/** Where bytes stay bytes. */
const isBetweenOurs = ({ place }: PlacedClient, from: Place): boolean => place !== 'g' && from !== 'g';

const bytes = Uint8Array.of(0xff, 0x3b, 0x00, 0xfe);
const textBytes = new TextEncoder().encode('ab;c');
const hex = Buffer.from(textBytes).toString('hex');
const strange = ';;ä€🎉\n;"%!';

const kinds: readonly Kind[] = [
  {
    title: 'to a namespace: everybody in it',
    says: [{ body: 'all; of you' }],
    received: () => ['chat default: all; of you'],
  },
  {
    title: 'an empty one',
    says: [{}],
    received: () => ['chat default: '],
  },
  {
    title: 'to a room: its members alone',
    says: [{ room: red, body: 'r' }],
    received: (placed) => when(isRed(placed), 'chat default/red: r'),
  },
  {
    title: 'to a room where nobody is: nobody',
    says: [{ room: 'green', body: 'g' }, { body: 'behind' }],
    received: () => ['chat default: behind'],
  },
  {
    title: 'to an id: all that have it, at every node',
    says: [{ to: 'twin', body: 'you' }],
    received: (placed) => when(isTwin(placed), 'chat default: you'),
  },
  ...['js-a', 'go-b', 'raw-a', 'js-g', 'go-g', 'raw-g'].map(
    (id): Kind => ({
      title: `to the id ${id}: it alone`,
      says: [{ to: id, body: 'you' }],
      received: ({ client }) => when(client.id === id, 'chat default: you'),
    }),
  ),
  {
    title: 'to an id in a room: if it is in there',
    says: [
      { to: 'go-g', room: red, body: 'not there' },
      { to: 'twin', room: blue, body: 'not there' },
      { to: 'raw-b', room: blue, body: 'b' },
      { to: 'raw-g', room: blue, body: 'g' },
    ],
    received: ({ name }) => [
      ...when(name === 'raw-b', `chat default/${blue}: b`),
      ...when(name === 'raw-g', `chat default/${blue}: g`),
    ],
  },
  {
    title: 'several in one call: each to its own, in order',
    says: [{ room: red, body: '1' }, { body: '2' }, { room: blue, body: '3' }, { room: red, body: '4' }, { body: '5' }],
    received: (placed) => [
      ...when(isRed(placed), 'chat default/red: 1'),
      'chat default: 2',
      ...when(isBlue(placed), `chat default/${blue}: 3`),
      ...when(isRed(placed), 'chat default/red: 4'),
      'chat default: 5',
    ],
  },
  {
    title: 'less its sender: nobody else of its id is left out',
    says: [{ body: 'others' }],
    skips: { conn: 'twin' },
    received: ({ name }, from) => when(name !== `twin-${from}`, 'chat default: others'),
  },
  {
    title: 'less an id: between ours whoever has it; the older Go line leaves out nobody, the newer one its own',
    says: [{ body: 'others' }],
    skips: { id: 'twin' },
    received: (placed, from, { isOlder }) => {
      const isHonoured = isBetweenOurs(placed, from) || (!isOlder && from === 'g' && placed.place === 'g');
      return when(!isTwin(placed) || !isHonoured, 'chat default: others');
    },
  },
  {
    title: 'less an id of a client of ours: ours mind it, Go does not carry it',
    says: [{ body: 'others' }],
    skips: { id: 'js-b' },
    received: ({ name }, from) => when(name !== 'js-b' || from === 'g', 'chat default: others'),
  },
  {
    title: 'less an id of a client of Go: the older line tells it, and so does the newer one if we have said it',
    says: [{ body: 'others' }],
    skips: { id: 'raw-g' },
    received: ({ name }, from, { isOlder }) =>
      when(name !== 'raw-g' || isOlder || from !== 'g', 'chat default: others'),
  },
  {
    title: 'bytes that are no text: a binary frame at ours, whoever says them',
    says: [{ namespace: 'bytes', body: bytes }],
    received: (placed) => when(isIn(placed, 'bytes'), 'chat bytes: <ff3b00fe>'),
  },
  {
    title: 'bytes that are text as well: binary between ours, text where Go comes in',
    says: [
      { namespace: 'bytes', body: textBytes },
      { room: red, body: textBytes },
      { to: 'twin', body: textBytes },
    ],
    received: (placed, from) => {
      const body = isBetweenOurs(placed, from) ? `<${hex}>` : 'ab;c';
      return [
        ...when(isIn(placed, 'bytes'), `chat bytes: ${body}`),
        ...when(isRed(placed), `chat default/red: ${body}`),
        ...when(isTwin(placed), `chat default: ${body}`),
      ];
    },
  },
  {
    title: 'separators in all names, and any text',
    says: [
      { room: blue, event: 'se;p', body: strange },
      { event: 'se;p', body: strange },
    ],
    received: (placed) => [...when(isBlue(placed), `se;p default/${blue}: ${strange}`), `se;p default: ${strange}`],
  },
  {
    title: 'an error',
    says: [{ err: 'no; not here' }, { room: red, err: 'bad room' }],
    received: (placed) => ['chat default: ! no; not here', ...when(isRed(placed), 'chat default/red: ! bad room')],
  },
];

/** A neffos.js client drops what is no frame, native messages or not. */
const isNative = (placed: PlacedClient): boolean => isIn(placed, '') && placed.client.kind !== 'js';

const natives: readonly Kind[] = [
  {
    title: 'a native message: everybody in the empty namespace',
    says: [{ namespace: '', isNative: true, body: 'na;tive ü' }],
    received: (placed) => when(isNative(placed), 'OnNativeMessage : na;tive ü'),
  },
  {
    title: 'a native message to an id',
    says: ['raw-b', 'go-a', 'go-g', 'twin'].map((to) => ({ namespace: '', isNative: true, to, body: to })),
    received: (placed) =>
      when(['raw-b', 'go-a', 'go-g'].includes(placed.name) && isNative(placed), `OnNativeMessage : ${placed.name}`),
  },
  {
    title: 'a native message of bytes that are text: binary between ours',
    says: [{ namespace: '', isNative: true, body: textBytes }],
    received: (placed, from) =>
      when(isNative(placed), `OnNativeMessage : ${isBetweenOurs(placed, from) ? `<${hex}>` : 'ab;c'}`),
  },
  {
    title: 'an event beside native messages',
    says: [{ namespace: '', body: 'x' }],
    received: (placed) => when(isIn(placed, ''), 'chat : x'),
  },
  // The other server must not make a native message of it, which a neffos.js client there would never see.
  {
    title: 'a framed native message: an event between ours, its body alone where Go comes in',
    says: [{ namespace: '', event: '_OnNativeMessage', body: 'framed' }],
    received: (placed, from) =>
      when(isBetweenOurs(placed, from) ? isIn(placed, '') : isNative(placed), 'OnNativeMessage : framed'),
  },
];

describeMixed(eventful, (setting, the) => {
  const cross = (list: readonly Kind[], from: Place): void => {
    for (const { title, says, skips, received } of list)
      it(`[EX4] [EX6] from ${from}: ${title}`, async () => {
        const { clients } = the();
        await the().broadcast(from, says, skips);
        const expected = clients.map((placed) => [placed.name, received(placed, from, setting)] as const);
        expect(await the().received(from)).toEqual(Object.fromEntries(expected));
      });
  };

  cross(kinds, 'a');
  cross(kinds, 'g');
  cross(natives, 'a');
  if (setting.isMute) {
    console.warn('Go neffos v0.0.24 has no NATS subject for the empty namespace: it speaks there to ids alone');
    cross(
      natives.filter(({ says }) => says.every(({ to }) => to)),
      'g',
    );
  } else cross(natives, 'g');

  it('[EX9] [EX14] of all that, nothing was lost', () => {
    expect(the().lost()).toEqual([]);
  });
});
