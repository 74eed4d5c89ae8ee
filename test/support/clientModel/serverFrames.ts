import fc from 'fast-check';

/** Names that a program has declared, and names that reach a prototype. */
const namespaces = ['a', 'b', 'app', '', 'c', '__proto__', 'constructor', 'a@%!semicolon@%!b'];
const rooms = ['', '', 'r', 's', '__proto__', 'toString', 'x'.repeat(300)];
const events = [
  'say',
  'question',
  'fault',
  'fails',
  'note',
  'confirm',
  'unknown',
  '__proto__',
  'hasOwnProperty',
  '',
  '_OnNamespaceConnect',
  '_OnNamespaceConnected',
  '_OnNamespaceDisconnect',
  '_OnRoomJoin',
  '_OnRoomJoined',
  '_OnRoomLeave',
  '_OnRoomLeft',
  '_OnAnyEvent',
  '_OnNativeMessage',
];
/** The `own` tokens are replaced by tokens that the client has made. */
const waits = ['', '', '', 's1', '17', '$1', '$x', '#', '#1', '#m', 'neffos(0x1(2))', 'k!abc', 'own0', 'own1', 'own9'];

const deep = `${'['.repeat(5_000)}${']'.repeat(5_000)}`;
const bodies = fc.oneof(
  fc.constantFrom(
    '',
    'hi',
    'a;b;c',
    '"text"',
    '{"a":1}',
    '{"__proto__":{"x":1}}',
    '{',
    'null',
    '1e999',
    deep,
    '\ud800',
  ),
  fc.string({ maxLength: 40 }),
);

const frames = fc
  .tuple(
    fc.constantFrom(...waits),
    fc.constantFrom(...namespaces),
    fc.constantFrom(...rooms),
    fc.constantFrom(...events),
    fc.constantFrom('0', '0', '0', '1', '', 'x'),
    fc.constantFrom('0', '0', '0', '0', '1'),
    bodies,
  )
  .map((fields) => fields.join(';'));

const numbers = fc.constantFrom(
  '0',
  '-1',
  '1',
  '1e308',
  '1e999',
  '-1e999',
  '2147483648',
  '0.5',
  '"7"',
  'null',
  '[]',
  '{}',
);
const verbs = fc.constantFrom(
  'welcome',
  'pong',
  'authed',
  'resumed',
  'live',
  'fresh',
  'ack',
  'move',
  'gap',
  'hello',
  '',
);
const verbBodies = fc.oneof(
  fc
    .tuple(numbers, numbers, numbers, numbers, numbers)
    .map(
      ([ping, storm, most, bytes, ttl]) =>
        `{"v":1,"window":0,"ping":${ping},"storm":${storm},"outbox":{"frames":${most},"bytes":${bytes}},"auth":{"ttl":${ttl}}}`,
    ),
  fc.tuple(numbers, numbers).map(([ttl, error]) => `{"ttl":${ttl},"error":${error},"final":${ttl}}`),
  fc.tuple(numbers, numbers).map(([count, storm]) => `${count} ${storm}`),
  fc.constantFrom('{"outbox":[]}', '{"outbox":null}', '{"auth":7}', '[]', 'null', '7', '{"error":{}}'),
  bodies,
);
const sessionFrames = fc.tuple(verbs, verbBodies).map(([verb, body]) => `#m;;;${verb};0;0;${body}`);

/** A frame with some of its characters changed, left out or doubled. */
const mutated = fc
  .tuple(
    fc.oneof(frames, sessionFrames),
    fc.array(fc.tuple(fc.nat(), fc.nat(2), fc.string({ minLength: 1, maxLength: 1 }))),
  )
  .map(([frame, changes]) => {
    let text = frame;
    for (const [at, kind, unit] of changes.slice(0, 4)) {
      const place = at % (text.length + 1);
      text = text.slice(0, place) + (kind === 0 ? '' : unit) + text.slice(kind === 2 ? place : place + 1);
    }
    return text;
  });

const encoder = new TextEncoder();

/** Whatever a server can send: frames, nearly frames, greetings at any time, verbs with any body, and bytes. */
export const serverFrames: fc.Arbitrary<string | Uint8Array> = fc.oneof(
  { weight: 6, arbitrary: frames },
  { weight: 3, arbitrary: mutated },
  { weight: 3, arbitrary: sessionFrames },
  { weight: 1, arbitrary: fc.constantFrom('A', 'Aid', 'M', '', ';', ';;;;;;', '#m;', '#m', 'Hallo;;;;;;') },
  { weight: 1, arbitrary: fc.string({ maxLength: 60 }) },
  { weight: 2, arbitrary: frames.map((frame) => encoder.encode(frame)) },
  { weight: 2, arbitrary: fc.uint8Array({ maxLength: 40 }) },
);
