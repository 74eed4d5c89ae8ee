import fc from 'fast-check';

/** One thing that a client sends; answers find their token when they are sent, as only the server knows it. */
export type Sent =
  | { readonly kind: 'event' | 'lifecycle' | 'odd'; readonly payload: string | Uint8Array }
  | { readonly kind: 'answer'; readonly pick: number; readonly rest: string };

/** One thing that happens to a connection. */
export type ConnectionEvent =
  | { readonly kind: 'says'; readonly sent: Sent }
  | { readonly kind: 'rests' }
  | { readonly kind: 'waits'; readonly ms: number }
  | { readonly kind: 'stalls' | 'drains' | 'asked' | 'called in' | 'called out' | 'closes' };

/** Events that have a handler; what that does is in its name. */
const acts = ['ok', 'reply', 'boom', 'reject', 'later', 'odd', 'all', 'others', 'enter', 'quit'] as const;
/** Those that hold the lane, or end the connection, are rare: little else would ever happen. */
const rareActs = ['hang', 'question'] as const;

const nastyNames = [
  '__proto__',
  'constructor',
  'toString',
  'then',
  'hasOwnProperty',
  'a;b',
  '@%!semicolon@%!',
  '\0',
  '\u2028',
  '\ud800',
  ' ',
  'x'.repeat(300),
  '_OnAnyEvent',
  '_OnNativeMessage',
  '_OnNamespaceConnected',
  '_OnRoomJoined',
];

const namespace = fc.oneof(
  { arbitrary: fc.constantFrom('n', 'm'), weight: 25 },
  { arbitrary: fc.constantFrom('', 'nope', 'closed', ...nastyNames), weight: 1 },
);
const room = fc.oneof(
  { arbitrary: fc.constantFrom('r', 's'), weight: 20 },
  { arbitrary: fc.constantFrom('secret', 'sticky', 'elsewhere', ...nastyNames), weight: 1 },
);
const noRoom = fc.constant('');
const event = fc.oneof(
  { arbitrary: fc.constantFrom(...acts), weight: 400 },
  { arbitrary: fc.constantFrom(...rareActs), weight: 8 },
  { arbitrary: fc.constant('close'), weight: 1 },
  { arbitrary: fc.constantFrom('unknown', ...nastyNames), weight: 30 },
);
const body = fc.oneof(fc.constantFrom('', 'x', 'a;b;c', '{"__proto__":1}', ';;;;;;;;'), fc.string({ maxLength: 20 }));
/** The number makes each token one of its own. */
const wait = fc.oneof({ arbitrary: fc.constant('$'), weight: 3 }, { arbitrary: fc.constant(''), weight: 2 });
const flag = fc.oneof(
  { arbitrary: fc.constant('0'), weight: 15 },
  { arbitrary: fc.constantFrom('1', '', 'x', '00'), weight: 1 },
);

const escaped = (name: string): string => name.replaceAll(';', '@%!semicolon@%!');

/** Replaces `$` by a token that its client has not used yet. */
const framed = (wait: string, ns: string, room: string, event: string, flags: string, body: string): string =>
  `${wait};${escaped(ns)};${escaped(room)};${escaped(event)};${flags};${body}`;

const utf8 = new TextEncoder();
const maybeBinary = (payload: fc.Arbitrary<string>): fc.Arbitrary<string | Uint8Array> =>
  fc.oneof({ arbitrary: payload, weight: 5 }, { arbitrary: payload.map((text) => utf8.encode(text)), weight: 1 });

const eventFrame = fc
  .tuple(wait, namespace, fc.oneof({ arbitrary: noRoom, weight: 2 }, { arbitrary: room, weight: 1 }), event, flag, body)
  .map(([token, ns, name, what, isError, text]) => framed(token, ns, name, what, `${isError};0`, text));

const lifecycleFrame = fc
  .tuple(
    fc.oneof({ arbitrary: fc.constant('$'), weight: 9 }, { arbitrary: fc.constant(''), weight: 1 }),
    namespace,
    fc.oneof(
      { arbitrary: fc.constant(['_OnNamespaceConnect', '']), weight: 12 },
      { arbitrary: fc.tuple(fc.constant('_OnRoomJoin'), room), weight: 12 },
      { arbitrary: fc.tuple(fc.constantFrom('_OnRoomLeave', '_OnRoomLeft'), room), weight: 3 },
      { arbitrary: fc.constant(['_OnNamespaceDisconnect', '']), weight: 1 },
    ),
    flag,
  )
  .map(([token, ns, [what = '', name = ''], isNoOp]) =>
    framed(token, ns, name, what, `0;${isNoOp === '1' ? 1 : 0}`, ''),
  );

const foreignWaits = ['neffos(0x4da6a244(ann0xc0))', 'x!default.', '#1', '17953443098', 'R17953', 'M', 'A', 'é'];

const oddPayload = fc.oneof(
  maybeBinary(
    fc.constantFrom('M', 'Aevil', 'Hevil', '', ';', ';;;;;', ';;;;;;', 'garbage', '\ufeff;n;;ok;0;0;', '['.repeat(500)),
  ),
  maybeBinary(fc.string({ unit: 'binary', maxLength: 30 })),
  fc.uint8Array({ maxLength: 30 }),
  // A header that is no UTF-8.
  fc
    .uint8Array({ maxLength: 5 })
    .map((bytes) => Uint8Array.from([...utf8.encode('$1;n;'), 0xff, ...bytes, ...utf8.encode(';ok;0;0;')])),
  // A frame with a piece cut out, or put in.
  fc
    .tuple(eventFrame, fc.nat(40), fc.nat(5), fc.constantFrom('', ';', '@%!', '\0'))
    .map(([text, at, cut, put]) => text.slice(0, at) + put + text.slice(at + cut)),
  fc.tuple(fc.constantFrom(...foreignWaits), eventFrame).map(([token, text]) => token + text.slice(text.indexOf(';'))),
);

const answer = fc.record({
  kind: fc.constant('answer' as const),
  pick: fc.nat(5),
  rest: fc.constantFrom(';;;;;;', ';n;;question;0;0;yes', ';n;;question;1;0;no', ';n;;question;1;0;', ';x;y;z;0;0;'),
});

const sent: fc.Arbitrary<Sent> = fc.oneof(
  { arbitrary: fc.record({ kind: fc.constant('event' as const), payload: maybeBinary(eventFrame) }), weight: 10 },
  {
    arbitrary: fc.record({ kind: fc.constant('lifecycle' as const), payload: maybeBinary(lifecycleFrame) }),
    weight: 4,
  },
  { arbitrary: fc.record({ kind: fc.constant('odd' as const), payload: oddPayload }), weight: 2 },
  { arbitrary: answer, weight: 2 },
);

/** What happens to a connection, mostly that its client says something. */
export const connectionEvent: fc.Arbitrary<ConnectionEvent> = fc.oneof(
  { arbitrary: fc.record({ kind: fc.constant('says' as const), sent }), weight: 120 },
  { arbitrary: fc.constant<ConnectionEvent>({ kind: 'rests' }), weight: 10 },
  { arbitrary: fc.record({ kind: fc.constant('waits' as const), ms: fc.constantFrom(10, 1_000, 2_000) }), weight: 4 },
  {
    arbitrary: fc.constantFrom<ConnectionEvent>({ kind: 'stalls' }, { kind: 'drains' }, { kind: 'drains' }),
    weight: 3,
  },
  {
    arbitrary: fc.constantFrom<ConnectionEvent>({ kind: 'asked' }, { kind: 'called in' }, { kind: 'called out' }),
    weight: 3,
  },
);
