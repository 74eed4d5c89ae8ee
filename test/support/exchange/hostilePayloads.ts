import fc from 'fast-check';
import { type SenderTag, writeTag } from '../../../src/protocol/tag.js';

/** What an attacker with access to the broker knows. */
export interface AttackerKnowledge {
  /** The ids of the servers. */
  readonly nodes: readonly string[];
  /** Tokens of pending asks. */
  readonly tokens: readonly string[];
  readonly ids: readonly string[];
  readonly namespaces: readonly string[];
  readonly rooms: readonly string[];
  /** The prefix of the channels. */
  readonly prefix: string;
}

const utf8 = new TextEncoder();
/** More than the limit of a payload. */
const tooMuch = 2 * 1_048_576;

/** Payloads of an attacker on the broker: valid, broken, and in between. */
export const hostilePayload = ({
  nodes,
  tokens,
  ids,
  namespaces,
  rooms,
  prefix,
}: AttackerKnowledge): fc.Arbitrary<Uint8Array> => {
  const count = fc.oneof(fc.nat(20), fc.constantFrom(0, 999_999_999_999_999, 2 ** 31, 2 ** 32));
  const tag = fc
    .record<SenderTag>({
      node: fc.oneof(fc.constantFrom(...nodes), fc.constant('00000000-0000-4000-8000-000000000000'), fc.uuid()),
      epoch: count,
      // None follows another: of those that do, the time decides whether they are late.
      number: count.map((number) => number - (number % 2)),
      isBinary: fc.boolean(),
      isNative: fc.constant(false),
      exceptId: fc.constantFrom('', '', ...ids),
    })
    .map(writeTag);
  const token = fc.oneof(
    fc.constantFrom(...tokens, 'kabc-1f', 'R17953', 'Rx'),
    fc.stringMatching(/^[0-9a-z]{1,12}-[0-9a-z]{1,8}$/),
    fc.nat().map((number) => `R${number}`),
  );
  const marked = fc.tuple(token, fc.nat(4)).map(([text, marks]) => `${text[0]}${'!'.repeat(marks)}${text.slice(1)}`);
  const oddWait = fc.constantFrom(
    ...['$', '$1', '#', '#1', '!', 'M', 'A', 'Aevil', 'neffos(0x', 'neffos(0x4da6a244(ann0xc0))', ' ', '\0', 'é'],
    ...[
      'x!default.',
      `${prefix}.default.`,
      `${prefix[0]}!${prefix.slice(1)}.default.`,
      'k!a.b',
      'k!*',
      'k!>',
      'k!\r\n',
    ],
    ...[`${prefix}.ask.x`, `k!${'a'.repeat(200)}`, '__proto__', `R${'9'.repeat(40)}`],
  );
  const wait = fc.oneof(
    { weight: 2, arbitrary: fc.constant('') },
    { weight: 3, arbitrary: tag },
    { weight: 3, arbitrary: marked },
    { weight: 1, arbitrary: oddWait },
  );
  const namespace = fc.oneof(
    { weight: 20, arbitrary: fc.constantFrom('default', 'default', ...namespaces) },
    {
      weight: 1,
      arbitrary: fc.constantFrom('nowhere', '__proto__', 'constructor', ...ids, 'a@%!semicolon@%!b', '\ud800'),
    },
  );
  const room = fc.oneof(
    { weight: 3, arbitrary: fc.constant('') },
    { weight: 2, arbitrary: fc.constantFrom(...rooms, 'elsewhere', '__proto__', 'x'.repeat(300)) },
  );
  const event = fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom('chat', 'q', '_OnAnyEvent', '_OnNativeMessage', 'toString') },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        ...['_OnNamespaceConnect', '_OnNamespaceConnected', '_OnNamespaceDisconnect', '_OnRoomJoin', '_OnRoomJoined'],
        ...['_OnRoomLeave', '_OnRoomLeft', ''],
      ),
    },
  );
  const flag = fc.oneof(
    { weight: 8, arbitrary: fc.constant('0') },
    { weight: 1, arbitrary: fc.constantFrom('1', '', 'x') },
  );
  const body = fc.oneof(
    fc
      .constantFrom('', 'x', ';;;;;;;', 'bad room', '\ufeff', '{"__proto__":{}}', 'x'.repeat(5_000))
      .map((text) => utf8.encode(text)),
    fc.string({ unit: 'binary', maxLength: 20 }).map((text) => utf8.encode(text)),
    fc.uint8Array({ maxLength: 20 }),
  );
  const frame = fc
    .tuple(fc.tuple(wait, namespace, room, event, flag, flag), body)
    .map(([fields, bytes]) => Buffer.concat([utf8.encode(`${fields.join(';')};`), bytes]));
  // A native message whose body names its namespace.
  const native = fc.tuple(fc.constantFrom(...namespaces), fc.uuid(), count).map(([of, node, number]) => {
    const tagged = writeTag({ node, epoch: 1, number, isBinary: false, isNative: true, exceptId: '' });
    return utf8.encode(`${tagged};${of};;_OnNativeMessage;0;0;native ${of}`);
  });
  const cut = fc
    .tuple(frame, fc.nat(60), fc.nat(30), fc.constantFrom('', ';', '!', '\0', '@%!', ';;', '\r\n'))
    .map(([whole, at, size, put]) =>
      Buffer.concat([whole.subarray(0, at), utf8.encode(put), whole.subarray(at + size)]),
    );
  const short = fc.tuple(frame, fc.nat(80)).map(([whole, size]) => whole.subarray(0, size));
  const noText = fc
    .uint8Array({ minLength: 1, maxLength: 4 })
    .map((bytes) => Buffer.concat([utf8.encode(';default;'), Uint8Array.of(0xff), bytes, utf8.encode(';chat;0;0;x')]));
  return fc.oneof(
    { weight: 90, arbitrary: frame },
    { weight: 4, arbitrary: native },
    { weight: 10, arbitrary: cut },
    { weight: 6, arbitrary: short },
    { weight: 4, arbitrary: noText },
    { weight: 6, arbitrary: fc.uint8Array({ maxLength: 60 }) },
    { weight: 4, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }).map((text) => utf8.encode(text)) },
    {
      weight: 2,
      arbitrary: fc
        .constantFrom('M', 'Aevil', 'Hevil', '', ';;;;;', ';;;;;;', ';;;;0;0;')
        .map((text) => utf8.encode(text)),
    },
  );
};

/** Returns a payload above the limit. */
export const hugePayload = (): Uint8Array => {
  const payload = new Uint8Array(tooMuch).fill(0x78);
  payload.set(utf8.encode(';default;;chat;0;0;'));
  return payload;
};
